import { parseTargetUrl } from '#platform/http/outbound/target-url.js';

/**
 * The canonical text of a webhook’s URL.
 * @param allowPrivate as in `parseTargetUrl`
 * @throws {AppError} `invalid_request` naming `url`
 */
export function parseWebhookUrl(text: string, allowPrivate: boolean): string {
  const example = 'https://example.com/hooks/latchkey';
  return parseTargetUrl(text, { param: 'url', allowPrivate, example }).href;
}
