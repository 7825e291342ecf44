import { Injectable } from '@nestjs/common';

import { Secret } from '#common/secret/secret.js';
import { RootKey } from '#platform/crypto/root-key.js';
import { SealedBox, type SealedPlace } from '#platform/crypto/sealed-box.js';

/** Secrets that wait to be claimed, at rest. Each is sealed for its own row. */
@Injectable()
export class WaitingSecrets {
  readonly #box: SealedBox;

  constructor(rootKey: RootKey) {
    this.#box = new SealedBox(rootKey, 'waiting-secret');
  }

  seal(secretId: string, secret: Secret): Buffer {
    return this.#box.seal(secret.reveal(), placeOf(secretId));
  }

  /** @throws {UnsealError} when it was sealed for another row, or with another root key */
  open(secretId: string, sealed: Buffer): Secret {
    return new Secret(this.#box.open(sealed, placeOf(secretId)));
  }
}

function placeOf(secretId: string): SealedPlace {
  return { table: 'api_key_secrets', column: 'sealed', row: secretId };
}
