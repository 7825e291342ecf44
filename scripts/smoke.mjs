// The first minutes of a newcomer, for real: `npm start` on an empty data folder, the curl line that it prints, Ctrl-C,
// a second start, `kill -9`, a third one; then as a container runs it. `npm run smoke`. Whatever happens, nothing that it
// started is left running.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const START_MS = 90_000;
const STOP_MS = 15_000;
const POLL_MS = 50;
const ALARMING = /warn|deprecat|error|fatal/i;
const NPM_START = ['npm', 'start'];
const CONTAINER_START = containerCommand();
const KEY = /\b[a-z][a-z0-9]{1,11}-live-[0-9A-Za-z]{32}\b/g;
const UP = /Latchkey is up: (\S+)\n/;
const CURL = /^ *(curl .*)$/m;

const parent = await mkdtemp(join(tmpdir(), 'latchkey-smoke-'));
// PostgreSQL may have to run as another user, who must be able to pass.
await chmod(parent, 0o711);
const dataDir = join(parent, 'data');
const npmrc = join(parent, 'npmrc');
await writeFile(npmrc, '');
const port = await freePort();
/** Every process that was ever seen to be ours. */
const ours = new Set();

try {
  await firstStart();
  await secondStart();
  await thirdStart();
  await containerStart();
  console.log('Smoke: all is well.');
} catch (error) {
  console.error(`Smoke: ${error.message}`);
  process.exitCode = 1;
} finally {
  await endEverything();
  const elsewhere = await readlink(join(dataDir, 'postgres')).catch(() => null);
  if (elsewhere !== null) await rm(dirname(elsewhere), { recursive: true, force: true });
  await rm(parent, { recursive: true, force: true });
}

async function firstStart() {
  const run = await start('first start', NPM_START);
  const line = CURL.exec(run.output())?.[1];
  expect(line !== undefined, 'the first start prints no curl line', run);
  const answer = await runCurl(line);
  expect(answer.status === 200, `the printed curl line answers ${answer.status}: ${answer.body}`);
  const text = JSON.parse(answer.body).choices?.[0]?.message?.content;
  expect(typeof text === 'string' && text !== '', `no completion: ${answer.body}`);
  console.log(`Smoke: the printed curl line answers "${text}"`);
  await pressCtrlC(run);
  const keys = run.output().match(KEY) ?? [];
  const alone = keys.filter((key) => new RegExp(`^ *${key}$`, 'm').test(run.output()));
  // On a line of its own, and in the curl line.
  expect(keys.length === 2 && alone.length === 2 && keys[0] === keys[1], 'not one key', run);
  expect(run.output().split(`  ${keys[0]}\n`).length === 2, 'the key is printed again', run);
}

async function secondStart() {
  const run = await start('second start', NPM_START);
  expectNoAlarm(run);
  const server = await serverOf(run);
  process.kill(server, 'SIGKILL');
  await run.ended;
  expect(!KEY.test(run.output()), 'the second start prints a key', run);
}

async function thirdStart() {
  const run = await start('start after kill -9', NPM_START);
  const answer = await fetch(`http://127.0.0.1:${port}/health/ready`);
  expect(answer.status === 200, `not ready after kill -9: ${await answer.text()}`);
  await pressCtrlC(run);
  expect(!KEY.test(run.output()), 'the third start prints a key', run);
}

/** What the Dockerfile says that a container runs. */
function containerCommand() {
  const [, command] = /^CMD (\[.*\])$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
  return JSON.parse(command).map((word) => (word === 'node' ? process.execPath : word));
}

async function containerStart() {
  const run = await start('start of a container', CONTAINER_START);
  const { code } = await stop(run, () => process.kill(run.pid, 'SIGTERM'));
  expect(code === 0, `${run.name}: ended with code ${code}`, run);
}

/** As a person's terminal runs it: a process group of its own. */
async function start(name, [program, ...args]) {
  const began = performance.now();
  const child = spawn(program, args, {
    cwd: ROOT,
    detached: true,
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  ours.add(child.pid);
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  let isOver = false;
  void ended.then(() => (isOver = true));
  const run = { name, pid: child.pid, ended, output: () => output };
  while (!UP.test(output) || (name === 'first start' && !CURL.test(output))) {
    expect(!isOver, `${name}: it ended`, run);
    expect(performance.now() - began < START_MS, `${name}: not up in ${START_MS} ms`, run);
    await sleep(POLL_MS);
  }
  await remember(run.pid);
  console.log(`Smoke: ${name}: up after ${seconds(began)}`);
  return run;
}

/** The caller's own settings of npm and of Latchkey have no part in this. */
function environment() {
  const foreign = /^(npm_|latchkey_|node_options$|database_url$|redis_url$|host$|[a-z]+_api_key$)/i;
  const env = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return {
    ...Object.fromEntries(env),
    npm_config_userconfig: npmrc,
    LATCHKEY_DATA_DIR: dataDir,
    PORT: String(port),
  };
}

/** It reaches the whole group. Some shells, once their child has ended well, end by the signal themselves, and npm too. */
async function pressCtrlC(run) {
  const { code, signal } = await stop(run, () => process.kill(-run.pid, 'SIGINT'));
  const isClean = code === 0 || signal === 'SIGINT';
  expect(isClean, `${run.name}: ended with ${code ?? signal}`, run);
}

async function stop(run, signal) {
  await remember(run.pid);
  const began = performance.now();
  signal();
  const result = await Promise.race([run.ended, sleep(STOP_MS, null, { ref: false })]);
  expect(result !== null, `${run.name}: not ended after ${STOP_MS} ms`, run);
  console.log(`Smoke: ${run.name}: ended after ${seconds(began)}`);
  const left = await alive();
  expect(left.length === 0, `${run.name}: still running: ${left.join(', ')}`, run);
  expectNoAlarm(run);
  return result;
}

function expectNoAlarm(run) {
  const alarm = run
    .output()
    .split('\n')
    .find((line) => ALARMING.test(line));
  expect(alarm === undefined, `${run.name} says: ${alarm}`, run);
}

/** Runs the line as a shell would; through `fetch` where there is no curl. */
async function runCurl(line) {
  if (spawnSync('curl', ['--version']).status === 0) {
    const { stdout, stderr } = spawnSync('/bin/sh', ['-c', `${line} -sS -w '\\n%{http_code}'`], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    const [, body, status] = /^([^]*)\n(\d+)$/.exec(stdout) ?? [];
    return { status: Number(status), body: body ?? stderr };
  }
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare);
  const after = (flag) => words.flatMap((word, at) => (word === flag ? [words[at + 1]] : []));
  const response = await fetch(words[1], {
    method: 'POST',
    headers: after('-H').map((header) => header.split(/: */, 2)),
    body: after('-d')[0],
  });
  return { status: response.status, body: await response.text() };
}

/** The Node process that serves: the last of npm's chain. */
async function serverOf(run) {
  const family = await descendants(run.pid);
  const server = family.find(({ command }) =>
    /^\S*node\S* (--\S+ )*dist\/src\/main\.js/.test(command),
  );
  expect(server !== undefined, `${run.name}: no server among ${JSON.stringify(family)}`);
  return server.pid;
}

async function remember(pid) {
  for (const found of await descendants(pid)) ours.add(found.pid);
}

async function alive() {
  const running = new Map((await processes()).map((found) => [found.pid, found]));
  return [...ours].flatMap((pid) => (running.has(pid) ? [running.get(pid).command] : []));
}

/** A pid may have been given to somebody else's process since; what is ended is under our folder or our npm. */
async function endEverything() {
  const isOurs = ({ pid, command }) =>
    command.includes(dataDir) || (ours.has(pid) && /npm start|main\.js|postgres/.test(command));
  for (let round = 0; round < 20; round++) {
    const left = (await processes()).filter(isOurs);
    if (left.length === 0) return;
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    }
    await sleep(POLL_MS);
  }
}

async function descendants(ancestor) {
  const all = await processes();
  const family = new Set([ancestor]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all.filter(({ pid }) => family.has(pid));
}

/** Everything that runs, zombies left out: from /proc on Linux, else from ps. */
async function processes() {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,command='], {
      encoding: 'utf8',
    });
    return [...stdout.matchAll(/^ *(\d+) +(\d+) +([^Z\s]\S*) +(.*)$/gm)].map(
      ([, pid, parent, , command]) => ({ pid: Number(pid), parent: Number(parent), command }),
    );
  }
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map(readProcess));
  return found.filter((one) => one !== null);
}

async function readProcess(pid) {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return null;
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
    return { pid: Number(pid), parent: Number(parent), command };
  } catch (error) {
    // It ended while we looked.
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return null;
    throw error;
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address();
  server.close();
  await once(server, 'close');
  return free;
}

function seconds(began) {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`;
}

function expect(condition, complaint, run) {
  if (condition) return;
  // A key that is thrown away a moment later, but logs are kept.
  const said = run ? `\n--- output\n${run.output().replace(KEY, '[the key]')}` : '';
  throw new Error(`${complaint}${said}`);
}
