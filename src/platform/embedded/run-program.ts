import { spawn } from 'node:child_process';

const OUTPUT_BYTES_MAX = 16_384;

/** The unprivileged user that PostgreSQL runs as when we are root; `null`: it runs as whoever we are. */
export type Account = Readonly<{ name: string; uid: number; gid: number }> | null;

/**
 * What every program we start gets: nothing of our environment (it holds secrets, and `PG…` variables would redirect
 * PostgreSQL), and a working folder that everybody can enter.
 */
export function spawnOptions(account: Account) {
  return {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    ...(account === null ? {} : { uid: account.uid, gid: account.gid }),
  };
}

export type ProgramResult = Readonly<{
  /** The exit code was zero. */
  ok: boolean;
  /** The last 16 KiB of standard output and standard error, or why the program could not be started. */
  output: string;
}>;

export type ProgramOptions = Readonly<{ account: Account; timeoutMs: number; input?: string }>;

/** Runs a program to its end, or kills it after `timeoutMs`. Never throws for what the program does. */
export async function runProgram(
  command: string,
  args: readonly string[],
  { account, timeoutMs, input = '' }: ProgramOptions,
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      ...spawnOptions(account),
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let output = '';
    const collect = (chunk: string): void => {
      output = (output + chunk).slice(-OUTPUT_BYTES_MAX);
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    child.on('error', (error) => resolve({ ok: false, output: error.message }));
    child.on('close', (code, signal) => {
      if (signal !== null) collect(`\n(ended by ${signal})`);
      resolve({ ok: code === 0, output: output.trim() });
    });
    // A program that ends before it has read everything closes the pipe; its exit code tells what happened.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
