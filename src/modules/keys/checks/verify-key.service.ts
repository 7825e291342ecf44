import { Injectable } from '@nestjs/common';

import type { ErrorCode } from '#common/errors/error-codes.js';
import { Clock } from '#common/time/clock.js';

import { ApiKeyRepository } from '../api-key.repository.js';
import { authorize } from '../domain/authorize.js';
import type { KeyView } from '../domain/key-view.js';
import { PresentedKey } from '../domain/presented-key.js';
import { KeyDirectory } from '../key-directory.port.js';
import type { VerifiedKeyResponse } from './dto/key-check.responses.js';
import type { VerifyKeyDto } from './dto/verify-key.dto.js';
import { JudgeRequestService } from './judge-request.service.js';

const NO_KEY_OF_OURS: VerifiedKeyResponse = { valid: false, code: 'invalid_api_key' };

/** Tells a service of the caller's whether a key that was presented to it is good. */
@Injectable()
export class VerifyKeyService {
  constructor(
    private readonly directory: KeyDirectory,
    private readonly keys: ApiKeyRepository,
    private readonly requests: JudgeRequestService,
    private readonly clock: Clock,
  ) {}

  /**
   * A key that is not good is an answer. What is no key of the organization gets one and the same, whether it is
   * somebody else's, never issued or no key at all.
   * @throws {AppError} `invalid_request` naming a field of the request that is asked about
   */
  async verify(organizationId: string, dto: VerifyKeyDto): Promise<VerifiedKeyResponse> {
    const request = dto.request ? this.requests.read(dto.request, 'request.') : null;
    const view = await this.directory.find(new PresentedKey(dto.key));
    if (view?.organizationId !== organizationId) return NO_KEY_OF_OURS;
    const code =
      this.#stateRefusal(view) ?? (request && (await this.requests.judge(view, request)).code);
    return code === null ? this.#describe(view) : { valid: false, code, key_id: view.keyId };
  }

  /** By the rules of the key's own state alone: nothing is known of a request. */
  #stateRefusal(view: KeyView): ErrorCode | null {
    const facts = { now: this.clock.now(), neededScopes: 0, isReadOnlyRoute: true };
    const decision = authorize(view, facts);
    return decision.allowed ? null : decision.code;
  }

  async #describe({ organizationId, keyId, signing }: KeyView): Promise<VerifiedKeyResponse> {
    const row = await this.keys.find(organizationId, keyId);
    if (!row) return NO_KEY_OF_OURS;
    const { key } = row;
    return {
      valid: true,
      code: null,
      key_id: key.id,
      name: key.name,
      environment: key.environment,
      access_level: key.accessLevel,
      scopes: key.scopes,
      expires_at: key.expiresAt?.toISOString() ?? null,
      metadata: key.metadata,
      requires_signature: signing !== null,
    };
  }
}
