import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { KeyDirectory, type KeyState, KeyStates, type KeyView } from '#modules/keys/index.js';
import { HotRoutes } from '#platform/http/hot-routes.js';

import type { Listener } from './listener.js';

/** What becomes of the two keys of a listener: its own, and the one that it watches. */
@Injectable()
export class CallersAndKeys {
  constructor(
    private readonly directory: KeyDirectory,
    private readonly states: KeyStates,
    private readonly hotRoutes: HotRoutes,
    private readonly clock: Clock,
  ) {}

  callerOf({ caller }: Listener): KeyView | null | Promise<KeyView | null> {
    return this.directory.current(caller);
  }

  /** @param caller as it is now: what it reaches may not be what it was */
  watchedBy({ key }: Listener, caller: KeyView): KeyState | null | Promise<KeyState | null> {
    return this.states.find(caller, key.keyId);
  }

  /** @throws {AppError} what the request that began the stream would be refused with now */
  assertAdmitted({ request, endpoint }: Listener, caller: KeyView): void {
    this.hotRoutes.recheck(request, endpoint, caller);
  }

  isInUse(key: KeyState): boolean {
    return this.clock.now() < key.revokedAt;
  }
}
