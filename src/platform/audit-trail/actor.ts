import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { ContextStorage } from '#common/context/context-storage.js';
import type { Client } from '#platform/http/clients.js';

/** Who does something, and from where: what an audit entry says of it. */
export type Actor = Client & {
  readonly type: 'user' | 'key' | 'service_account' | 'job' | 'system' | 'anonymous';
  /** `user_…`, `key_…`, `sa_…`, or the name of the job or program; `null` for somebody who is not known. */
  readonly id: string | null;
  /** The person behind it. */
  readonly userId: string | null;
  /** The key that was presented. */
  readonly keyId: string | null;
  readonly sessionId: string | null;
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

/** Whoever sends a request. @param principal `null` where nobody knows who that is */
export function actorOf(
  principal: Principal | null,
  client: Client,
  requestId: string | null,
): Actor {
  return { ...identityOf(principal), ...client, requestId };
}

type Identity = Pick<Actor, 'type' | 'id' | 'userId' | 'keyId' | 'sessionId'>;

function identityOf(principal: Principal | null): Identity {
  if (!principal) {
    return { type: 'anonymous', id: null, userId: null, keyId: null, sessionId: null };
  }
  const { keyId, secretId, userId, serviceAccountId, role } = principal;
  if (role !== null) return { type: 'user', id: userId, userId, keyId: null, sessionId: secretId };
  const byKey = { userId, keyId, sessionId: null };
  return serviceAccountId === null
    ? { ...byKey, type: 'key', id: keyId }
    : { ...byKey, type: 'service_account', id: serviceAccountId };
}

/** Who is acting, for whatever is called on the way of what they do. */
@Injectable()
export class Actors {
  readonly #acting = new ContextStorage<Actor>();

  /** `work` is what `actor` does. It must end: see {@link ContextStorage}. */
  act<R>(actor: Actor, work: () => Promise<R>): Promise<R> {
    return this.#acting.run(actor, work);
  }

  /**
   * `work` is what a person does of whom their request did not tell: it is public, and they prove in it who they are. From where
   * they do it is as before.
   * @param sessionId of the session that they have, or get; `null`: none
   */
  actAs<R>(userId: string, sessionId: string | null, work: () => Promise<R>): Promise<R> {
    const person = { type: 'user', id: userId, userId, keyId: null, sessionId } as const;
    return this.act({ ...this.current, ...person }, work);
  }

  /** @throws {Error} where a change is made outside of {@link act}: a mistake in the program */
  get current(): Actor {
    const actor = this.#acting.current;
    if (!actor) throw new Error('A change must be made by somebody: call Actors.act around it.');
    return actor;
  }
}
