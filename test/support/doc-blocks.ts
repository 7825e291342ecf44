import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The fenced blocks of a page of the documents that are marked as being in `language`, in their order. */
export function blocksOf(page: string, language: string): string[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
  const blocks = text.matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return [...blocks].flatMap(([, marked, block = '']) => (marked === language ? [block] : []));
}

export type ProgramOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
};

/**
 * Runs a program to its end and answers what it printed; this process goes on serving meanwhile.
 * @throws {Error} it did not end with 0
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  { cwd, env, input = '' }: ProgramOptions = {},
): Promise<string> {
  const child = spawn(command, args, { cwd, env: { PATH: process.env.PATH, ...env } });
  let output = '';
  let complaints = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  // What it has to say it says by how it ends: it may be over before it has read what it was given.
  child.stdin.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') child.emit('error', error);
  });
  child.stdin.end(input);
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${complaints}`);
  return output;
}

/** Whether a program is on PATH and starts. */
export function isInstalled(command: string, versionFlag = '--version'): boolean {
  return spawnSync(command, [versionFlag]).status === 0;
}
