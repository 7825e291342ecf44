import { AppError } from '#common/errors/app-error.js';

/** It can't be written down just now that a call begins, so none may. Answered as 503. */
export class JournalUnavailableError extends AppError {
  constructor(cause: unknown) {
    super('service_unavailable', {
      message: 'Limits can’t be accounted for right now. Try again.',
      cause,
    });
    this.name = 'JournalUnavailableError';
  }
}

/** What a predecessor wrote down is not there as it was written. The message says what is wrong. */
export class DamagedJournalError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DamagedJournalError';
  }
}
