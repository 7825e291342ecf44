import { createHmac } from 'node:crypto';

import type { Secret } from '#common/secret/secret.js';

const SECRET_PREFIX = 'whsec_';

export type SignedContent = {
  /** `webhook-id`. */
  readonly id: string;
  /** `webhook-timestamp`: seconds since the Unix epoch. */
  readonly timestamp: number;
  readonly body: string;
};

/**
 * The `webhook-signature` of a message (Standard Webhooks 1.0.0): one signature by each secret, so that receivers who know
 * only one of them can verify it.
 * @param secrets each `whsec_<base64>`
 */
export function signWebhook(secrets: readonly Secret[], content: SignedContent): string {
  const { id, timestamp, body } = content;
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.reveal().slice(SECRET_PREFIX.length), 'base64');
      const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`);
      return `v1,${mac.digest('base64')}`;
    })
    .join(' ');
}
