import type { ProviderTimeouts } from './timeouts.js';

/** Timeouts as a request gives them; what is absent stays. */
export type GivenTimeouts = {
  readonly connect_ms?: number;
  readonly first_byte_ms?: number;
  readonly idle_ms?: number;
  readonly total_ms?: number;
};

export function mergeTimeouts(
  current: ProviderTimeouts,
  given: GivenTimeouts = {},
): ProviderTimeouts {
  return {
    connectMs: given.connect_ms ?? current.connectMs,
    firstByteMs: given.first_byte_ms ?? current.firstByteMs,
    idleMs: given.idle_ms ?? current.idleMs,
    totalMs: given.total_ms ?? current.totalMs,
  };
}
