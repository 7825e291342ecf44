import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';

import { AppError } from '#common/errors/app-error.js';

import { CHAT_COMPLETIONS, EMBEDDINGS, type Surface } from '../surface.js';
import type { Target } from '../upstream/provider-adapter.js';
import { InferenceMetrics } from './inference.metrics.js';
import type { EndedCall } from './route-tallies.js';

let registry: Registry;
let metrics: InferenceMetrics;
beforeEach(() => {
  registry = new Registry();
  metrics = new InferenceMetrics(registry);
});

/** Anew each time, as when routes were changed; `null`: the sandbox. */
function target(model: string, provider: string | null = 'acme'): Target {
  const providerName = provider ?? 'sandbox';
  return {
    providerName,
    route: { model, provider: providerName },
    endpoint: provider === null ? null : {},
  } as unknown as Target;
}

const NOTHING = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 };

function ended(fields: Partial<EndedCall> = {}): EndedCall {
  return {
    status: 200,
    outcome: 'completed',
    usage: NOTHING,
    costNanos: 0n,
    latencyMs: 75,
    firstByteMs: 30,
    ...fields,
  };
}

function observe(model: string, fields: Partial<EndedCall> = {}, surface?: Surface): void {
  metrics.observe(surface ?? CHAT_COMPLETIONS, target(model), ended(fields));
}

/** The samples that are not zero: labels → value. */
async function samplesOf(name: string): Promise<Record<string, number>> {
  const text = await registry.getSingleMetricAsString(name);
  const lines = text.split('\n').filter((line) => !line.startsWith('#') && !line.endsWith(' 0'));
  return Object.fromEntries(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(name.length, space), Number(line.slice(space))];
    }),
  );
}

const CHAT = 'surface="chat.completions",provider="acme",model="m"';

describe('InferenceMetrics', () => {
  it('tells every call once, however often it is asked', async () => {
    for (let call = 0; call < 2_500; call++) observe('m');
    await registry.metrics();
    observe('m', { status: 429, outcome: 'failed', latencyMs: 20 });
    observe('m', { status: 499, outcome: 'aborted' });
    observe('m', { status: 503, outcome: 'failed' });
    for (let asked = 0; asked < 2; asked++) {
      expect(await samplesOf('latchkey_inference_requests_total')).toEqual({
        [`{${CHAT},status_class="2xx"}`]: 2_500,
        [`{${CHAT},status_class="4xx"}`]: 2,
        [`{${CHAT},status_class="5xx"}`]: 1,
      });
      expect(await samplesOf('latchkey_upstream_calls_total')).toEqual({
        '{provider="acme",outcome="completed"}': 2_500,
        '{provider="acme",outcome="failed"}': 2,
        '{provider="acme",outcome="aborted"}': 1,
      });
      expect(await samplesOf('latchkey_upstream_failures_total')).toEqual({
        '{provider="acme",status="429"}': 1,
        '{provider="acme",status="503"}': 1,
      });
    }
  });

  it('puts each latency into its bucket and all above it, an upper bound being inside', async () => {
    observe('m', { latencyMs: 50, firstByteMs: null });
    observe('m', { latencyMs: 50.1, firstByteMs: 10 });
    observe('m', { latencyMs: 400_000, firstByteMs: 70_000 }, EMBEDDINGS);
    const duration = await samplesOf('latchkey_inference_duration_seconds');
    expect(duration).toMatchObject({
      [`_bucket{le="0.05",${CHAT}}`]: 1,
      [`_bucket{le="0.1",${CHAT}}`]: 2,
      [`_bucket{le="+Inf",${CHAT}}`]: 2,
      [`_sum{${CHAT}}`]: 0.1001,
      [`_count{${CHAT}}`]: 2,
      ['_sum{surface="embeddings",provider="acme",model="m"}']: 400,
    });
    expect(duration).not.toHaveProperty([
      '_bucket{le="300",surface="embeddings",provider="acme",model="m"}',
    ]);
    expect(await samplesOf('latchkey_inference_time_to_first_byte_seconds')).toMatchObject({
      [`_bucket{le="0.025",${CHAT}}`]: 1,
      [`_count{${CHAT}}`]: 1,
    });
  });

  it('adds up tokens and money', async () => {
    const usage = { inputTokens: 10, cachedInputTokens: 4, outputTokens: 7, reasoningTokens: 2 };
    observe('m', { usage, costNanos: 1_500_000_000n });
    observe('m', { usage, costNanos: 250_000_000n });
    expect(await samplesOf('latchkey_inference_tokens_total')).toEqual({
      [`{${CHAT},type="input"}`]: 20,
      [`{${CHAT},type="cached_input"}`]: 8,
      [`{${CHAT},type="output"}`]: 14,
      [`{${CHAT},type="reasoning"}`]: 4,
    });
    expect(await samplesOf('latchkey_inference_cost_usd_total')).toEqual({ [`{${CHAT}}`]: 1.75 });
  });

  it('counts refusals by code, and those of limits by what the limit was', async () => {
    metrics.refused(new AppError('ip_not_allowed'));
    const limit = { metric: 'requests', window: 'minute', limit: 5 };
    metrics.refused(new AppError('rate_limit_exceeded', { details: { limit } }));
    expect(await samplesOf('latchkey_inference_refusals_total')).toEqual({
      '{code="ip_not_allowed"}': 1,
      '{code="rate_limit_exceeded"}': 1,
    });
    expect(await samplesOf('latchkey_inference_limit_refusals_total')).toEqual({
      '{code="rate_limit_exceeded",metric="requests",window="minute"}': 1,
    });
  });
});

describe('the names in labels', () => {
  const modelsOf = async (): Promise<Set<string>> => {
    const samples = await samplesOf('latchkey_inference_requests_total');
    return new Set(Object.keys(samples).map((key) => /model="(.*?)"/.exec(key)?.[1] ?? ''));
  };

  it('are never those that callers of the sandbox think of', async () => {
    for (const model of ['sandbox/echo', 'mine', 'theirs']) {
      metrics.observe(CHAT_COMPLETIONS, target(model, null), ended());
    }
    expect(await modelsOf()).toEqual(new Set(['sandbox/echo', 'other']));
  });

  it('are of 200 models at most, and the calls of the others are still counted', async () => {
    for (let model = 0; model < 300; model++) observe(`m${model}`);
    expect((await modelsOf()).size).toBe(201);
    const samples = await samplesOf('latchkey_inference_requests_total');
    const others = '{surface="chat.completions",provider="acme",model="other",status_class="2xx"}';
    expect(samples[others]).toBe(100);
  });

  it('are of 100 providers at most', async () => {
    for (let provider = 0; provider < 150; provider++) {
      metrics.observe(CHAT_COMPLETIONS, target('m', `p${provider}`), ended());
    }
    const samples = await samplesOf('latchkey_upstream_calls_total');
    expect(Object.keys(samples)).toHaveLength(101);
    expect(samples['{provider="other",outcome="completed"}']).toBe(50);
  });
});
