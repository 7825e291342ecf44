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
const withDatabase = { globalSetup: ['./test/support/global-setup.ts'] };

export default defineConfig({
  resolve,
  test: {
    projects: [
      {
        resolve,
        test: { name: 'unit', include: ['src/**/*.spec.ts'], setupFiles: ['reflect-metadata'] },
      },
      {
        resolve,
        test: {
          name: 'system',
          include: ['test/{api,flows,contract}/**/*.{api-spec,flow-spec,spec}.ts'],
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
          setupFiles: ['reflect-metadata'],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          ...withDatabase,
        },
      },
    ],
  },
});
