import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';

import type { SigningRules } from '#modules/keys/index.js';
import { expectBody } from '#platform/http/body-digest.js';

import { UsedNonces } from '../nonces/used-nonces.store.js';
import { type Arrival, type Signer, verifySignature } from './verify-signature.js';

/** Clocks of instances differ a little, and a nonce must not be forgotten by one that is ahead. */
const CLOCK_MARGIN_MS = 60_000;
/** Without a time in the signature nothing ever ends it; nothing can be remembered for ever. */
const UNTIMED_MEMORY_MS = 24 * 3_600_000;

/** A signature that is right, and whose nonce nobody has used up yet. */
export type UsableSignature = {
  /**
   * Uses the nonce up: last of all, before anything has an effect. `null`: there is none to use up.
   * @throws {AppError} `nonce_replayed`, `service_unavailable`
   */
  readonly use: (() => Promise<void>) | null;
};

@Injectable()
export class RequestSignatures {
  constructor(private readonly nonces: UsedNonces) {}

  /**
   * Verifies a request’s signature, and that its body is the one that was signed: also where that is read later.
   * @throws {AppError} `signature_required`, `signature_invalid`, `timestamp_out_of_range`
   */
  verify(request: IncomingMessage, signer: Signer, arrival: Arrival): UsableSignature {
    const { nonce, bodyDigest } = verifySignature(request, signer, arrival);
    if (bodyDigest) expectBody(request, bodyDigest);
    if (nonce === null) return { use: null };
    const rememberMs = memoryOf(signer.rules);
    return { use: () => this.nonces.use(signer.keyId, nonce, rememberMs) };
  }
}

/** A signature may be early by the greatest age, and is in time until it is late by it: twice that in all. */
function memoryOf({ maxAgeMs }: SigningRules): number {
  return maxAgeMs === null ? UNTIMED_MEMORY_MS : 2 * maxAgeMs + CLOCK_MARGIN_MS;
}
