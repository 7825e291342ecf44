import { Injectable } from '@nestjs/common';

import { type KeyView, memberView } from '#modules/keys/index.js';
import { Memberships, Users } from '#modules/organizations/index.js';

import { SessionRepository, type StoredSession } from './session.repository.js';

/** A session of a member, as it is now. Times in milliseconds since the epoch. */
export type Session = {
  readonly id: string;
  readonly userId: string;
  readonly view: KeyView;
  readonly expiresAt: number;
  /** As far as is known here. */
  lastUsedAt: number;
  /** What of it is suspended. Nothing is served then. */
  readonly suspended: 'account' | 'organization' | null;
};

/** Reads sessions, and what their users may do; `null` for one that is not there, or whose user is no member any more. */
@Injectable()
export class SessionReader {
  constructor(
    private readonly sessions: SessionRepository,
    private readonly memberships: Memberships,
    private readonly users: Users,
  ) {}

  async byHash(tokenHash: Buffer): Promise<Session | null> {
    return this.#complete(await this.sessions.findByHashAcrossTenants(tokenHash));
  }

  async byId(id: string): Promise<Session | null> {
    return this.#complete(await this.sessions.findByIdAcrossTenants(id));
  }

  async #complete(stored: StoredSession | null): Promise<Session | null> {
    if (!stored) return null;
    const { id, userId, organizationId } = stored;
    const member = await this.memberships.find(organizationId, userId);
    if (!member) return null;
    return {
      id,
      userId,
      view: memberView({ ...member, sessionId: id }),
      expiresAt: stored.expiresAt.getTime(),
      lastUsedAt: stored.lastUsedAt.getTime(),
      suspended: member.isSuspended ? await this.#whatIsSuspended(userId) : null,
    };
  }

  async #whatIsSuspended(userId: string): Promise<'account' | 'organization'> {
    const user = await this.users.findAcrossTenants(userId);
    return user?.status === 'active' ? 'organization' : 'account';
  }
}
