import { AppError } from '#common/errors/app-error.js';
import { isMailAddress } from '#common/validation/mail-address.js';
import type { ChannelAddress } from '#modules/notifications/index.js';
import { parseTargetUrl } from '#platform/http/outbound/target-url.js';

/** Of one key. */
export const MAX_CHANNELS = 10;

const EXAMPLE = 'https://api.example.com/key-rotation';

/**
 * Reads `email:…` and `webhook:…`. Names of hosts are judged again when they are resolved.
 * @param at its place in the list
 * @param allowPrivate whether a webhook may be plain HTTP and on a private or loopback address
 * @throws {AppError} `invalid_request` naming it
 */
export function parseChannel(text: string, at: number, allowPrivate: boolean): ChannelAddress {
  const [kind] = text.split(':', 1);
  const address = text.slice(text.indexOf(':') + 1);
  const param = `notification_channels[${at}]`;
  if (kind === 'email' && isMailAddress(address)) return { kind, address };
  if (kind === 'webhook') {
    return {
      kind,
      address: parseTargetUrl(address, { param, allowPrivate, example: EXAMPLE }).href,
    };
  }
  throw new AppError('invalid_request', {
    message: `${param} must be email: and an address, or webhook: and a public https URL, such as email:security@example.com or webhook:${EXAMPLE}.`,
    param,
  });
}

/** As it is written in requests and answers. */
export function writeChannel({ kind, address }: ChannelAddress): string {
  return `${kind}:${address}`;
}
