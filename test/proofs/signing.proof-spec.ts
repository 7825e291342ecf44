/** A signed request is served once, however often and to whichever instance it is sent. */
import { describe, expect, it } from 'vitest';

import { GatewayProcess, newInstallation } from '../support/gateway-process.js';
import { sendRaw } from '../support/raw-request.js';
import { type SigningKey, signedHeaders } from '../support/signer.js';
import { makePatchedBuild } from './patched-build.harness.js';
import { setUpProof } from './proof.harness.js';

const ROUNDS = 10;
const REPLAYS = 100;
const HOST = 'gateway.test';
const TARGET = '/v1/chat/completions';
const BODY = '{"model":"sandbox/echo","messages":[{"role":"user","content":"?"}]}';

const proof = setUpProof();

async function startPair(build?: string): Promise<[GatewayProcess, GatewayProcess]> {
  const installation = newInstallation(proof.databaseUrl);
  const options = build === undefined ? {} : { build };
  const a = await GatewayProcess.start(installation, options);
  return [a, await GatewayProcess.start(installation, options)];
}

/** Sends one signed request to both at once, over and over. Answers how many of each status came back. */
async function replay(
  [a, b]: readonly [GatewayProcess, GatewayProcess],
  key: SigningKey,
): Promise<Record<number, number>> {
  const unsigned = { method: 'POST', url: `http://${HOST}${TARGET}`, body: BODY };
  const headers: [string, string][] = [
    ['Host', HOST],
    ...Object.entries(signedHeaders(key, unsigned)),
  ];
  const request = { method: 'POST', target: TARGET, headers, body: BODY };
  const statuses: Record<number, number> = {};
  await Promise.all(
    Array.from({ length: REPLAYS }, async (_, at) => {
      const { status } = await sendRaw((at % 2 === 0 ? a : b).origin, request);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }),
  );
  return statuses;
}

async function signingKey(gateway: GatewayProcess): Promise<SigningKey> {
  const security = { authentication: { require_signature: true } };
  const made = await gateway.call('POST', '/v1/keys', { name: 'signs', security });
  expect(made.status).toBe(201);
  return made.body as SigningKey;
}

describe('two instances that get one signed request many times at once', () => {
  it('serve it once, also when one of them is killed and started again', async () => {
    const [a, b] = await startPair();
    const key = await signingKey(a);
    const rounds: Record<number, number>[] = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await replay([a, b], key));
    proof.figures.push(`replays, ${ROUNDS} rounds of ${REPLAYS}: ${JSON.stringify(rounds)}`);
    expect(rounds).toEqual(rounds.map(() => ({ 200: 1, 401: REPLAYS - 1 })));

    const unsigned = { method: 'POST', url: `http://${HOST}${TARGET}`, body: BODY };
    const headers: [string, string][] = [
      ['Host', HOST],
      ...Object.entries(signedHeaders(key, unsigned)),
    ];
    const request = { method: 'POST', target: TARGET, headers, body: BODY };
    expect((await sendRaw(a.origin, request)).status).toBe(200);
    await a.end('SIGKILL');
    const again = await GatewayProcess.start(a.installation);
    for (const { origin } of [again, b]) {
      expect(await sendRaw(origin, request)).toMatchObject({
        status: 401,
        text: expect.stringContaining('nonce_replayed') as string,
      });
    }
  });

  it('are seen to serve it more than once where a used nonce is no obstacle', async () => {
    const build = await makePatchedBuild({
      file: 'modules/auth/nonces/used-nonces.store.js',
      find: 'ON CONFLICT DO NOTHING',
      replace: 'ON CONFLICT (key_id, nonce_hash) DO UPDATE SET expires_at = EXCLUDED.expires_at',
    });
    const pair = await startPair(build);
    const statuses = await replay(pair, await signingKey(pair[0]));
    proof.figures.push(`replays with a bug: ${JSON.stringify(statuses)}`);
    expect(statuses[200]).toBeGreaterThan(1);
  });
});
