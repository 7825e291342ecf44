import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import type { UsageCaller } from '#modules/usage/index.js';

import { CallRecorder } from './call-recorder.js';

/** Calls in flight per process. Beyond it memory would decide, and less politely. */
const MAX_IN_FLIGHT = 10_000;
/** Of the bodies of all calls in flight together. */
const MAX_HELD_BYTES = 512 * 1024 * 1024;

/** Decides, before a provider is called, whether this process can take one more call and account for it. */
@Injectable()
export class AdmissionService implements BeforeApplicationShutdown {
  #inFlight = 0;
  #heldBytes = 0;
  #isDraining = false;

  constructor(private readonly recorder: CallRecorder) {}

  beforeApplicationShutdown(): void {
    this.#isDraining = true;
  }

  /**
   * Takes a place; give it back with {@link leave}.
   * @throws {AppError} `service_unavailable`
   */
  enter(): void {
    if (this.#isDraining) throw unavailable('This instance is shutting down. Try again.');
    if (this.#inFlight >= MAX_IN_FLIGHT) throw busy();
    if (!this.recorder.isReady) {
      throw unavailable('Usage can’t be recorded at the moment, so nothing is served. Try again.');
    }
    this.#inFlight++;
  }

  /** @throws {AppError} `service_unavailable` where what this caller does must be audited, and can't be */
  assertRecordable(caller: Principal): void {
    this.recorder.assertRecordable(caller);
  }

  /**
   * Takes room for so much of a body; given back when the call leaves.
   * @throws {AppError} `service_unavailable`; then nothing was taken
   */
  hold(bytes: number): void {
    if (this.#heldBytes + bytes > MAX_HELD_BYTES) throw busy();
    this.#heldBytes += bytes;
  }

  /** Counts a call that is refused after it was let in. */
  refuse(caller: UsageCaller, error: Error): void {
    this.recorder.recordRefusal(caller, error);
  }

  /** @param heldBytes all that the call took with {@link hold} */
  leave(heldBytes: number): void {
    this.#inFlight--;
    this.#heldBytes -= heldBytes;
  }
}

function busy(): AppError {
  return unavailable('This instance is at its limit. Try again.');
}

function unavailable(message: string): AppError {
  return new AppError('service_unavailable', { message, headers: { 'retry-after': '1' } });
}
