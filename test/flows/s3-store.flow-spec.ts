import { setTimeout as sleep } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { loadEnv } from '#platform/config/env.js';
import { MissingObjectError, ObjectExistsError } from '#platform/object-store/object-store.port.js';
import { S3ObjectStore } from '#platform/object-store/s3.object-store.js';

import { type S3Front, startS3Front } from '../support/s3-front.js';

const NEVER = new AbortController().signal;
const CHUNK = 'x'.repeat(1024 * 1024);
/** More than two parts of 16 MiB. */
const CHUNKS = 40;

let s3: S3Front;
let store: S3ObjectStore;
const notices: string[] = [];
const notice = ({ message }: Error): number => notices.push(message);
beforeAll(async () => {
  process.on('warning', notice);
  s3 = await startS3Front();
  store = storeOf(s3.env);
});
afterEach(() => (s3.fateOf = () => 'pass'));
afterAll(async () => {
  store.onApplicationShutdown();
  await s3.close();
  process.off('warning', notice);
});

function storeOf(env: Readonly<Record<string, string>>): S3ObjectStore {
  const { s3: config } = loadEnv(env);
  if (!config) throw new Error('There is no bucket.');
  return new S3ObjectStore(config);
}

function chunks(count = CHUNKS): AsyncIterable<Uint8Array> {
  return Readable.from(Array.from({ length: count }, () => Buffer.from(CHUNK)));
}

async function expectNothing(name: string): Promise<void> {
  await expect(store.read(name)).rejects.toBeInstanceOf(MissingObjectError);
  expect([...s3.uploads.values()]).toEqual([]);
}

describe('an object in S3', () => {
  it.each([
    ['nothing', 0],
    ['one part', 3],
    ['several', CHUNKS],
  ])('of %s is what was written, until it is deleted', async (_, count) => {
    await store.write('exports/whole', chunks(count), NEVER);
    const content = await text(await store.read('exports/whole'));
    expect(content === CHUNK.repeat(count)).toBe(true);
    await store.delete('exports/whole');
    await expectNothing('exports/whole');
  });

  it.each(['fail', 'close'] as const)(
    'is not there at all where the server comes to %s in the middle',
    async (fate) => {
      s3.fateOf = (_, path) => (path.includes('partNumber=2') ? fate : 'pass');
      await expect(store.write('exports/cut', chunks(), NEVER)).rejects.toThrow();
      await expectNothing('exports/cut');
    },
    30_000,
  );

  it('is not there where its source fails', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* chunks(CHUNKS - 1);
      throw new Error('No more of it.');
    }
    await expect(store.write('exports/short', failing(), NEVER)).rejects.toThrow('No more of it.');
    await expectNothing('exports/short');
  });

  it('is given up at once while the server keeps it waiting', async () => {
    const asked = new Promise<void>((resolve) => {
      s3.fateOf = (_, path) => {
        if (!path.includes('partNumber=2')) return 'pass';
        resolve();
        return 'stall';
      };
    });
    const stop = new AbortController();
    const writing = store.write('exports/stalled', chunks(), stop.signal);
    const rejected = expect(writing).rejects.toThrow();
    await asked;
    stop.abort(new Error('It is not wanted any more.'));
    await rejected;
    await expectNothing('exports/stalled');
  });

  it('of which a killed process has uploaded a part leaves nothing once it is deleted', async () => {
    s3.fateOf = (method, path) =>
      path.includes('partNumber=2') || method === 'DELETE' ? 'fail' : 'pass';
    await expect(store.write('exports/killed', chunks(), NEVER)).rejects.toThrow();
    expect([...s3.uploads.values()]).toEqual(['latchkey/exports/killed']);
    s3.fateOf = () => 'pass';
    await store.delete('exports/killed');
    await expectNothing('exports/killed');
  }, 30_000);

  it('that is written once stays as it is', async () => {
    await store.create('notes/1', 'first', NEVER);
    const again = store.create('notes/1', 'second', NEVER);
    await expect(again).rejects.toBeInstanceOf(ObjectExistsError);
    expect(await text(await store.read('notes/1'))).toBe('first');
  });

  it('is of the credentials, the bucket and the prefix that were configured', async () => {
    const other = storeOf({ ...s3.env, LATCHKEY_S3_ACCESS_KEY_ID: 'somebody-else' });
    await expect(other.write('exports/mine', chunks(1), NEVER)).rejects.toThrow();
    other.onApplicationShutdown();
    const paths: string[] = [];
    s3.fateOf = (_, path) => {
      paths.push(path);
      return 'pass';
    };
    await store.write('exports/mine', chunks(1), NEVER);
    expect(paths[0]).toMatch(/^\/exports\/latchkey\/exports\/mine\?/);
    expect(await store.location()).toBe('s3:exports/latchkey/');
  });

  it('comes without a notice of the SDK', async () => {
    await sleep(0);
    expect(notices.filter((one) => one.includes('AWS'))).toEqual([]);
  });
});
