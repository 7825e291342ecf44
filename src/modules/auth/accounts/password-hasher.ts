import { Injectable } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import { randomBytes } from 'node:crypto';

import { AppError } from '#common/errors/app-error.js';
import { Secret } from '#common/secret/secret.js';

/** OWASP, Password Storage Cheat Sheet: 19 MiB of memory (given in KiB), two passes, one lane. Argon2id is the default. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const PREFIX = `$argon2id$v=19$m=${PARAMETERS.memoryCost},t=${PARAMETERS.timeCost},p=${PARAMETERS.parallelism}$`;
/** Each keeps a core busy, and calls with keys need those too. */
const MAX_AT_ONCE = 2;
/** About a second and a half of hashing. Whoever had to wait for longer would have to wait for ever in a flood. */
const MAX_WAITING = 64;

/** Stores passwords by Argon2id (RFC 9106), a few at a time. */
@Injectable()
export class PasswordHasher {
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** Of no password at all. */
  readonly #nobodys = PREFIX + [randomBytes(16), randomBytes(32)].map(unpadded).join('$');

  /** @throws {AppError} `service_unavailable` when too many wait */
  async hash(password: Secret): Promise<Secret> {
    return new Secret(await this.#inTurn(() => hash(textOf(password), PARAMETERS)));
  }

  /**
   * Takes as long where there is no hash: nobody learns from the time who has an account.
   * @throws {AppError} `service_unavailable` when too many wait
   */
  async verify(stored: Secret | null, password: Secret): Promise<boolean> {
    const expected = stored?.reveal() ?? this.#nobodys;
    const isRight = await this.#inTurn(() => verify(expected, textOf(password)));
    return stored !== null && isRight;
  }

  /** Whether it was made with other parameters than those that new ones are made with. */
  isOutdated(stored: Secret): boolean {
    return !stored.reveal().startsWith(PREFIX);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < MAX_AT_ONCE) this.#running++;
    else await this.#queue();
    try {
      return await work();
    } finally {
      // Who waited takes the turn over.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  #queue(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) {
      throw new AppError('service_unavailable', {
        message: 'Too many people log in at once. Try again.',
        headers: { 'retry-after': '1' },
      });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** One password may be typed as different characters, by the keyboard (NIST SP 800-63B §3.1.1.2). */
function textOf(password: Secret): string {
  return password.reveal().normalize('NFKC');
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
