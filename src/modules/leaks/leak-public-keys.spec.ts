import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Clock } from '#common/time/clock.js';
import { InvalidEnvironmentError, loadEnv } from '#platform/config/env.js';
import { createLogger } from '#platform/observability/logger.js';

import { LeakPublicKeys } from './leak-public-keys.js';

class TestClock extends Clock {
  ms = 1_000_000;
  override now(): number {
    return this.ms;
  }
}

const PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString();
let folder: string;
let file: string;
let clock: TestClock;
let logged: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-leak-keys-'));
  file = join(folder, 'keys.json');
  clock = new TestClock();
  logged = [];
});
afterEach(() => rm(folder, { recursive: true }));

function setOf(...names: string[]): string {
  return JSON.stringify({
    public_keys: names.map((key_identifier) => ({ key_identifier, key: PEM })),
  });
}

function open(given: string): Promise<LeakPublicKeys> {
  const logger = createLogger('trace', { write: (line) => void logged.push(line) });
  return LeakPublicKeys.open(loadEnv({ LATCHKEY_LEAK_PUBLIC_KEYS: given }), clock, logger);
}

async function knows(keys: LeakPublicKeys, ...names: string[]): Promise<boolean[]> {
  return Promise.all(names.map(async (name) => (await keys.find(name)) !== null));
}

describe('LeakPublicKeys', () => {
  it('are none when nothing is set', async () => {
    const keys = await open('');
    expect(keys.isConfigured).toBe(false);
    expect(await knows(keys, 'one', '')).toEqual([false, false]);
  });

  it('stand in the variable itself, which is never read again', async () => {
    const keys = await open(` ${setOf('one')} `);
    clock.ms += 3_600_000;
    expect(keys.isConfigured).toBe(true);
    expect(await knows(keys, 'one', 'two')).toEqual([true, false]);
  });

  it('stand in a file, which is read again for an unknown name, at most once a minute', async () => {
    await writeFile(file, setOf('one'));
    const keys = await open(file);
    expect(await knows(keys, 'one')).toEqual([true]);
    await writeFile(file, setOf('two'));
    clock.ms += 59_999;
    expect(await knows(keys, 'two', 'two')).toEqual([false, false]);
    clock.ms += 1;
    // A known name is no reason.
    expect(await knows(keys, 'one')).toEqual([true]);
    expect(await knows(keys, 'two', 'two', 'one')).toEqual([true, true, true]);
    expect(await knows(keys, 'one')).toEqual([false]);
    await writeFile(file, setOf('three'));
    clock.ms += 59_999;
    expect(await knows(keys, 'three')).toEqual([false]);
    clock.ms += 1;
    expect(await knows(keys, 'three')).toEqual([true]);
  });

  it.each(['{', '{"public_keys":[]}', null])(
    'go on being known when the file is %j, which the log says',
    async (text) => {
      await writeFile(file, setOf('one'));
      const keys = await open(file);
      if (text === null) await rm(file);
      else await writeFile(file, text);
      clock.ms += 60_000;
      expect(await knows(keys, 'two')).toEqual([false]);
      expect(await knows(keys, 'one')).toEqual([true]);
      expect(logged).toHaveLength(1);
      expect(logged[0]).toContain('LATCHKEY_LEAK_PUBLIC_KEYS');
    },
  );

  it.each([
    ['a bad set', '{"public_keys":[{"key_identifier":"hidden-value"}]}'],
    ['a file that is not there', '/nowhere/hidden-value.json'],
    ['a folder', tmpdir()],
  ])('fail the start by name, without the value: %s', async (_, given) => {
    const error = await open(given).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidEnvironmentError);
    expect((error as Error).message).toContain('LATCHKEY_LEAK_PUBLIC_KEYS must');
    expect((error as Error).message).not.toMatch(/hidden-value|\/tmp/);
  });

  it('fail the start where a file is larger than any key set', async () => {
    await writeFile(file, setOf('one').padEnd(256 * 1024 + 1));
    await expect(open(file)).rejects.toThrow(/must not be larger/);
  });
});
