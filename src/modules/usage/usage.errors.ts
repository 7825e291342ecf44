import { AppError } from '#common/errors/app-error.js';

/** Usage can't be written down just now, so nothing that costs may be started. Answered as 503. */
export class SpoolUnavailableError extends AppError {
  constructor(cause: unknown) {
    super('service_unavailable', {
      message: 'Usage can’t be recorded right now. Try again.',
      cause,
    });
    this.name = 'SpoolUnavailableError';
  }
}

/** PostgreSQL refuses the data of at least one record of the batch; the same batch will never go in. */
export class UnstorableRecordsError extends Error {
  constructor(
    readonly code: string,
    cause: Error,
  ) {
    super(cause.message, { cause });
    this.name = 'UnstorableRecordsError';
  }
}

/** A day of the batch has no partition (any more). */
export class MissingPartitionError extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = 'MissingPartitionError';
  }
}

/** The folder that was named holds no spool. The message names it. */
export class NotASpoolError extends Error {
  constructor(directory: string) {
    super(`There is no usage spool in ${directory}.`);
    this.name = 'NotASpoolError';
  }
}

/** So much had to be read that it was given up. */
export class SearchTimeoutError extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = 'SearchTimeoutError';
  }
}
