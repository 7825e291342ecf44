import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';

import { InferenceMetrics } from './inference.metrics.js';

async function linesOf(registry: Registry, name: string): Promise<string[]> {
  const text = await registry.getSingleMetricAsString(name);
  return text.split('\n').filter((line) => !line.startsWith('#') && !line.endsWith(' 0'));
}

describe('InferenceMetrics', () => {
  it('tells every call once, however often it is asked and however many there are', async () => {
    const registry = new Registry();
    const metrics = new InferenceMetrics(registry);
    for (let call = 0; call < 2_500; call++) metrics.observe('chat.completions', 200, 75);
    await registry.metrics();
    metrics.observe('chat.completions', 429, 20);
    metrics.observe('embeddings', 200, 400_000);
    for (let asked = 0; asked < 2; asked++) {
      expect(await linesOf(registry, 'latchkey_inference_requests_total')).toEqual([
        'latchkey_inference_requests_total{surface="chat.completions",status="200"} 2500',
        'latchkey_inference_requests_total{surface="chat.completions",status="429"} 1',
        'latchkey_inference_requests_total{surface="embeddings",status="200"} 1',
      ]);
      const latency = await linesOf(registry, 'latchkey_inference_duration_seconds');
      expect(latency).toContain(
        'latchkey_inference_duration_seconds_bucket{le="0.05",surface="chat.completions"} 1',
      );
      expect(latency).toContain(
        'latchkey_inference_duration_seconds_bucket{le="0.1",surface="chat.completions"} 2501',
      );
      expect(latency).toContain(
        'latchkey_inference_duration_seconds_count{surface="chat.completions"} 2501',
      );
      expect(latency).toContain(
        'latchkey_inference_duration_seconds_sum{surface="embeddings"} 400',
      );
    }
  });
});
