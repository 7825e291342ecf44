import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import type { Candidate } from '#modules/catalog/index.js';

import { byPriority, type Rank } from './choose-candidate.js';

const MAX_ROUTES_KNOWN = 20_000;
/** How much the latest call says against all before it. */
const LATEST = 0.2;
/** A call that the provider failed counts as one that took this long: an error is no fast answer. */
const FAILED_MS = 60_000;

/** How long a route's calls waited for their first byte of late: a moving average, written in place. */
export class RouteSpeed {
  /** `Infinity` until there was a call. */
  firstByteMs = Infinity;

  succeeded(firstByteMs: number): void {
    const before = this.firstByteMs;
    this.firstByteMs = before === Infinity ? firstByteMs : before + LATEST * (firstByteMs - before);
  }

  failed(): void {
    this.succeeded(FAILED_MS);
  }
}

/** The speeds of routes as this process has seen them. Each instance has its own. */
@Injectable()
export class RouteSpeeds {
  readonly #speeds = new LRUCache<string, RouteSpeed>({ max: MAX_ROUTES_KNOWN });

  of(routeId: string): RouteSpeed {
    const known = this.#speeds.get(routeId);
    if (known) return known;
    const speed = new RouteSpeed();
    this.#speeds.set(routeId, speed);
    return speed;
  }

  /** The fastest first. Those that nothing is known of come last, and among themselves by priority. */
  readonly bySpeed: Rank = (a, b) => {
    const one = this.#msOf(a);
    const other = this.#msOf(b);
    if (one === other) return byPriority(a, b);
    return one < other ? -1 : 1;
  };

  #msOf({ routeId }: Candidate): number {
    return this.#speeds.get(routeId)?.firstByteMs ?? Infinity;
  }
}
