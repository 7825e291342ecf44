import { Injectable } from '@nestjs/common';

/** What budgets and the like are kept of. A user is gone as a member of the organization. */
export type RemovedSubject = {
  readonly organizationId: string;
  readonly kind: 'team' | 'project' | 'user';
  readonly id: string;
};

/**
 * Where modules that keep something of teams, projects and members, and may use this module and not the other way round,
 * say how it goes with them. They do so while the application starts.
 */
@Injectable()
export class SubjectRemovals {
  readonly #handlers: ((subject: RemovedSubject) => Promise<void>)[] = [];

  /** @param handler runs in the transaction that removes the subject, which is gone already: it fails with it */
  onRemoval(handler: (subject: RemovedSubject) => Promise<void>): void {
    this.#handlers.push(handler);
  }

  /** Part of the current transaction. */
  async removed(subject: RemovedSubject): Promise<void> {
    for (const handler of this.#handlers) await handler(subject);
  }
}
