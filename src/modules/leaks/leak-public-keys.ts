import type { KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';

import type { Clock } from '#common/time/clock.js';
import { type Config, InvalidEnvironmentError } from '#platform/config/env.js';
import type { Logger } from '#platform/observability/logger.js';

import {
  parsePublicKeySet,
  type PublicKeySet,
  PublicKeySetError,
} from './domain/public-key-set.js';

const VARIABLE = 'LATCHKEY_LEAK_PUBLIC_KEYS';
const MAX_FILE_BYTES = 256 * 1024;
const REREAD_MS = 60_000;

/**
 * Whose reports of leaked keys are believed. A set that is kept in a file is read again when a report names a key that
 * is not in it, at most once a minute, so that keys can be rotated without a restart. Nothing is fetched from anywhere.
 */
export class LeakPublicKeys {
  #rereadAt: number;
  #rereading: Promise<void> | null = null;

  private constructor(
    private keys: PublicKeySet | null,
    private readonly path: string | null,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.#rereadAt = clock.now() + REREAD_MS;
  }

  /** @throws {InvalidEnvironmentError} the set can't be used */
  static async open(config: Config, clock: Clock, logger: Logger): Promise<LeakPublicKeys> {
    const given = config.leakPublicKeys?.trim() ?? null;
    if (given === null) return new LeakPublicKeys(null, null, clock, logger);
    const path = given.startsWith('{') ? null : given;
    try {
      const keys = path === null ? parsePublicKeySet(given) : await readKeySet(path);
      return new LeakPublicKeys(keys, path, clock, logger);
    } catch (error) {
      if (!(error instanceof PublicKeySetError)) throw error;
      throw new InvalidEnvironmentError([`${VARIABLE} ${error.message}`]);
    }
  }

  /** Whether anybody may report at all. */
  get isConfigured(): boolean {
    return this.keys !== null;
  }

  async find(identifier: string): Promise<KeyObject | null> {
    const known = this.keys?.get(identifier);
    if (known) return known;
    await this.#reread();
    return this.keys?.get(identifier) ?? null;
  }

  async #reread(): Promise<void> {
    const { path } = this;
    if (path === null) return;
    const now = this.clock.now();
    if (now >= this.#rereadAt) {
      this.#rereadAt = now + REREAD_MS;
      this.#rereading = readKeySet(path).then(
        (keys) => void (this.keys = keys),
        // The set that is known goes on being used: a file that is being written is no reason to lose it.
        (err: unknown) => this.logger.warn({ err }, `${VARIABLE}: the file can’t be used any more`),
      );
    }
    await this.#rereading;
  }
}

async function readKeySet(path: string): Promise<PublicKeySet> {
  let text: string;
  try {
    if ((await stat(path)).size > MAX_FILE_BYTES) {
      throw new PublicKeySetError(`must not be larger than ${MAX_FILE_BYTES} bytes`);
    }
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof PublicKeySetError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new PublicKeySetError(
      `must be JSON, or the path of a file that can be read (${code ?? 'no reason given'})`,
      error,
    );
  }
  return parsePublicKeySet(text);
}
