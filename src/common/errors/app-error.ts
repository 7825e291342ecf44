import { ERROR_CODES, type ErrorCode } from './error-codes.js';

export type AppErrorOptions = {
  /** Said to the caller; the code's standard message when absent. Must not hold a secret. */
  message?: string;
  /** The request's field that is wrong, as a path (`permissions.models[2]`). */
  param?: string;
  /** Machine-readable facts for the caller. Must not hold a secret. */
  details?: Readonly<Record<string, unknown>>;
  /** Response headers that belong to the error, such as `retry-after`. Lower-case names. */
  headers?: Readonly<Record<string, string>>;
  /** Goes to the log only. */
  cause?: unknown;
};

/** The one error that services throw. Its status and type follow from the code; services do not know HTTP. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.message ?? ERROR_CODES[code][2], { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.param = options.param ?? null;
    this.details = options.details;
    this.headers = options.headers;
  }

  get status(): number {
    return ERROR_CODES[this.code][0];
  }

  get type(): string {
    return ERROR_CODES[this.code][1];
  }
}
