import { Injectable } from '@nestjs/common';

import { type Scope, scopeMask } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';
import {
  HeldChanges,
  type HeldSubject,
  type SubjectHandler,
} from '#modules/organizations/index.js';
import {
  APPROVAL_SUBJECTS,
  type ApprovalSubject,
} from '#platform/http/approvals/approval.response.js';

import { isLimited, reachOf } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import type { ApprovalReach } from './approval-request.repository.js';
import { READING, WRITING } from './domain/needed-scopes.js';

/** Of what there are approvals, and who may look at and decide on which. */
@Injectable()
export class ApprovalSubjects {
  /** Of this module, which knows more of who calls. */
  readonly #own = new Map<HeldSubject, SubjectHandler<KeyView>>();

  constructor(private readonly held: HeldChanges) {}

  onDecision(type: HeldSubject, handler: SubjectHandler<KeyView>): void {
    this.#own.set(type, handler);
  }

  handlerOf(type: HeldSubject): SubjectHandler<KeyView> {
    const handler = this.#own.get(type) ?? this.held.handlers().get(type);
    if (!handler) throw new Error(`Nobody has said how changes of a ${type} are approved.`);
    return handler;
  }

  async reachOf(caller: KeyView): Promise<ApprovalReach> {
    const keys = reachOf(caller);
    const seen = { keys, callerId: caller.keyId };
    if (!isLimited(keys)) return { ...seen, whole: [], ids: [] };
    const whole: ApprovalSubject[] = [];
    const ids: string[] = [];
    for (const [type, handler] of [...this.#own, ...this.held.handlers()]) {
      const reached = await handler.reachedBy(caller);
      if (reached === null) whole.push(type);
      else ids.push(...reached);
    }
    return { ...seen, whole, ids };
  }

  /**
   * Which of them the caller may look at.
   * @throws {AppError} `insufficient_scope` for none
   */
  readableBy(caller: KeyView): ApprovalSubject[] {
    return allowed(caller, READING);
  }

  /**
   * Which of them the caller may decide on.
   * @throws {AppError} `insufficient_scope` for none
   */
  writableBy(caller: KeyView): ApprovalSubject[] {
    return allowed(caller, WRITING);
  }
}

function allowed(
  { scopeMask: has }: KeyView,
  needs: Readonly<Record<ApprovalSubject, Scope>>,
): ApprovalSubject[] {
  const subjects = APPROVAL_SUBJECTS.filter((one) => (has & scopeMask([needs[one]])) !== 0);
  if (subjects.length === 0) throw new AppError('insufficient_scope');
  return subjects;
}
