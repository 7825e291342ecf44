import { describe, expect, it } from 'vitest';

import { runProgram } from './run-program.js';

const options = { account: null, timeoutMs: 5000 };
const shell = async (script: string, more: { timeoutMs?: number; input?: string } = {}) =>
  runProgram('/bin/sh', ['-c', script], { ...options, ...more });

describe('runProgram', () => {
  it('hands none of our environment on, for it holds secrets', async () => {
    const { output } = await runProgram('/usr/bin/env', [], options);
    const names = output.split('\n').map((line) => line.split('=')[0] ?? '');
    expect(names.sort()).toEqual(['LC_ALL', 'PATH', 'TZ']);
  });

  it('reports failure, with the output, instead of throwing', async () => {
    expect(await shell('echo out; echo bad >&2; exit 3')).toEqual({
      ok: false,
      output: 'out\nbad',
    });
    expect(await runProgram('/no/such/program', [], options)).toEqual({
      ok: false,
      output: expect.stringContaining('ENOENT') as string,
    });
  });

  it('hands over the input, and survives a program that does not read it', async () => {
    expect(await shell('cat', { input: 'hello' })).toEqual({ ok: true, output: 'hello' });
    expect((await shell('exec 0<&-; exit 0', { input: 'x'.repeat(1 << 20) })).ok).toBe(true);
  });

  it('keeps the end of a long output only', async () => {
    const { output } = await shell('i=0; while [ $i -lt 3000 ]; do echo line-$i; i=$((i+1)); done');
    expect(output.length).toBeLessThanOrEqual(16_384);
    expect(output).toMatch(/line-2999$/);
  });

  it('kills what takes too long', async () => {
    expect(await shell('exec sleep 60', { timeoutMs: 50 })).toEqual({
      ok: false,
      output: '(ended by SIGKILL)',
    });
  });
});
