import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';

import { type WatchedKey, WatchedKeys } from '#modules/keys/index.js';

import type { WatchEntriesService, WatchedLog } from './watch-entries.service.js';
import { WatchFailures } from './watch-failures.js';
import { WatchLogService } from './watch-log.service.js';

const NEVER = new AbortController().signal;

class SomeKeys extends WatchedKeys {
  constructor(private readonly all: readonly WatchedKey[]) {
    super();
  }

  override listAcrossTenants(): Promise<WatchedKey[]> {
    return Promise.resolve([...this.all]);
  }

  override alert(): Promise<'none'> {
    return Promise.resolve('none');
  }
}

const keyOf = (organizationId: string, keyId: string): WatchedKey => ({ organizationId, keyId });

/** @param next what becomes of the next batch of an organization's log */
function watching(keys: readonly WatchedKey[], next: (log: WatchedLog) => Promise<boolean>) {
  const registry = new Registry();
  const lines: string[] = [];
  const logger = pino({}, { write: (line) => void lines.push(line) });
  const watched: string[] = [];
  const entries = {
    watchNext: (log: WatchedLog): Promise<boolean> => {
      watched.push(`${log.organizationId}: ${[...log.keyIds].join()}`);
      return next(log);
    },
  } as unknown as WatchEntriesService;
  const failures = new WatchFailures(registry, logger);
  const service = new WatchLogService(new SomeKeys(keys), entries, failures);
  const counted = async (): Promise<number | undefined> => {
    const metric = await registry.getSingleMetric('latchkey_audit_watch_failures_total')?.get();
    return metric?.values[0]?.value;
  };
  return { watchAll: () => service.watchAll(100, NEVER), watched, lines, counted };
}

describe('a pass over all logs', () => {
  it('looks at each once, with all keys of it', async () => {
    const keys = [keyOf('org_a', 'key_1'), keyOf('org_a', 'key_2'), keyOf('org_b', 'key_3')];
    const { watchAll, watched } = watching(keys, () => Promise.resolve(false));
    await watchAll();
    expect(watched).toEqual(['org_a: key_1,key_2', 'org_b: key_3']);
  });

  it('goes on behind one that fails, says which that was, and fails', async () => {
    const keys = [keyOf('org_a', 'key_1'), keyOf('org_b', 'key_2'), keyOf('org_c', 'key_3')];
    const { watchAll, watched, lines, counted } = watching(keys, ({ organizationId }) =>
      organizationId === 'org_b' ? Promise.reject(new Error('broken')) : Promise.resolve(false),
    );
    await expect(watchAll()).rejects.toThrow('broken');
    expect(watched).toEqual(['org_a: key_1', 'org_b: key_2', 'org_c: key_3']);
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ organization_id: 'org_b', msg: 'Alerts could not be looked for.' }),
    ]);
    expect(await counted()).toBe(1);
  });

  it('counts all that fail, and says so of ten of them', async () => {
    const keys = Array.from({ length: 30 }, (_, at) => keyOf(`org_${at}`, `key_${at}`));
    const { watchAll, lines, counted } = watching(keys, () => Promise.reject(new Error('broken')));
    await expect(watchAll()).rejects.toThrow('broken');
    expect(await counted()).toBe(30);
    expect(lines).toHaveLength(10);
  });

  it('leaves one that has no end to the next pass', async () => {
    const keys = [keyOf('org_a', 'key_1'), keyOf('org_b', 'key_2')];
    const { watchAll, watched } = watching(keys, ({ organizationId }) =>
      Promise.resolve(organizationId === 'org_a'),
    );
    await watchAll();
    expect(watched.filter((log) => log.startsWith('org_a'))).toHaveLength(20);
    expect(watched.at(-1)).toBe('org_b: key_2');
  });
});
