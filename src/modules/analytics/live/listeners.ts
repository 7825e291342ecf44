import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import type { FeedKey } from '#modules/usage/index.js';

import type { Listener } from './listener.js';

/** Of this process. */
const MAX_LISTENERS = 2_000;
const MAX_LISTENERS_OF_KEY = 500;

/** Who listens at this process, by the key that they watch. */
@Injectable()
export class Listeners {
  readonly #ofKey = new Map<string, { readonly key: FeedKey; readonly all: Set<Listener> }>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @throws {AppError} `concurrency_limit_exceeded` when too many watch the key; `service_unavailable` when too many listen here */
  assertRoomFor(key: FeedKey): void {
    if (this.of(key).size >= MAX_LISTENERS_OF_KEY) {
      throw new AppError('concurrency_limit_exceeded', {
        message: `${MAX_LISTENERS_OF_KEY} streams of this key’s usage are open on this instance, and it takes no more.`,
        headers: { 'retry-after': '5' },
        details: {
          limit: { metric: 'usage_streams', subject: 'key', limit: MAX_LISTENERS_OF_KEY },
        },
      });
    }
    if (this.#count >= MAX_LISTENERS) {
      throw new AppError('service_unavailable', {
        message: `${MAX_LISTENERS} streams of usage are open on this instance, and it takes no more. Try another.`,
        headers: { 'retry-after': '5' },
      });
    }
  }

  add(listener: Listener): void {
    const name = nameOf(listener.key);
    const known = this.#ofKey.get(name);
    if (known) known.all.add(listener);
    else this.#ofKey.set(name, { key: listener.key, all: new Set([listener]) });
    this.#count++;
  }

  remove(listener: Listener): void {
    const name = nameOf(listener.key);
    const known = this.#ofKey.get(name);
    if (!known?.all.delete(listener)) return;
    this.#count--;
    if (known.all.size === 0) this.#ofKey.delete(name);
  }

  of(key: FeedKey): ReadonlySet<Listener> {
    return this.#ofKey.get(nameOf(key))?.all ?? NOBODY;
  }

  keys(): FeedKey[] {
    return [...this.#ofKey.values()].map(({ key }) => key);
  }

  all(): Listener[] {
    return [...this.#ofKey.values()].flatMap(({ all }) => [...all]);
  }
}

const NOBODY: ReadonlySet<Listener> = new Set();

function nameOf({ organizationId, keyId }: FeedKey): string {
  return `${organizationId} ${keyId}`;
}
