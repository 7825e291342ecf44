import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';

import { AppError } from '#common/errors/app-error.js';
import type { Rate, SharedThrottle } from '#platform/http/throttle/shared-throttle.js';
import { Throttles } from '#platform/http/throttle/throttles.js';

import { FailedAttempts } from '../failed-attempts.js';

/** Failed logins of one account in 15 minutes. */
export const MAX_FAILED_LOGINS = 10;
/** How long an account is locked for, at the most: from the first of them on. */
export const LOCK_OUT_MS = 15 * 60_000;
const LOGIN_RATE: Rate = { limit: MAX_FAILED_LOGINS, windowMs: LOCK_OUT_MS };
const MAIL_RATE: Rate = { limit: 3, windowMs: 3_600_000 };

type Attempt = {
  /** It was no failure. */
  readonly giveBack: () => void;
  /** For how long nobody can log in to the account if it was one; `null`: they can go on. */
  readonly locksForSeconds: number | null;
};

/**
 * Slows guessing of passwords down, per address and per account, over all instances. An attempt counts as a failure from
 * its beginning, so that many at once are no way around the limit. Accounts that do not exist are counted like others:
 * the answer tells nobody which do. Sessions that exist are not touched.
 */
@Injectable()
export class AccountAttempts {
  readonly #logins: SharedThrottle;
  readonly #mails: SharedThrottle;

  constructor(
    throttles: Throttles,
    private readonly addresses: FailedAttempts,
  ) {
    this.#logins = throttles.open('failed_logins');
    this.#mails = throttles.open('password_reset_mails');
  }

  /** @throws {AppError} `rate_limit_exceeded`: nothing may be looked at then */
  async begin(email: string, address: string): Promise<Attempt> {
    const giveBackAddress = await this.addresses.begin(address);
    const { giveBack: giveBackName, locksForSeconds } = await this.#beginName(email);
    const giveBack = (): void => {
      giveBackAddress();
      giveBackName();
    };
    return { giveBack, locksForSeconds };
  }

  /**
   * For what needs no password of an account, but costs as much: making an account, say. It is never given back.
   * @throws {AppError} `rate_limit_exceeded`
   */
  async countCall(address: string): Promise<void> {
    await this.addresses.begin(address);
  }

  /** Whether another mail may be sent to somebody, who has not asked for it maybe. */
  async mayMail(email: string): Promise<boolean> {
    const { hits } = await this.#mails.hit(subjectOf(email), MAIL_RATE);
    return hits <= MAIL_RATE.limit;
  }

  async #beginName(email: string): Promise<Attempt> {
    const subject = subjectOf(email);
    const { hits, resetsInSeconds } = await this.#logins.hit(subject, LOGIN_RATE);
    if (hits <= MAX_FAILED_LOGINS) {
      return {
        giveBack: () => this.#logins.giveBack(subject, LOGIN_RATE),
        locksForSeconds: hits === MAX_FAILED_LOGINS ? resetsInSeconds : null,
      };
    }
    throw new AppError('rate_limit_exceeded', {
      message: `Too many failed logins of this account. Try again in ${resetsInSeconds} s.`,
      headers: { 'retry-after': String(resetsInSeconds) },
      details: {
        limit: {
          metric: 'failed_logins',
          window: '15 minutes',
          limit: MAX_FAILED_LOGINS,
          resets_in_s: resetsInSeconds,
        },
      },
    });
  }
}

/** Of one length, and no address in the store. */
function subjectOf(email: string): string {
  return createHash('sha256').update(email.toLowerCase()).digest('base64url');
}
