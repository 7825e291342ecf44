import { type Call, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.js';
import { signedHeaders, type SigningKey, type SignOptions } from '../../support/signer.js';

export type Probe = {
  readonly headers?: Record<string, string>;
  readonly body?: object;
  readonly path?: string;
  /** How it is signed, where it is. */
  readonly signed?: SignOptions;
  /** How many more of it are sent at the same time. The answer is that of one that is refused, if any is. */
  readonly besides?: number;
};
export type PolicyRow = {
  /** The field's path in the canonical policy. */
  readonly field: string;
  /** As somebody would write it, with the value that is tried. */
  readonly policy: Record<string, unknown>;
  readonly passes: Probe;
  readonly fails: Probe;
  readonly code: string;
  readonly status?: number;
};

export const CHAT = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'hi' }] };
const NETWORK = 'security.network_restrictions';
const DOMAIN = 'security.domain_restrictions';
const AUTHENTICATION = 'security.authentication';
const FROM_OFFICE = { 'x-forwarded-for': '203.0.113.7' };
export const TOOLS = [
  { type: 'function', function: { name: 'f', parameters: { type: 'object' } } },
];

function network(fields: Record<string, unknown>): Record<string, unknown> {
  return { security: { network_restrictions: fields } };
}
function domain(fields: Record<string, unknown>): Record<string, unknown> {
  return { security: { domain_restrictions: fields } };
}
function routing(fields: Record<string, unknown>): Record<string, unknown> {
  return { permissions: { routing: fields } };
}

export function authentication(fields: Record<string, unknown>): Record<string, unknown> {
  return { security: { authentication: { require_signature: true, ...fields } } };
}
function secondsAgo(seconds: number): number {
  return Math.floor(Date.now() / 1_000) - seconds;
}

/** Each field so that a request passes, and so that it is refused with exactly this status and code. */
export const POLICY_ROWS: readonly PolicyRow[] = [
  {
    field: 'permissions.models.allowed',
    policy: { permissions: { models: ['sandbox/e*'] } },
    passes: {},
    fails: { body: { ...CHAT, model: 'sandbox/lorem' } },
    code: 'model_not_allowed',
  },
  {
    field: 'permissions.models.denied',
    policy: { permissions: { models: { denied: ['*/lorem'] } } },
    passes: {},
    fails: { body: { ...CHAT, model: 'sandbox/lorem' } },
    code: 'model_not_allowed',
  },
  {
    field: 'permissions.models.cost_limits',
    policy: {
      permissions: { models: { cost_limits: { 'sandbox/*': { max_tokens_per_request: 10 } } } },
    },
    passes: { body: { ...CHAT, max_tokens: 10 } },
    fails: { body: { ...CHAT, max_completion_tokens: 11 } },
    code: 'token_limit_exceeded',
    status: 400,
  },
  {
    field: 'permissions.features.allowed',
    policy: { permissions: { features: ['chat_completion'] } },
    passes: { body: { ...CHAT, stream: true } },
    fails: { path: '/v1/embeddings', body: { model: 'sandbox/echo', input: 'hi' } },
    code: 'feature_not_allowed',
  },
  {
    field: 'permissions.features.denied',
    policy: { permissions: { features: { function_calling: false } } },
    passes: {},
    fails: { body: { ...CHAT, tools: TOOLS } },
    code: 'feature_not_allowed',
  },
  {
    field: 'permissions.operations',
    policy: { permissions: { operations: ['read'] } },
    passes: { path: 'GET /v1/models' },
    fails: {},
    code: 'operation_not_allowed',
  },
  {
    field: 'permissions.routing.allow_auto_routing',
    policy: routing({ allow_auto_routing: false }),
    passes: {},
    fails: { body: { ...CHAT, model: 'auto' } },
    code: 'model_not_allowed',
  },
  {
    field: 'permissions.routing.allowed_providers',
    policy: routing({ allowed_providers: ['second'] }),
    passes: { body: { ...CHAT, model: 'routed' } },
    fails: { body: { ...CHAT, model: 'only-first' } },
    code: 'provider_not_allowed',
  },
  {
    field: 'permissions.routing.force_provider',
    policy: routing({ force_provider: 'second' }),
    passes: { body: { ...CHAT, model: 'routed' } },
    fails: { body: { ...CHAT, model: 'only-first' } },
    code: 'provider_not_allowed',
  },
  {
    field: `${NETWORK}.ip_whitelist`,
    policy: { restrictions: { ip_whitelist: ['203.0.113.0/24', '2001:db8::/32'] } },
    passes: { headers: FROM_OFFICE },
    fails: { headers: { 'x-forwarded-for': '198.51.100.1' } },
    code: 'ip_not_allowed',
  },
  {
    field: `${NETWORK}.ip_blacklist`,
    policy: network({ ip_blacklist: ['192.0.2.0/24'] }),
    passes: { headers: FROM_OFFICE },
    fails: { headers: { 'x-forwarded-for': '192.0.2.200' } },
    code: 'ip_not_allowed',
  },
  {
    field: `${NETWORK}.require_https`,
    policy: network({ require_https: true }),
    passes: { headers: { 'x-forwarded-proto': 'https' } },
    fails: {},
    code: 'https_required',
  },
  {
    field: `${NETWORK}.allowed_countries`,
    policy: network({ allowed_countries: ['de', 'FR'] }),
    passes: { headers: { ...FROM_OFFICE, 'cf-ipcountry': 'DE' } },
    fails: { headers: { ...FROM_OFFICE, 'cf-ipcountry': 'XX' } },
    code: 'country_not_allowed',
  },
  {
    field: `${NETWORK}.blocked_countries`,
    policy: network({ blocked_countries: ['US'] }),
    passes: { headers: FROM_OFFICE },
    // Known from the database that is shipped.
    fails: { headers: { 'x-forwarded-for': '8.8.8.8' } },
    code: 'country_not_allowed',
  },
  {
    field: `${NETWORK}.allowed_origins`,
    policy: network({ allowed_origins: ['https://*.company.com'] }),
    passes: { headers: { origin: 'https://app.company.com' } },
    fails: { headers: { origin: 'https://company.com' } },
    code: 'origin_not_allowed',
  },
  {
    field: `${DOMAIN}.allowed_domains`,
    policy: { restrictions: { domains: ['app.company.com'] } },
    passes: { headers: { referer: 'https://app.company.com/page' } },
    fails: { headers: { origin: 'https://app.company.com.evil.com' } },
    code: 'origin_not_allowed',
  },
  {
    field: `${DOMAIN}.allowed_referrers`,
    policy: { restrictions: { referrers: ['https://app.company.com/docs/*'] } },
    passes: { headers: { referer: 'https://app.company.com/docs/a?b' } },
    fails: { headers: { referer: 'https://app.company.com/docs/../admin' } },
    code: 'referrer_not_allowed',
  },
  {
    field: `${DOMAIN}.user_agents`,
    policy: {
      restrictions: { user_agents: ['Mine/1.0'] },
      ...domain({ user_agent_pattern: String.raw`^YourApp/\d+\.\d+` }),
    },
    passes: { headers: { 'user-agent': 'YourApp/2.1 (x)' } },
    fails: { headers: { 'user-agent': 'Mine/1.0 NotYourApp/2' } },
    code: 'user_agent_not_allowed',
  },
];

/** As {@link POLICY_ROWS}, of what the routes decide that it is about, so that a simulation knows nothing of it. */
export const DATA_ROWS: readonly PolicyRow[] = [
  {
    field: 'permissions.data_access.export_data',
    policy: { permissions: { data_access: { export_data: false } } },
    passes: { path: 'GET /v1/requests' },
    fails: { path: 'GET /v1/requests/req_1?include=bodies' },
    code: 'operation_not_allowed',
  },
  {
    field: 'permissions.data_access.delete_data',
    policy: { permissions: { delete_data: false } },
    passes: { path: 'GET /v1/requests' },
    fails: { path: 'DELETE /v1/requests?before=2026-01-01' },
    code: 'operation_not_allowed',
  },
];

/** As {@link POLICY_ROWS}, of what only a signed request can show. */
export const SIGNING_ROWS: readonly PolicyRow[] = [
  {
    field: `${AUTHENTICATION}.require_signature`,
    policy: authentication({}),
    passes: { signed: {} },
    fails: {},
    code: 'signature_required',
    status: 401,
  },
  {
    field: `${AUTHENTICATION}.signature_algorithm`,
    policy: authentication({ signature_algorithm: 'hmac-sha256' }),
    passes: { signed: {} },
    fails: { signed: { alg: 'hmac-sha512' } },
    code: 'signature_invalid',
    status: 401,
  },
  {
    field: `${AUTHENTICATION}.require_timestamp`,
    policy: authentication({ require_timestamp: true }),
    passes: { signed: {} },
    fails: { signed: { created: null } },
    code: 'signature_invalid',
    status: 401,
  },
  {
    field: `${AUTHENTICATION}.max_timestamp_age`,
    policy: authentication({ max_timestamp_age: 120 }),
    passes: { signed: { created: secondsAgo(60) } },
    fails: { signed: { created: secondsAgo(300) } },
    code: 'timestamp_out_of_range',
    status: 401,
  },
  {
    field: `${AUTHENTICATION}.require_nonce`,
    policy: authentication({ require_nonce: true }),
    passes: { signed: {} },
    fails: { signed: { nonce: null } },
    code: 'signature_invalid',
    status: 401,
  },
];

/** Whether inference is held to `KeyView.limits`; until then {@link LIMIT_ROWS} are only read and answered. */
export const LIMITS_ARE_ENFORCED = true as boolean;

const LIMITS = 'rate_limits';
const PRICED = { ...CHAT, model: 'routed' };
/** More input than any of the limits of tokens and money below. */
const LONG = saying(2_000);
const SLOW = { headers: { 'x-latchkey-sandbox-delay-ms': '1000' } };

/** As {@link POLICY_ROWS}, of what can be used up: what passes is what uses it up, where it does not say otherwise. */
export const LIMIT_ROWS: readonly PolicyRow[] = [
  ...['per_second', 'per_minute', 'per_hour', 'per_day'].map((name) => ({
    ...limited('requests', { [name]: 1 }),
    ...refusal('rate_limit_exceeded'),
  })),
  {
    // Two at once would pass without it.
    ...limited('requests', { burst_size: 1, per_second: 2 }),
    ...refusal('rate_limit_exceeded'),
  },
  {
    ...limited('tokens', { input_per_minute: 1_000 }),
    fails: { body: { ...CHAT, messages: LONG } },
    ...refusal('rate_limit_exceeded'),
  },
  {
    // The first call is let through by an estimate, and is known to have had 80 tokens when the second comes.
    ...limited('tokens', { output_per_minute: 100 }),
    passes: { body: { ...CHAT, max_tokens: 80, messages: saying(80) } },
    fails: { body: { ...CHAT, max_tokens: 80, messages: saying(80) } },
    ...refusal('rate_limit_exceeded'),
  },
  {
    ...limited('tokens', { total_per_day: 1_000 }),
    fails: { body: { ...CHAT, messages: LONG } },
    ...refusal('rate_limit_exceeded'),
  },
  {
    // About 700 tokens are left to answer with, which is more than the 256 that are asked for elsewhere.
    ...limited('tokens', { min_output: 900, total_per_day: 1_000 }),
    fails: { body: { ...CHAT, messages: saying(300) } },
    ...refusal('rate_limit_exceeded'),
  },
  ...['per_request_max', 'per_hour_max', 'per_day_max', 'per_month_max'].map((name) => ({
    // A thousand tokens, at the price of the routes.
    ...limited('costs', { [name]: '0.001' }),
    passes: { body: { ...PRICED, max_tokens: 10 } },
    fails: { body: { ...PRICED, messages: LONG } },
    ...refusal('budget_exceeded'),
  })),
  {
    ...limited('concurrency', { max_parallel_requests: 1 }),
    fails: { ...SLOW, besides: 1 },
    ...refusal('concurrency_limit_exceeded'),
  },
  {
    ...limited('concurrency', { max_queued_requests: 1, max_parallel_requests: 1 }),
    passes: { ...SLOW, besides: 1 },
    fails: { ...SLOW, besides: 2 },
    ...refusal('concurrency_limit_exceeded'),
  },
  {
    ...modelLimited('sandbox/*', { max_requests_per_day: 1 }),
    ...refusal('rate_limit_exceeded'),
  },
  {
    ...modelLimited('routed', { max_cost_per_day: '0.001' }),
    passes: { body: { ...PRICED, max_tokens: 10 } },
    fails: { body: { ...PRICED, messages: LONG } },
    ...refusal('budget_exceeded'),
  },
];

/** @param limits the one that is tried comes first */
function limited(group: string, limits: Record<string, unknown>): Omit<PolicyRow, 'code'> {
  const field = `${LIMITS}.${group}.${Object.keys(limits)[0] ?? ''}`;
  return { field, policy: { [LIMITS]: { [group]: limits } }, passes: {}, fails: {} };
}
function modelLimited(model: string, limits: Record<string, unknown>): Omit<PolicyRow, 'code'> {
  const policy = { permissions: { models: { cost_limits: { [model]: limits } } } };
  return { field: 'permissions.models.cost_limits', policy, passes: {}, fails: {} };
}
function refusal(code: string): Pick<PolicyRow, 'code' | 'status'> {
  return { code, status: 429 };
}
function saying(words: number): object[] {
  return [{ role: 'user', content: 'word '.repeat(words) }];
}

/** An application behind a trusted proxy, with two providers, of which only one has the model `only-first`. */
export async function startWithProviders(): Promise<{ app: TestApp; upstream: FakeUpstream }> {
  const app = await startTestApp({
    env: {
      LATCHKEY_TRUSTED_PROXIES: '127.0.0.1/32, ::1/128',
      LATCHKEY_COUNTRY_HEADER: 'cf-ipcountry',
    },
  });
  const upstream = await startFakeUpstream();
  for (const name of ['first', 'second']) {
    const made = await app.call('POST', '/v1/providers', {
      body: { name, kind: 'openai-compatible', base_url: upstream.baseUrl, api_key: 'sk-upstream' },
    });
    const { id } = made.body as { id: string };
    const price = { input_per_million: '1', output_per_million: '1' };
    for (const model of name === 'first' ? ['routed', 'only-first'] : ['routed'])
      await app.call('POST', '/v1/routes', { body: { model, provider_id: id, price } });
  }
  return { app, upstream };
}

export function targetOf({ path = '/v1/chat/completions' }: Probe): [method: string, path: string] {
  const [method, target] = path.split(' ');
  return target === undefined ? ['POST', path] : [method ?? '', target];
}

export async function probe(
  app: TestApp,
  key: SigningKey | string,
  tried: Probe,
): Promise<[number, string | undefined]> {
  const { body = CHAT, signed, besides = 0 } = tried;
  const [method, path] = targetOf(tried);
  const isSigned = signed !== undefined && typeof key !== 'string';
  const headers = isSigned
    ? signedHeaders(key, { method, url: app.origin + path, body: JSON.stringify(body) }, signed)
    : (tried.headers ?? {});
  const call: Call = {
    key: typeof key === 'string' ? key : key.key,
    headers,
    ...(method === 'POST' && { body }),
  };
  const send = (): ReturnType<TestApp['call']> => app.call(method, path, call);
  const [first, ...others] = await Promise.all([send(), ...Array.from({ length: besides }, send)]);
  const answer = [first, ...others].find(({ status }) => status !== 200) ?? first;
  return [answer.status, codeOf(answer)];
}
