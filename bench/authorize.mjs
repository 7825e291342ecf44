// @ts-check
/** What the decision alone costs, without a server around it: `authorize` for a key with a great many rules. */
import { BENCH_MODEL } from './latchkey.mjs';
import { RESTRICTED_POLICY, USER_AGENT } from './restricted-policy.mjs';

const DOMAIN = new URL('../dist/src/modules/keys/domain/', import.meta.url);
const ROUNDS = 7;
const CALLS = 200_000;

/** @param {string} path */
const load = (path) => import(new URL(path, DOMAIN).href);

/** @param {string} name */
function clientAt(name) {
  return {
    address: name,
    isHttps: true,
    country: null,
    origin: null,
    referrer: null,
    userAgent: USER_AGENT,
  };
}

/** @returns {Promise<number>} microseconds for both decisions of a request, the guard's and the pipeline's; the median */
export async function measureAuthorize() {
  const [
    { authorize },
    { compileKeyView },
    { readPolicy },
    { policyWithin },
    { UNRESTRICTED_POLICY },
  ] = await Promise.all([
    load('authorize.js'),
    load('key-view.js'),
    load('policy/read-policy.js'),
    load('policy/policy-within.js'),
    load('policy/policy-fields.js'),
  ]);
  const { policy } = policyWithin(UNRESTRICTED_POLICY, readPolicy(RESTRICTED_POLICY));
  const none = {
    expiresAt: null,
    disabledAt: null,
    enableAt: null,
    revokedAt: null,
    secretExpiresAt: null,
  };
  const view = compileKeyView({
    keyId: 'key_bench',
    organizationId: 'org_bench',
    environment: 'production',
    accessLevel: null,
    userId: null,
    role: null,
    teamId: null,
    projectIds: [],
    serviceAccountId: null,
    standing: null,
    awaitsApproval: false,
    environmentRules: null,
    scopes: ['inference'],
    policy,
    ...none,
  });
  const route = { now: 0, isReadOnlyRoute: false };
  const callers = ['127.0.0.1', '127.0.0.2', '127.1.2.3', '127.9.9.9'].map((address) => ({
    ...route,
    neededScopes: 1,
    operation: 'write',
    client: clientAt(address),
  }));
  const asked = {
    ...route,
    neededScopes: 0,
    model: BENCH_MODEL,
    alternativeModels: [],
    features: 1,
    outputTokens: 256,
  };
  const times = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now();
    for (let call = 0; call < CALLS; call += 1) {
      const isCaller = authorize(view, callers[call % callers.length]).allowed;
      if (!isCaller || !authorize(view, asked).allowed)
        throw new Error('The bench’s own request is refused.');
    }
    times.push(((performance.now() - start) * 1000) / CALLS);
  }
  return /** @type {number} */ (times.toSorted((a, b) => a - b)[ROUNDS >> 1]);
}
