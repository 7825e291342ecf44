import { readFile, writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { FOR_PEOPLE, LINKED, PUBLIC, READ_ONLY, SIGNED } from './guard-lists.js';
import { problemsOf } from './matrix/invariants.harness.js';
import { differencesOf, renderTable } from './matrix/table.harness.js';
import { replayRefused, type Row, walk } from './matrix/walk.harness.js';
import { World } from './matrix/world.harness.js';

const FILE = new URL('./authorization-matrix.txt', import.meta.url);
/** Thousands of calls, one after the other. */
const WALK_TIMEOUT_MS = 480_000;

let world: World;
let rows: Row[];
beforeAll(async () => {
  world = await World.found();
  rows = await walk(world);
}, WALK_TIMEOUT_MS);
afterAll(() => world.close());

describe('the authorisation matrix', () => {
  it('is the reviewed one', async () => {
    const table = renderTable(rows);
    if (process.env.UPDATE_MATRIX === '1') await writeFile(FILE, table);
    // Each line says what has changed. What is meant so is written with UPDATE_MATRIX=1, and reviewed.
    expect(differencesOf(await readFile(FILE, 'utf8'), table)).toEqual([]);
  });

  it('has a row for each route of the running app, which says for HEAD what it says for GET', () => {
    const walked = new Set(rows.map(({ method, url }) => `${method} ${url}`));
    for (const { method, url, endpoint } of world.routes) {
      if (endpoint === null) continue;
      const twin = world.routes.find((one) => one.method === 'GET' && one.url === url);
      if (method === 'HEAD') expect(endpoint, url).toEqual(twin?.endpoint);
      else expect(walked, 'a route without a row').toContain(`${method} ${url}`);
    }
  });

  it('has no hole, whatever has been reviewed', () => {
    const open = [...PUBLIC, ...FOR_PEOPLE, ...SIGNED, ...LINKED];
    expect(problemsOf(rows, { callers: world.callers, open, readOnly: READ_ONLY })).toEqual([]);
  });

  it(
    'stores nothing of a call that is refused',
    async () => {
      const { calls, changes, others } = await replayRefused(world, rows);
      expect(calls).toBeGreaterThan(3_000);
      expect(others).toEqual([]);
      expect(changes).toEqual([]);
    },
    WALK_TIMEOUT_MS,
  );
});
