import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';

import { Secret } from '#common/secret/secret.js';
import { RootKey } from '#platform/crypto/root-key.js';
import { SealedBox, type SealedPlace } from '#platform/crypto/sealed-box.js';

const PREFIX = 'whsec_';
/** Standard Webhooks 1.0.0 asks for 24 to 64. */
const SECRET_BYTES = 32;

/** What webhooks are signed with, at rest. Each is sealed for its own channel’s row. */
@Injectable()
export class WebhookSecrets {
  readonly #box: SealedBox;

  constructor(rootKey: RootKey) {
    this.#box = new SealedBox(rootKey, 'webhook-secret');
  }

  issue(channelId: string): { secret: Secret; sealed: Buffer } {
    const secret = new Secret(PREFIX + randomBytes(SECRET_BYTES).toString('base64'));
    return { secret, sealed: this.#box.seal(secret.reveal(), placeOf(channelId)) };
  }

  /** @throws {UnsealError} when it was sealed for another channel, or with another root key */
  open(channelId: string, sealed: Buffer): Secret {
    return new Secret(this.#box.open(sealed, placeOf(channelId)));
  }
}

function placeOf(channelId: string): SealedPlace {
  return { table: 'notification_channels', column: 'sealed_secret', row: channelId };
}
