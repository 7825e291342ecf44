import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from 's3rver';

const BUCKET = 'exports';

export type S3Server = {
  readonly env: Readonly<Record<string, string>>;
  /** Of the objects, and of what is uploaded of them so far. */
  files(): Promise<string[]>;
  close(): Promise<void>;
};

/** A server that speaks S3's protocol, on a free port. Where a secret is given, requests are signed with that, and it does not look at them. */
export async function startS3(secret?: string): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-s3-'));
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    allowMismatchedSignatures: secret !== undefined,
    directory,
    configureBuckets: [{ name: BUCKET }],
  });
  const { port } = await server.run();
  return {
    env: {
      LATCHKEY_S3_BUCKET: BUCKET,
      LATCHKEY_S3_ENDPOINT: `http://127.0.0.1:${port}`,
      LATCHKEY_S3_ACCESS_KEY_ID: 'S3RVER',
      LATCHKEY_S3_SECRET_ACCESS_KEY: secret ?? 'S3RVER',
      LATCHKEY_S3_PREFIX: 'latchkey',
    },
    files: async () => {
      const found = await readdir(directory, { recursive: true, withFileTypes: true });
      return found.filter((one) => one.isFile()).map(({ name }) => name);
    },
    close: async () => {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
