import type { Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';

const MAX_PAYLOAD_BYTES = 4_096;

/** Names the fields that are wrong and their rules, never their values. */
export class InvalidJobPayloadError extends Error {
  constructor(job: string, problems: readonly string[]) {
    super(`The payload of ${job} is not valid: ${problems.join('; ')}`);
    this.name = 'InvalidJobPayloadError';
  }
}

/** Turns what a queue has kept into an instance of the payload's class. Unknown fields, of a newer release, are left out. */
export function parsePayload<P extends object>(job: string, payload: Type<P>, data: unknown): P {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new InvalidJobPayloadError(job, ['it must be an object']);
  }
  const instance = plainToInstance(payload, data);
  const errors = validateSync(instance, {
    whitelist: true,
    // A job without parameters has a class without rules, which is not a mistake.
    forbidUnknownValues: false,
    validationError: { target: false, value: false },
  });
  if (errors.length === 0) return instance;
  throw new InvalidJobPayloadError(
    job,
    errors.map(({ property, constraints }) =>
      [property, ...Object.keys(constraints ?? {})].join(' '),
    ),
  );
}

/** @throws RangeError above 4 KiB of JSON: a payload is ids, and the rest is read from the database */
export function assertPayloadSize(job: string, payload: object): void {
  const bytes = Buffer.byteLength(JSON.stringify(payload));
  if (bytes > MAX_PAYLOAD_BYTES) {
    throw new RangeError(
      `The payload of ${job} has ${bytes} bytes; ${MAX_PAYLOAD_BYTES} are allowed.`,
    );
  }
}
