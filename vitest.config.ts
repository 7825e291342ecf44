import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const resolve = {
  alias: {
    '#common': folder('./src/common'),
    '#platform': folder('./src/platform'),
    '#modules': folder('./src/modules'),
  },
};
/** These replace a module for themselves, which no other file may see. */
const REPLACES_MODULES = [
  'src/modules/limits/journal/journal-failures.spec.ts',
  'src/modules/usage/spool-usage-recorder.spec.ts',
];
const REPLACES_MODULES_OF_SYSTEM = ['test/contract/audit-canaries.spec.ts'];
/** Modules are read once for all files of a worker: reading them anew for each took most of the time. */
const sharesModules = { isolate: false };
/** Bounds a test that hangs; how busy the machine is must not decide. */
const UNIT_TIMEOUT_MS = 30_000;
/** Of microseconds, so nothing else may run. */
const MEASURES_TIME = ['test/proofs/timing.proof-spec.ts'];
const withDatabase = { globalSetup: ['./test/support/global-setup.ts'] };

const provesAtLength = {
  setupFiles: ['reflect-metadata'],
  testTimeout: 600_000,
  hookTimeout: 120_000,
  ...withDatabase,
};

export default defineConfig({
  resolve,
  test: {
    // Vitest would leave one core alone, which is half of two; the specs wait for PostgreSQL much of the time.
    maxWorkers: '100%',
    projects: [
      {
        resolve,
        test: {
          name: 'unit',
          include: ['src/**/*.spec.ts'],
          exclude: REPLACES_MODULES,
          setupFiles: ['reflect-metadata'],
          testTimeout: UNIT_TIMEOUT_MS,
          ...sharesModules,
        },
      },
      {
        resolve,
        test: {
          name: 'unit-isolated',
          include: REPLACES_MODULES,
          setupFiles: ['reflect-metadata'],
          testTimeout: UNIT_TIMEOUT_MS,
        },
      },
      {
        resolve,
        test: {
          name: 'system',
          include: ['test/{api,flows,contract}/**/*.{api-spec,flow-spec,spec}.ts'],
          exclude: REPLACES_MODULES_OF_SYSTEM,
          setupFiles: ['reflect-metadata'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          ...sharesModules,
          ...withDatabase,
        },
      },
      {
        resolve,
        test: {
          name: 'system-isolated',
          include: REPLACES_MODULES_OF_SYSTEM,
          setupFiles: ['reflect-metadata'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          ...withDatabase,
        },
      },
      {
        resolve,
        test: {
          name: 'proofs',
          include: ['test/proofs/**/*.proof-spec.ts'],
          exclude: MEASURES_TIME,
          // Most of the time they wait; what they promise of time has room for a second one.
          maxWorkers: 2,
          // Of a file whose tests may run at once, as they wait.
          maxConcurrency: 8,
          ...provesAtLength,
        },
      },
      {
        resolve,
        test: { name: 'proofs-alone', include: MEASURES_TIME, ...provesAtLength },
      },
    ],
  },
});
