import { Injectable } from '@nestjs/common';

import { ContextStorage } from '#common/context/context-storage.js';

/** Who does something, and from where: what an audit entry says of it. */
export type Actor = {
  readonly type: 'user' | 'key' | 'service_account' | 'job' | 'system' | 'anonymous';
  /** `user_…`, `key_…`, `sa_…`, or the name of the job or program; `null` for somebody who is not known. */
  readonly id: string | null;
  /** The person behind it. */
  readonly userId: string | null;
  /** The key that was presented. */
  readonly keyId: string | null;
  readonly sessionId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  /** Two upper-case letters. */
  readonly country: string | null;
  readonly requestId: string | null;
};

const NOWHERE = {
  userId: null,
  keyId: null,
  sessionId: null,
  ipAddress: null,
  userAgent: null,
  country: null,
  requestId: null,
} as const;

/** A job, by its name. */
export function jobActor(name: string): Actor {
  return { ...NOWHERE, type: 'job', id: name };
}

/** The installation itself, by the name of what it does: its start, the command line. */
export function systemActor(name: string): Actor {
  return { ...NOWHERE, type: 'system', id: name };
}

/** Who is acting, for whatever is called on the way of what they do. */
@Injectable()
export class Actors {
  readonly #acting = new ContextStorage<Actor>();

  /** `work` is what `actor` does. It must end: see {@link ContextStorage}. */
  act<R>(actor: Actor, work: () => Promise<R>): Promise<R> {
    return this.#acting.run(actor, work);
  }

  /** @throws {Error} where a change is made outside of {@link act}: a mistake in the program */
  get current(): Actor {
    const actor = this.#acting.current;
    if (!actor) throw new Error('A change must be made by somebody: call Actors.act around it.');
    return actor;
  }
}
