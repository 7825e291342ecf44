import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import {
  type Amounts,
  CallLimiter,
  type LeaseSet,
  NO_AMOUNTS,
  type Reservation,
} from '#modules/limits/index.js';

import type { KeyView } from '../domain/key-view.js';
import { KeyAccounts } from '../key-accounts.service.js';
import { KeyDirectory } from '../key-directory.port.js';

/** Takes of a key’s limits for something that the gateway does not do itself, all together or nothing. */
@Injectable()
export class ConsumeLimitsService {
  constructor(
    private readonly limiter: CallLimiter,
    private readonly accounts: KeyAccounts,
    private readonly directory: KeyDirectory,
    private readonly clock: Clock,
  ) {}

  /**
   * @param model `undefined`: nobody knows, so only what counts all models is taken of
   * @returns whether it is taken; `false` where the key has changed meanwhile, and is to be looked at again
   * @throws {AppError} `rate_limit_exceeded`, `budget_exceeded`, `service_unavailable`
   */
  async consume(view: KeyView, model: string | undefined, amounts: Amounts): Promise<boolean> {
    const account = await this.accounts.limitsOf(view);
    if (account.isUnlimited) return true;
    const reservation = await this.#take(account.setOf(model ?? null, this.clock.now()), amounts);
    let used = NO_AMOUNTS;
    try {
      if ((await this.directory.current(view)) !== view) return false;
      await this.#begin(reservation);
      used = amounts;
      return true;
    } finally {
      this.limiter.settle(reservation, used);
    }
  }

  #take(set: LeaseSet, amounts: Amounts): Reservation | Promise<Reservation> {
    const claim = { set, amounts, maxQueued: 0, hasPriority: false, fit: () => null };
    const taken = this.limiter.admit(claim);
    return 'reserved' in taken ? taken.reserved : taken;
  }

  #begin(reservation: Reservation): Promise<void> {
    return new Promise((resolve, reject) => {
      this.limiter.begin(reservation, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }
}
