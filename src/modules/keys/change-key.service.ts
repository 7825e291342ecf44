import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import { assertMatches } from '#common/validation/if-match.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import type { ApprovalRequestEntity } from './approvals/approval-request.entity.js';
import { HoldChangeService } from './approvals/hold-change.service.js';
import { assertNotRevoked, ENABLED, grantOf } from './changeable-key.js';
import { ChangeableKeys } from './changeable-keys.js';
import { assertGrantWithin } from './domain/grant.js';
import { timeOf } from './domain/key-times.js';
import type { KeyView } from './domain/key-view.js';
import { SigningSecrets } from './signing-secrets.js';
import type { DisableKeyDto, UpdateKeyDto } from './dto/change-key.dto.js';
import { PlanKeyChangeService } from './plan-key-change.service.js';
import type { KeyChanges } from './write-key.service.js';

/** What became of a change. */
export type KeyChangeOutcome = {
  /** Where the change makes the key sign from now on, to be shown this once. */
  readonly signingSecret: Secret | null;
  /** Where somebody else has to approve it first: nothing of it is done yet. */
  readonly request: ApprovalRequestEntity | null;
};

const DONE: KeyChangeOutcome = { signingSecret: null, request: null };

/** Changes of a key that exists. Each takes effect here at once and everywhere within a second. */
@Injectable()
export class ChangeKeyService {
  constructor(
    private readonly keys: ChangeableKeys,
    private readonly plans: PlanKeyChangeService,
    private readonly approvals: HoldChangeService,
    private readonly transactions: TransactionRunner,
    private readonly signingSecrets: SigningSecrets,
    private readonly clock: Clock,
  ) {}

  /**
   * Changes the fields that are given, all or, where somebody has to approve one of them, none yet.
   * @param ifMatch the versions that the change is meant for (`If-Match`); `null` for any
   * @throws {AppError} `not_found`, `precondition_failed`, `conflict` for a revoked key, `escalation_denied`
   */
  async update(
    caller: KeyView,
    keyId: string,
    dto: UpdateKeyDto,
    ifMatch: string | null,
  ): Promise<KeyChangeOutcome> {
    let outcome = DONE;
    await this.transactions.run(async () => {
      await this.plans.holdStill(caller.organizationId, dto);
      await this.keys.change(caller, keyId, async (key) => {
        if (ifMatch !== null) assertMatches(ifMatch, 'key', key.version);
        assertNotRevoked(key, this.clock.now());
        const plan = await this.plans.plan(caller, key, dto);
        const request = await this.approvals.hold(caller, key, plan, dto);
        outcome = request ? { ...DONE, request } : { ...DONE, signingSecret: plan.signingSecret };
        if (request) return {};
        await plan.tie();
        return plan.changes;
      });
    });
    return outcome;
  }

  /**
   * Gives a key that must sign another signing secret; the one it had is gone.
   * @throws {AppError} `not_found`, `conflict` for a key that is revoked or signs nothing, `escalation_denied`
   */
  async reissueSigningSecret(
    caller: KeyView,
    keyId: string,
  ): Promise<{ key: ApiKeyEntity; secret: Secret }> {
    const { secret, sealed } = this.signingSecrets.issue(keyId);
    const reissue = (current: ApiKeyEntity): KeyChanges => {
      assertNotRevoked(current, this.clock.now());
      const grant = grantOf(current);
      assertGrantWithin(caller, grant);
      if (!grant.policy.requiresSignature) throw signsNothing(keyId);
      return { sealedSigningSecret: sealed };
    };
    const notes = { action: 'key.signing_secret_reissued' } as const;
    const key = await this.keys.change(caller, keyId, reissue, notes);
    return { key, secret };
  }

  /**
   * @throws {AppError} `not_found`, `conflict` for a revoked key, `escalation_denied`, `invalid_request`, `approval_required`
   * where that would let a key in earlier that needs somebody's approval
   */
  async disable(caller: KeyView, keyId: string, dto: DisableKeyDto): Promise<void> {
    const now = this.clock.now();
    const enableAt = isGiven(dto.auto_enable_after)
      ? timeOf(dto.auto_enable_after, 'auto_enable_after', now)
      : null;
    await this.keys.change(caller, keyId, async (key) => {
      assertNotRevoked(key, now);
      // Else whoever may not enable a key could disable it once more, for a second.
      if (comesBackEarlier(key, enableAt, now)) {
        assertGrantWithin(caller, grantOf(key));
        if (await this.approvals.isHeld(key)) throw enableInstead(keyId);
      }
      return { disabledAt: new Date(now), disabledReason: dto.reason ?? null, enableAt };
    });
  }

  /** @throws {AppError} `not_found`, `conflict` for a revoked key, `escalation_denied` where it may do more than the caller */
  async enable(caller: KeyView, keyId: string): Promise<KeyChangeOutcome> {
    let outcome = DONE;
    await this.keys.change(caller, keyId, async (key) => {
      const now = this.clock.now();
      assertNotRevoked(key, now);
      assertGrantWithin(caller, grantOf(key));
      if (!key.disabledAt) return {};
      const cameBack = key.enableAt !== null && key.enableAt.getTime() <= now;
      const request = cameBack ? null : await this.approvals.holdEnabling(caller, key);
      outcome = { ...DONE, request };
      return request ? {} : ENABLED;
    });
    return outcome;
  }
}

/** Whether the key is disabled, and would be so for a shorter time. `null`: for good. */
function comesBackEarlier(key: ApiKeyEntity, enableAt: Date | null, now: number): boolean {
  const { disabledAt, enableAt: planned } = key;
  if (!disabledAt || (planned && planned.getTime() <= now)) return false;
  return enableAt !== null && (planned === null || enableAt < planned);
}

function enableInstead(keyId: string): AppError {
  return new AppError('approval_required', {
    message: `That the key ${keyId} comes back earlier must be approved: enable it instead.`,
    param: 'auto_enable_after',
  });
}

function signsNothing(keyId: string): AppError {
  return new AppError('conflict', {
    message: `The key ${keyId} signs nothing: turn security.authentication.require_signature on first.`,
  });
}
