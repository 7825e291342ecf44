import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';

/**
 * Begins a stream that would take half a minute, and does what must cut it: soon, and not as if it were whole.
 * @returns all that the client got
 */
export async function cutStream(
  origin: string,
  key: string,
  cut: () => Promise<unknown>,
): Promise<string> {
  const response = await fetch(`${origin}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'x-latchkey-sandbox-chunk-delay-ms': '100',
      'x-latchkey-sandbox-text': 'word '.repeat(300).trim(),
    },
    body: JSON.stringify({
      model: 'sandbox/echo',
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    }),
  });
  expect(response.status).toBe(200);
  const text = response.text();
  await sleep(300);
  await cut();
  const began = performance.now();
  const whole = await text;
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(whole).not.toContain('[DONE]');
  return whole;
}
