import { Injectable } from '@nestjs/common';

import { Secret } from '#common/secret/secret.js';
import { RootKey } from '#platform/crypto/root-key.js';
import { SealedBox, type SealedPlace } from '#platform/crypto/sealed-box.js';

import type { ProviderEntity } from './provider.entity.js';

type SealedColumns = Pick<ProviderEntity, 'credentialOrigin' | 'sealedCredential'>;

/**
 * Credentials of providers, at rest. Each is sealed for one provider at one origin: whoever can write to the database
 * still can't have a credential sent to another address.
 */
@Injectable()
export class ProviderCredentials {
  readonly #box: SealedBox;

  constructor(rootKey: RootKey) {
    this.#box = new SealedBox(rootKey, 'provider-credential');
  }

  /** The columns that hold `credential`, or none where it is `null`. */
  seal(providerId: string, origin: string, credential: Secret | null): SealedColumns {
    if (!credential) return { credentialOrigin: null, sealedCredential: null };
    return {
      credentialOrigin: origin,
      sealedCredential: this.#box.seal(credential.reveal(), placeOf(providerId, origin)),
    };
  }

  /**
   * The credential for the origin that is about to be called.
   * @returns `null` where the provider has none
   * @throws {UnsealError} when it was sealed for another provider or origin, or with another key
   */
  open(provider: Pick<ProviderEntity, 'id' | 'sealedCredential'>, origin: string): Secret | null {
    const { id, sealedCredential } = provider;
    if (!sealedCredential) return null;
    return new Secret(this.#box.open(sealedCredential, placeOf(id, origin)));
  }
}

function placeOf(providerId: string, origin: string): SealedPlace {
  return { table: 'providers', column: 'sealed_credential', row: `${providerId}|${origin}` };
}
