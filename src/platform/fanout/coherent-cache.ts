import { LRUCache } from 'lru-cache';

import type { Fanout } from './fanout.port.js';

/** How long a cached value may be used while nobody can say whether it changed. */
export const MAX_UNCONFIRMED_MS = 5_000;

type Entry<V> = { readonly value: V; readonly loadedAt: number };

export type CoherentCacheOptions<V> = {
  readonly maxEntries: number;
  /** What a value is invalidated by: any of them. Several entries may share one. */
  readonly tagsOf: (value: V) => readonly string[];
};

/**
 * A bounded cache of PostgreSQL's truth that is never trusted blindly. An entry is used only while the fan-out is known
 * to deliver invalidations, and for {@link MAX_UNCONFIRMED_MS} after that; then it is read again. Ages are measured on
 * the monotonic clock, so a process that was stopped for a while distrusts its cache when it wakes.
 */
export class CoherentCache<V extends object> {
  readonly #entries: LRUCache<string, Entry<V>>;
  readonly #keysOfTag = new Map<string, Set<string>>();
  readonly #loading = new Map<string, Promise<V | null>>();
  /** Counts invalidations: what was read before one must not be kept after it. */
  #generation = 0;

  constructor(
    private readonly fanout: Fanout,
    private readonly options: CoherentCacheOptions<V>,
  ) {
    this.#entries = new LRUCache<string, Entry<V>>({
      max: options.maxEntries,
      dispose: ({ value }, key) => this.#untag(options.tagsOf(value), key),
    });
    fanout.onGap(() => this.clear());
  }

  /** The value at once, or `undefined` when it must be loaded. */
  peek(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    const confirmedAt = Math.max(entry.loadedAt, this.fanout.lastConfirmedAt);
    return performance.now() - confirmedAt <= MAX_UNCONFIRMED_MS ? entry.value : undefined;
  }

  /**
   * Reads the truth; callers who ask for the same key meanwhile share the read.
   * @param read answers `null` where there is none, which is not remembered
   */
  load(key: string, read: () => Promise<V | null>): Promise<V | null> {
    const current = this.#loading.get(key);
    if (current) return current;
    const loading = this.#load(key, read).finally(() => {
      if (this.#loading.get(key) === loading) this.#loading.delete(key);
    });
    this.#loading.set(key, loading);
    return loading;
  }

  async #load(key: string, read: () => Promise<V | null>): Promise<V | null> {
    const generation = this.#generation;
    const loadedAt = performance.now();
    const value = await read();
    if (value !== null && generation === this.#generation) {
      this.#entries.set(key, { value, loadedAt });
      this.#tag(this.options.tagsOf(value), key);
    }
    return value;
  }

  /** Forgets what has this tag, and lets no read that is under way bring it back. */
  invalidate(tag: string): void {
    this.#forgetReads();
    for (const key of [...(this.#keysOfTag.get(tag) ?? [])]) this.#entries.delete(key);
  }

  clear(): void {
    this.#forgetReads();
    this.#entries.clear();
  }

  #forgetReads(): void {
    this.#generation++;
    this.#loading.clear();
  }

  #tag(tags: readonly string[], key: string): void {
    for (const tag of tags) {
      const keys = this.#keysOfTag.get(tag);
      if (keys) keys.add(key);
      else this.#keysOfTag.set(tag, new Set([key]));
    }
  }

  #untag(tags: readonly string[], key: string): void {
    for (const tag of tags) {
      const keys = this.#keysOfTag.get(tag);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysOfTag.delete(tag);
    }
  }
}
