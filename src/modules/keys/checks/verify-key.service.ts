import { Injectable } from '@nestjs/common';

import { scopeMask } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';
import type { ErrorCode } from '#common/errors/error-codes.js';
import { parseUsd } from '#common/money/money.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import {
  type Amounts,
  amountsUsed,
  type KnownLimit,
  type LimitState,
} from '#modules/limits/index.js';

import { ApiKeyRepository } from '../api-key.repository.js';
import { authorize } from '../domain/authorize.js';
import { isLimited, reachOf, wholeOrganization } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import { rightsInForce } from '../domain/owner-rights.js';
import { PresentedKey } from '../domain/presented-key.js';
import { KeyDirectory } from '../key-directory.port.js';
import type { VerifiedKeyResponse } from './dto/key-check.responses.js';
import { ConsumeLimitsService } from './consume-limits.service.js';
import type { ConsumeDto, VerifyKeyDto } from './dto/verify-key.dto.js';
import { JudgeLimitsService } from './judge-limits.service.js';
import { JudgeRequestService } from './judge-request.service.js';
import type { ReadRequest } from './read-described-request.js';

const CONSUMING = scopeMask(['keys:write']);
/** With which a limit refuses: an answer here. */
const LIMIT_CODES: ReadonlySet<string> = new Set([
  'rate_limit_exceeded',
  'budget_exceeded',
  'concurrency_limit_exceeded',
]);
const NO_KEY_OF_OURS: VerifiedKeyResponse = { valid: false, code: 'invalid_api_key' };

type Limited = { readonly code: ErrorCode | null; readonly known: readonly KnownLimit[] };

/** Tells a service of the caller's whether a key that was presented to it is good. */
@Injectable()
export class VerifyKeyService {
  constructor(
    private readonly directory: KeyDirectory,
    private readonly keys: ApiKeyRepository,
    private readonly requests: JudgeRequestService,
    private readonly limits: JudgeLimitsService,
    private readonly consumption: ConsumeLimitsService,
    private readonly clock: Clock,
  ) {}

  /**
   * A key that is not good is an answer. What is no key that the caller reaches gets one and the same, whether it is
   * somebody else's, never issued or no key at all.
   * @throws {AppError} `invalid_request` naming a field of the request that is asked about; `insufficient_scope` for who
   * may not consume; `service_unavailable`
   */
  async verify(caller: KeyView, dto: VerifyKeyDto): Promise<VerifiedKeyResponse> {
    const request = dto.request ? this.requests.read(dto.request, 'request.') : null;
    if (isGiven(dto.consume)) assertMayConsume(caller);
    const view = await this.directory.find(new PresentedKey(dto.key));
    if (!view || !(await this.#isReached(caller, view))) return NO_KEY_OF_OURS;
    const answer = await this.#answerOf(view, request, dto.consume);
    return answer ?? this.verify(caller, dto);
  }

  async #isReached(caller: KeyView, { organizationId, keyId }: KeyView): Promise<boolean> {
    if (organizationId !== caller.organizationId) return false;
    const reach = reachOf(caller);
    return !isLimited(reach) || (await this.keys.exists(reach, keyId));
  }

  /** @returns `null` where the key has changed meanwhile */
  async #answerOf(
    view: KeyView,
    request: ReadRequest | null,
    consume: ConsumeDto | null | undefined,
  ): Promise<VerifiedKeyResponse | null> {
    const judged = request && (await this.requests.judge(view, request));
    const refusal = this.#stateRefusal(view) ?? judged?.code ?? null;
    if (refusal !== null) return { valid: false, code: refusal, key_id: view.keyId };
    const limited = isGiven(consume)
      ? await this.#consume(view, request?.model, consume)
      : await this.limits.judge(view, judged ? judged.call : undefined);
    return limited && this.#describeLimited(view, limited);
  }

  async #describeLimited(view: KeyView, { code, known }: Limited): Promise<VerifiedKeyResponse> {
    const limits = known.map(({ state }) => state);
    if (code === null) return this.#describe(view, limits);
    return { valid: false, code, key_id: view.keyId, limits };
  }

  /** @returns `null` where the key has changed meanwhile */
  async #consume(
    view: KeyView,
    model: string | undefined,
    consume: ConsumeDto,
  ): Promise<Limited | null> {
    let code: ErrorCode | null = null;
    try {
      if (!(await this.consumption.consume(view, model, toAmounts(consume)))) return null;
    } catch (error) {
      if (!(error instanceof AppError) || !LIMIT_CODES.has(error.code)) throw error;
      code = error.code;
    }
    return { code, known: await this.limits.bindingOn(view, model) };
  }

  /** By the rules of the key's own state alone: nothing is known of a request. */
  #stateRefusal(view: KeyView): ErrorCode | null {
    const facts = { now: this.clock.now(), neededScopes: 0, isReadOnlyRoute: true };
    const decision = authorize(view, facts);
    return decision.allowed ? null : decision.code;
  }

  async #describe(
    { organizationId, keyId, signing }: KeyView,
    limits: LimitState[],
  ): Promise<VerifiedKeyResponse> {
    const row = await this.keys.find(wholeOrganization(organizationId), keyId);
    if (!row) return NO_KEY_OF_OURS;
    const { key } = row;
    const { accessLevel, scopes } = rightsInForce(key, row.owner);
    return {
      valid: true,
      code: null,
      key_id: key.id,
      name: key.name,
      environment: key.environment,
      access_level: accessLevel,
      scopes: [...scopes],
      expires_at: key.expiresAt?.toISOString() ?? null,
      metadata: key.metadata,
      requires_signature: signing !== null,
      limits,
    };
  }
}

/** It changes what the key has left, so it is a write. */
function assertMayConsume({ scopeMask: has }: KeyView): void {
  if ((has & CONSUMING) !== 0) return;
  throw new AppError('insufficient_scope', {
    message: 'This API key lacks the scope keys:write, which consume needs.',
    param: 'consume',
    details: { scope: 'keys:write' },
  });
}

function toAmounts({ requests, input_tokens, output_tokens, cost_usd }: ConsumeDto): Amounts {
  return amountsUsed({
    requests: requests ?? 1,
    inputTokens: input_tokens ?? 0,
    outputTokens: output_tokens ?? 0,
    costNanos: Number(parseUsd(cost_usd ?? 0)),
  });
}
