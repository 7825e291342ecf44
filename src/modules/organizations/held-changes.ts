import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import type {
  ApprovalResponse,
  ApprovalSubject,
} from '#platform/http/approvals/approval.response.js';

/** Of what changes may wait for approval. Keys are not among them: they have their own rules. */
export type HeldSubject = Exclude<ApprovalSubject, 'key'>;

/** What is asked for, as JSON, with what is to be found unchanged when somebody decides on it. */
export type SubjectChange = {
  readonly action: 'update' | 'delete';
  readonly body?: Readonly<Record<string, unknown>>;
  /** That the subject had. */
  readonly version?: number;
  /** What the settings were that it changes. */
  readonly were?: Readonly<Record<string, unknown>>;
  /** Keys that would get more by it. At most some of the ids are there. */
  readonly keys?: { readonly count: number; readonly ids: readonly string[] };
};

export type HeldChange = {
  readonly organizationId: string;
  readonly subjectType: HeldSubject;
  readonly subjectId: string;
  readonly change: SubjectChange;
  /** What there would be more of. */
  readonly fields: readonly string[];
};

type ApprovedChange<Caller> = Pick<HeldChange, 'organizationId' | 'subjectId' | 'change'> & {
  /** Who asked, with the rights that they have by now. */
  readonly requester: Caller;
  readonly approver: Caller;
};

/** What whoever owns a kind of subject knows to do when somebody decides on a change of it. */
export type SubjectHandler<Caller = Principal> = {
  /** Those within reach of somebody who reaches only part of the organization; `null`: all. */
  readonly reachedBy: (caller: Caller) => Promise<readonly string[] | null>;
  /** Until the current transaction ends. It goes before the lock on the request. */
  readonly lock: (organizationId: string, subjectId: string) => Promise<void>;
  /**
   * Does it, in the transaction that has locked the subject, as far as both may do it.
   * @throws {AppError} `conflict` for a subject that has changed since; `escalation_denied`
   */
  readonly apply: (approved: ApprovedChange<Caller>) => Promise<void>;
};

type Opener = (requester: Principal, held: HeldChange) => Promise<ApprovalResponse>;

/**
 * Where modules hold back changes that somebody else has to approve, and say how they are done then. The keys module, which
 * keeps what waits and may use these modules, not the other way round, says how it is asked for. Both do so while the
 * application starts.
 */
@Injectable()
export class HeldChanges {
  readonly #handlers = new Map<HeldSubject, SubjectHandler>();
  #opener: Opener | null = null;

  openWith(opener: Opener): void {
    this.#opener = opener;
  }

  onDecision(type: HeldSubject, handler: SubjectHandler): void {
    this.#handlers.set(type, handler);
  }

  handlers(): ReadonlyMap<HeldSubject, SubjectHandler> {
    return this.#handlers;
  }

  /**
   * Part of the current transaction, which has locked the subject.
   * @throws {AppError} `conflict` where something else that was asked for it still waits
   */
  open(requester: Principal, held: HeldChange): Promise<ApprovalResponse> {
    if (!this.#opener) throw new Error('Nobody has said how approvals are asked for.');
    return this.#opener(requester, held);
  }
}
