import { afterEach, describe, expect, it, vi } from 'vitest';

import {
  keyIdOf,
  MESSAGES,
  MODEL,
  type Stage,
  startStage,
  UPSTREAM_MODEL,
} from '../api/inference/inference.harness.js';
import { answerStream, chunk, DONE, USAGE_CHUNK } from '../support/fake-upstream.js';
import { attributesOf, isSilent, OtlpCollector, refuses } from '../support/otlp-collector.js';

const PARENT = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };
const TRACEPARENT = `00-${PARENT.trace}-${PARENT.span}-01`;
/** Says what must be in no export. */
const SECRET_WORDS = 'nobody but the model reads this';
const INTERNAL = 1;
const CLIENT = 3;
const ERROR = 2;

let collector: OtlpCollector | null = null;
let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  await collector?.close();
  [stage, collector] = [null, null];
});

type Started = { readonly stage: Stage; readonly collector: OtlpCollector };

async function start(env: Record<string, string> = {}): Promise<Started> {
  collector = await OtlpCollector.start();
  stage = await startStage({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_METRIC_EXPORT_INTERVAL: '100',
    ...env,
  });
  return { stage, collector };
}

/** Stops the gateway, so that all is exported that it has. */
async function finish(): Promise<void> {
  await stage?.close();
  stage = null;
}

async function metricOf({ app }: Stage, line: RegExp): Promise<number> {
  const text = (await app.call('GET', '/metrics')).body as string;
  return Number(line.exec(text)?.[1] ?? 0);
}

describe('a traced call', () => {
  it('is a span by the conventions for generative AI, below the client’s and above the provider’s', async () => {
    const { stage, collector } = await start();
    const keyId = await keyIdOf(stage.app, stage.key);
    const before = Date.now();
    const answer = await stage.chat(
      { messages: [{ role: 'user', content: SECRET_WORDS }] },
      { headers: { traceparent: TRACEPARENT, tracestate: 'vendor=1' } },
    );
    expect(answer.status).toBe(200);
    const after = Date.now();
    const [received] = stage.upstream.received;
    await finish();
    const [span, ...others] = collector.spans;
    expect(others).toEqual([]);
    expect(span).toMatchObject({
      traceId: PARENT.trace,
      parentSpanId: PARENT.span,
      name: `chat ${MODEL}`,
      kind: CLIENT,
    });
    expect(received?.headers.traceparent).toBe(`00-${PARENT.trace}-${span?.spanId}-01`);
    expect(received?.headers).not.toHaveProperty('tracestate');
    const { hostname, port } = new URL(stage.upstream.baseUrl);
    expect(attributesOf(span!)).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'provider-1',
      'gen_ai.request.model': MODEL,
      'gen_ai.response.model': UPSTREAM_MODEL,
      'gen_ai.usage.input_tokens': 11,
      'gen_ai.usage.output_tokens': 7,
      'gen_ai.usage.cache_read.input_tokens': 4,
      'gen_ai.usage.reasoning.output_tokens': 0,
      'http.response.status_code': 200,
      'server.address': hostname,
      'server.port': Number(port),
      'latchkey.cost_usd': expect.closeTo(5.55e-6, 12) as number,
      'latchkey.key_id': keyId,
      'latchkey.organization_id': expect.stringMatching(/^org_/) as string,
      'latchkey.request_id': answer.headers.get('x-request-id'),
    });
    const [from, to] = [span!.startTimeUnixNano, span!.endTimeUnixNano].map(
      (at) => Number(at) / 1e6,
    );
    expect(from).toBeGreaterThanOrEqual(before - 5);
    expect(to).toBeLessThanOrEqual(after + 5);
    expect(to).toBeGreaterThan(from!);
    expect(collector.services).toEqual(['latchkey']);
    expect(collector.bodies.filter(({ text }) => text.includes(SECRET_WORDS))).toEqual([]);
  });

  it('that fails or that is streamed says so; the sandbox is no other process', async () => {
    const { stage, collector } = await start();
    stage.upstream.behave((response) => void response.writeHead(500).end());
    expect((await stage.chat()).status).toBe(502);
    stage.upstream.behave(answerStream([chunk({ content: 'Hi' }), USAGE_CHUNK, DONE]));
    expect((await stage.chat({ stream: true })).status).toBe(200);
    await stage.chat({ model: 'sandbox/echo' });
    // None of these gets as far as a provider.
    await stage.chat({ model: 'none/such' });
    await finish();
    const [failed, streamed, sandbox, ...others] = collector.spans;
    expect(others).toEqual([]);
    expect(failed?.status.code).toBe(ERROR);
    expect(attributesOf(failed!)).toMatchObject({
      'error.type': '502',
      'http.response.status_code': 502,
    });
    expect(attributesOf(failed!)).not.toHaveProperty(['gen_ai.response.model']);
    expect(failed?.parentSpanId ?? '').toBe('');
    expect(streamed?.status.code).toBe(0);
    expect(attributesOf(streamed!)).toMatchObject({
      'gen_ai.request.stream': true,
      'gen_ai.response.time_to_first_chunk': expect.any(Number) as number,
      'gen_ai.usage.output_tokens': 7,
    });
    expect(sandbox).toMatchObject({ name: 'chat sandbox/echo', kind: INTERNAL });
  });

  it('that its client does not sample is not exported, and the provider is told so', async () => {
    const { stage, collector } = await start();
    const traceparent = TRACEPARENT.replace(/01$/, '00');
    expect((await stage.chat({}, { headers: { traceparent } })).status).toBe(200);
    const sent = stage.upstream.received[0]?.headers.traceparent;
    expect(sent).toMatch(new RegExp(`^00-${PARENT.trace}-[0-9a-f]{16}-00$`));
    expect(sent).not.toContain(PARENT.span);
    await finish();
    expect(collector.spans).toEqual([]);
  });

  it('with a traceparent that is none begins a trace of its own', async () => {
    const { stage, collector } = await start();
    const given = [
      '',
      'nonsense',
      TRACEPARENT.replace(/^00/, 'ff'),
      `${TRACEPARENT}, ${TRACEPARENT}`,
    ];
    for (const traceparent of given) {
      expect((await stage.chat({}, { headers: { traceparent } })).status).toBe(200);
    }
    await finish();
    expect(collector.spans).toHaveLength(given.length);
    expect(collector.spans.map(({ traceId }) => traceId)).not.toContain(PARENT.trace);
  });
});

describe('metrics of calls', () => {
  it('are those of the conventions, and their models none that callers think of', async () => {
    const { stage, collector } = await start({ OTEL_TRACES_EXPORTER: 'none' });
    const testKey = await stage.app.keyWith({ environment: 'development' });
    await stage.chat();
    await stage.chat();
    await stage.chat({ model: 'sandbox/echo' });
    await stage.app.call('POST', '/v1/chat/completions', {
      key: testKey,
      body: { model: 'made-up', messages: MESSAGES },
    });
    await finish();
    expect(collector.bodies.some(({ path }) => path === '/v1/traces')).toBe(false);
    const durations = collector.points('gen_ai.client.operation.duration');
    const routed = durations.filter(
      (point) => attributesOf(point)['gen_ai.provider.name'] === 'provider-1',
    );
    expect(routed.map((point) => [attributesOf(point), point.count])).toEqual([
      [
        {
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': 'provider-1',
          'gen_ai.request.model': MODEL,
        },
        2,
      ],
    ]);
    expect(routed[0]?.explicitBounds.slice(0, 3)).toEqual([0.01, 0.02, 0.04]);
    const tokens = collector.points('gen_ai.client.token.usage').map((point) => {
      const { 'gen_ai.request.model': model, 'gen_ai.token.type': type } = attributesOf(point);
      return [model, type, point.sum];
    });
    expect(tokens).toEqual(
      expect.arrayContaining([
        [MODEL, 'input', 22],
        [MODEL, 'output', 14],
      ]),
    );
    const models = new Set(durations.map((point) => attributesOf(point)['gen_ai.request.model']));
    expect(models).toEqual(new Set([MODEL, 'sandbox/echo', 'other']));
  });
});

describe('a collector', () => {
  it('that is silent holds up no call and no memory: spans are dropped, and counted', async () => {
    const { stage, collector } = await start({
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_BSP_MAX_QUEUE_SIZE: '4',
    });
    collector.behave(isSilent);
    for (let call = 0; call < 20; call++) expect((await stage.chat()).status).toBe(200);
    const dropped = await metricOf(
      stage,
      /^latchkey_telemetry_spans_total\{state="dropped"\} (\d+)$/m,
    );
    // Four are on their way, and four wait.
    expect(dropped).toBe(12);
    const { logs } = stage;
    await finish();
    expect(logs.filter((line) => line.includes('the last telemetry is lost'))).toHaveLength(1);
  });

  it('that refuses is heard of once, and all that it does not take is counted', async () => {
    const { stage, collector } = await start({ OTEL_TRACES_EXPORTER: 'none' });
    collector.behave(refuses);
    await stage.chat();
    const failures = /^latchkey_telemetry_export_failures_total\{signal="metrics"\} (\d+)$/m;
    await vi.waitFor(
      async () => expect(await metricOf(stage, failures)).toBeGreaterThanOrEqual(2),
      { timeout: 5_000 },
    );
    const said = stage.logs.filter((line) => line.includes('telemetry can’t be exported'));
    expect(said).toHaveLength(1);
  });

  it('gets protobuf unless JSON is asked for', async () => {
    const { stage, collector } = await start({ OTEL_EXPORTER_OTLP_PROTOCOL: '' });
    await stage.chat();
    await finish();
    expect(new Set(collector.bodies.map(({ type }) => type))).toEqual(
      new Set(['application/x-protobuf']),
    );
    const traces = collector.bodies.filter(({ path }) => path === '/v1/traces');
    expect(traces).toHaveLength(1);
    expect(traces[0]?.text).toContain('gen_ai.operation.name');
  });
});

describe('without an endpoint', () => {
  it('nothing is traced, and the provider gets no traceparent', async () => {
    stage = await startStage();
    await stage.chat({}, { headers: { traceparent: TRACEPARENT } });
    expect(stage.upstream.received[0]?.headers).not.toHaveProperty('traceparent');
  });
});
