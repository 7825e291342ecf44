import { isDeepStrictEqual } from 'node:util';

import type { AuditAction } from './audit-actions.js';

/** What JSON can hold, with names in snake_case and times in ISO 8601. */
export type AuditFacts = Readonly<Record<string, unknown>>;

export type AuditOutcome = 'success' | 'failure' | 'denied';

/** Whose log it is where nobody knows of which organization somebody is. */
export const INSTALLATION = 'installation';

/** What has happened, as its module knows it. Who did it, from where and when is added by the trail. */
export type AuditEvent = {
  readonly organizationId: string;
  readonly action: AuditAction;
  /** What it was done to: `type` as in the action's name. */
  readonly target: { readonly type: string; readonly id: string };
  /** The key in whose own log it stands as well; the target itself, unless said, where that is a key. */
  readonly keyId?: string | null;
  /** What is different now, as the API shows it: never a secret, nothing about people (that is `personal`). See {@link changed}. */
  readonly before?: AuditFacts | null;
  readonly after?: AuditFacts | null;
  /** What else there is to say of it. */
  readonly details?: AuditFacts;
  /** What is about a person, such as `email`: left out of exports without personal data, which can be verified all the same. */
  readonly personal?: Readonly<Record<string, string>>;
  /** Why, where somebody said so. */
  readonly reason?: string | null;
  /** `success` unless said: what is refused changes nothing, so only what is told apart from a change has another. */
  readonly outcome?: AuditOutcome;
};

/**
 * The audit log. {@link append} is called in the transaction of each change, so that there is no change without its entry and no
 * entry without its change: where it can't be written the change does not happen. The entries of a transaction are written together,
 * at its end: that is where it fails.
 */
export abstract class AuditTrail {
  abstract append(event: AuditEvent): Promise<void>;

  /** As {@link append}, with what is different between two states. Where nothing is, nothing has happened: there is no entry. */
  async appendChange(
    event: Omit<AuditEvent, 'before' | 'after'>,
    before: AuditFacts,
    after: AuditFacts,
  ): Promise<void> {
    const difference = changed(before, after);
    const names = [...Object.keys(difference.before), ...Object.keys(difference.after)];
    if (names.length > 0) await this.append({ ...event, ...difference });
  }
}

/** `before` and `after` of what is different between two states, member by member. Both are empty where nothing is. */
export function changed(
  before: AuditFacts,
  after: AuditFacts,
): { readonly before: AuditFacts; readonly after: AuditFacts } {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => !isDeepStrictEqual(asJson(before[name]), asJson(after[name])),
  );
  const only = (facts: AuditFacts): AuditFacts =>
    Object.fromEntries(names.filter((name) => name in facts).map((name) => [name, facts[name]]));
  return { before: only(before), after: only(after) };
}

/** PostgreSQL gives back the members of an object in another order than they were written in: that is no difference. */
function asJson(fact: unknown): unknown {
  return fact === undefined ? undefined : JSON.parse(JSON.stringify(fact));
}
