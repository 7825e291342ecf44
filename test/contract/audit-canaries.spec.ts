import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type * as SecretPatterns from '#platform/observability/secret-patterns.js';

import { Canaries } from '../support/canaries.js';
import { dumpDatabase } from '../support/database-dump.js';
import { CanaryWalk } from './canary-walk.harness.js';

const TIMEOUT_MS = 240_000;

/** With which what looks like a secret is taken out of a text that somebody else has written. */
const redaction = vi.hoisted(() => ({ isOn: true }));
vi.mock('#platform/observability/secret-patterns.js', async (load) => {
  const real = await load<typeof SecretPatterns>();
  const scrubSecrets = (text: string): string => (redaction.isOn ? real.scrubSecrets(text) : text);
  return { ...real, scrubSecrets };
});

/** Each is accepted at least once, so that it was at all where it might be kept. */
const KINDS = [
  'Authorization header',
  'CSRF token',
  'body of a model call',
  'credential of a provider',
  'idempotency key',
  'invitation token',
  'key secret',
  'password',
  'password of the mail server',
  'prompt',
  'reset token',
  'secret key of the installation',
  'secret of S3',
  'session cookie',
  'session token',
  'signature of a link',
  'signing secret',
  'ticket',
  'webhook secret',
  'x-api-key header',
  'what was refused',
];

let walk: CanaryWalk;
let failed: string[];
let succeeded: string[];
beforeAll(async () => {
  walk = await CanaryWalk.begin();
  await walk.listen();
  failed = await walk.changeEverything();
  await walk.useKeys();
  succeeded = await walk.failEverywhere();
  await walk.forgeEntry();
}, TIMEOUT_MS);
afterAll(() => walk.end());

describe('the canaries', () => {
  it('are of every kind, and were accepted', () => {
    expect(failed).toEqual([]);
    expect(succeeded).toEqual([]);
    expect(walk.canaries.kinds).toEqual(expect.arrayContaining(KINDS));
  });

  it('are found in any spelling', () => {
    const secret = 'Zq"\\%/+~=a-secret-of-somebody';
    const canaries = new Canaries();
    canaries.add('it', secret);
    const bytes = Buffer.from(`x${secret}, and more`);
    for (const text of [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(JSON.stringify({ secret })),
      bytes.toString('hex').toUpperCase(),
      bytes.toString('base64'),
      bytes.toString('base64url'),
      secret.slice(5),
      secret.slice(0, -5),
    ]) {
      expect(canaries.leaksIn(`... ${text} ...`), text).not.toEqual([]);
    }
    expect(canaries.leaksIn('A secret of somebody is nowhere here.')).toEqual([]);
  });
});

describe('no secret is', () => {
  it('in any row of the database', async () => {
    const dump = await dumpDatabase(walk.world.app.databaseUrl);
    const filled = dump.filter(({ rows }) => rows.length > 0).map(({ table }) => table);
    expect(filled).toEqual(
      expect.arrayContaining([
        'audit_entries',
        'audit_foreign_entries',
        'exports',
        'notifications',
        'notification_deliveries',
        'request_bodies',
      ]),
    );
    const leaks = dump.flatMap(({ table, rows }) =>
      rows.flatMap((row) => walk.canaries.leaksIn(row).map((leak) => `${table}: ${leak}`)),
    );
    expect(leaks).toEqual([]);
  });

  it('in any export', { timeout: TIMEOUT_MS }, async () => {
    const files = await walk.exports();
    expect(files.size).toBe(8);
    for (const [name, file] of files) {
      expect(file.length, name).toBeGreaterThan(10_000);
      const text = name.startsWith('parquet') ? await parquetText(file) : file.toString('utf8');
      expect(text, name).toContain('provider.updated');
      expect(walk.canaries.leaksIn(text), name).toEqual([]);
    }
  });

  it('in any line of the audit spool', () => {
    expect(walk.spooled.length).toBeGreaterThan(100);
    expect(walk.spooled.flatMap((line) => walk.canaries.leaksIn(line))).toEqual([]);
  });

  it('in any message of a webhook', () => {
    expect(walk.messages.length).toBeGreaterThan(5);
    expect(walk.messages.flatMap((text) => walk.canaries.leaksIn(text))).toEqual([]);
  });

  it('in any mail but that of whom it is meant for', () => {
    const meant = ['reset token', 'invitation token'];
    expect(walk.mails.length).toBeGreaterThan(5);
    expect(walk.mails.flatMap((text) => walk.canaries.leaksIn(text, meant))).toEqual([]);
  });

  it('in any line of the log, at its most talkative', () => {
    expect(walk.logged.length).toBeGreaterThan(500);
    expect(walk.logged.flatMap((line) => walk.canaries.leaksIn(line))).toEqual([]);
  });

  it('in the metrics, or in any answer that is an error', async () => {
    const { body } = await walk.world.app.call('GET', '/metrics');
    expect(walk.canaries.leaksIn(String(body))).toEqual([]);
    const errors = walk.answers.filter(({ status }) => status >= 400);
    expect(errors.length).toBeGreaterThan(100);
    const leaks = errors.flatMap(({ what, text }) =>
      walk.canaries.leaksIn(text).map((leak) => `${what}: ${leak}`),
    );
    expect(leaks).toEqual([]);
  });

  /** What these specs are for is found by them. */
  it('where redaction is off: then it is found', async () => {
    const { world, canaries } = walk;
    const [secret = ''] = canaries.of('invitation token');
    const id = await world.makeKey(world.sites.own);
    redaction.isOn = false;
    try {
      const path = `/v1/keys/${id}`;
      const { status } = await world.call(world.sites.own, 'DELETE', path, { reason: secret });
      expect(status).toBe(200);
    } finally {
      redaction.isOn = true;
    }
    const dump = await dumpDatabase(world.app.databaseUrl);
    const entries = dump.find(({ table }) => table === 'audit_entries')?.rows ?? [];
    const leaks = entries.flatMap((row) => canaries.leaksIn(row));
    expect(leaks).toContainEqual(expect.stringContaining(secret));
    expect(leaks.filter((leak) => !leak.startsWith('invitation token: '))).toEqual([]);
  });
});

async function parquetText(file: Buffer): Promise<string> {
  const copy = new Uint8Array(file);
  const rows = await parquetReadObjects({ file: copy.buffer });
  return JSON.stringify(rows, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}
