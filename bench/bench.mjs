// @ts-check
/**
 * `npm run bench`: what governing a request costs. Latchkey and a hand-written ungoverned proxy stand, in turns,
 * before the same provider stub and under the same load; see README.md for how to read the figures. It fails on
 * errors (a non-2xx answer, a cut stream), never on speed.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

import { measureAuthorize } from './authorize.mjs';
import { NODE_FLAGS, provision, startLatchkey } from './latchkey.mjs';
import { LIMITED_POLICY } from './limited-policy.mjs';
import { measure } from './measure.mjs';
import { makeNaiveBuild } from './naive-limits.mjs';
import { parseOptions, USAGE } from './options.mjs';
import { Cleanups, startWorker } from './processes.mjs';
import { renderTable, summarizeTurns } from './report.mjs';
import { RESTRICTED_POLICY } from './restricted-policy.mjs';
import { scenariosOf } from './scenarios.mjs';

/** What the provider itself takes. */
const UNGOVERNED = 'Bearer sk-upstream-bench';
const INTERRUPTED = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** Progress; kept out of the report. @param {string} text */
function say(text) {
  console.error(text);
}

/**
 * @param {import('./options.mjs').Options} options
 * @param {Cleanups} cleanups
 * @param {{ logTail: () => string }} diagnosis
 * @returns {Promise<import('./measure.mjs').Bench>}
 */
async function start(options, cleanups, diagnosis) {
  const stub = startWorker('upstream-stub.mjs', cleanups);
  const load = startWorker('load.mjs', cleanups);
  /** @type {number} */
  const stubPort = await stub.ask('start', { chunks: options.chunks });
  /** @type {import('./measure.mjs').System[]} */
  const systems = [];
  if (options.only !== 'latchkey') {
    const bare = startWorker('bare-proxy.mjs', cleanups, NODE_FLAGS);
    systems.push({
      name: 'bare',
      port: await bare.ask('start', { upstreamPort: stubPort }),
      authorization: {
        plain: UNGOVERNED,
        restricted: UNGOVERNED,
        limited: UNGOVERNED,
        audited: UNGOVERNED,
      },
      exchanges: () => Promise.resolve(0),
      cpuMicros: bare.cpuMicros,
      databaseCpuMicros: () => new Map(),
    });
  }
  /** @param {string} [folder] of the build @returns {Promise<import('./measure.mjs').System>} */
  const startGateway = async (folder) => {
    say('starting Latchkey');
    const gateway = await startLatchkey(options, cleanups, folder);
    diagnosis.logTail = gateway.logTail;
    const keys = await provision(gateway, stubPort, {
      restricted: RESTRICTED_POLICY,
      limited: LIMITED_POLICY,
    });
    const authorization = {
      plain: `Bearer ${keys.plain}`,
      restricted: `Bearer ${keys.restricted}`,
      limited: `Bearer ${keys.limited}`,
      audited: `Bearer ${keys.audited}`,
    };
    return { ...gateway, name: 'latchkey', authorization };
  };
  if (options.only !== 'bare') systems.push(await startGateway());
  const startNaive = () => startGateway(makeNaiveBuild(cleanups));
  return { options, stub, load, systems, startNaive };
}

/** @param {import('./options.mjs').Options} options */
function describe(options) {
  return {
    date: new Date().toISOString(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    options,
  };
}

/**
 * With the build that the scenario is about.
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {import('./measure.mjs').Bench} bench
 * @returns {Promise<import('./measure.mjs').Bench>}
 */
async function benchOf({ isNaive }, bench) {
  if (!isNaive || bench.options.only === 'bare') return bench;
  const bare = bench.systems.filter(({ name }) => name === 'bare');
  return { ...bench, systems: [...bare, await bench.startNaive()] };
}

/** @param {import('./measure.mjs').Bench} bench */
async function runAndReport(bench) {
  const { options } = bench;
  const about = describe(options);
  const authorizeMicros = await measureAuthorize();
  const results = [];
  for (const scenario of scenariosOf(options)) {
    const turns = await measure(await benchOf(scenario, bench), scenario, say);
    results.push({ scenario, turns, ...summarizeTurns(turns, scenario.measures) });
  }
  const tables = results.map((result) => renderTable(result.scenario, result));
  console.log(
    `\nLatchkey bench, ${about.date}, node ${about.node}, ${about.cores} cores (${about.cpu}), ` +
      `${options.rounds} rounds of ${options.seconds} s`,
  );
  console.log(`median [least–greatest] over the rounds\n\n${tables.join('\n\n')}`);
  console.log(
    `\nauthorize, both decisions of a request, the key with a great many rules: ${authorizeMicros.toFixed(2)} µs`,
  );
  if (options.json !== undefined) {
    const figures = results.map(({ scenario, ...figuresOfIt }) => {
      const { title, connections, pauseMs } = scenario;
      return { title, connections, pauseMs, ...figuresOfIt };
    });
    writeFileSync(
      options.json,
      `${JSON.stringify({ ...about, authorizeMicros, scenarios: figures }, null, 2)}\n`,
    );
  }
}

/** @param {import('./options.mjs').Options} options */
async function main(options) {
  const cleanups = new Cleanups();
  const diagnosis = { logTail: () => '' };
  let interrupted = false;
  for (const [signal, code] of Object.entries(INTERRUPTED)) {
    process.on(signal, () => {
      interrupted = true;
      void cleanups.run().then(() => process.exit(code));
    });
  }
  try {
    await runAndReport(await start(options, cleanups, diagnosis));
  } catch (error) {
    // Whatever fails after an interruption fails because its process was ended.
    if (interrupted) return;
    console.error(error instanceof Error ? error.message : error);
    if (diagnosis.logTail() !== '') console.error(`Latchkey's log:\n${diagnosis.logTail()}`);
    process.exitCode = 1;
  } finally {
    if (!interrupted) await cleanups.run();
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') console.log(USAGE);
  else await main(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exitCode = 2;
}
