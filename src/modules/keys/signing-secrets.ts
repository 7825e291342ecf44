import { Injectable } from '@nestjs/common';

import { randomBase62 } from '#common/ids/prefixed-id.js';
import { Secret } from '#common/secret/secret.js';
import { RootKey } from '#platform/crypto/root-key.js';
import { SealedBox, type SealedPlace } from '#platform/crypto/sealed-box.js';

import type { ApiKeyEntity } from './api-key.entity.js';

/** By which scanners and our own logs know it. */
const PREFIX = 'lsig_';
/** 256 bits, as much as the digest that is made with it. */
const RANDOM_LENGTH = 43;

/** A new secret, to be shown once, and as it is stored. */
export type IssuedSigningSecret = { readonly secret: Secret; readonly sealed: Buffer };

/** What requests of a key are signed with, at rest. Each is sealed for its own key’s row. */
@Injectable()
export class SigningSecrets {
  readonly #box: SealedBox;

  constructor(rootKey: RootKey) {
    this.#box = new SealedBox(rootKey, 'signing-secret');
  }

  issue(keyId: string): IssuedSigningSecret {
    const secret = new Secret(PREFIX + randomBase62(RANDOM_LENGTH));
    return { secret, sealed: this.#box.seal(secret.reveal(), placeOf(keyId)) };
  }

  /** What a key has after a change: a signing secret exactly as long as it must sign. A new one is also answered to be shown. */
  afterChange(
    { id, sealedSigningSecret }: Pick<ApiKeyEntity, 'id' | 'sealedSigningSecret'>,
    mustSign: boolean,
  ): { readonly sealedSigningSecret: Buffer | null; readonly signingSecret: Secret | null } {
    if (mustSign && sealedSigningSecret === null) {
      const { secret, sealed } = this.issue(id);
      return { sealedSigningSecret: sealed, signingSecret: secret };
    }
    return { sealedSigningSecret: mustSign ? sealedSigningSecret : null, signingSecret: null };
  }

  /**
   * `null` where the key signs nothing.
   * @throws {UnsealError} when it was sealed for another key, or with another root key
   */
  open({
    id,
    sealedSigningSecret,
  }: Pick<ApiKeyEntity, 'id' | 'sealedSigningSecret'>): Secret | null {
    return sealedSigningSecret && new Secret(this.#box.open(sealedSigningSecret, placeOf(id)));
  }
}

/** How an answer shows it, this once; nothing where there is none. */
export function showSigningSecret(secret: Secret | null): { signing_secret?: string } {
  return secret ? { signing_secret: secret.reveal() } : {};
}

function placeOf(keyId: string): SealedPlace {
  return { table: 'api_keys', column: 'sealed_signing_secret', row: keyId };
}
