import { HttpException } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import type { ErrorCode } from '#common/errors/error-codes.js';
import { isDatabaseUnavailable, isUnstorableText } from '#platform/database/pg-errors.js';

/** What the framework's own refusals mean in our terms. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_request',
  404: 'not_found',
  405: 'not_found',
  408: 'invalid_request',
  413: 'request_too_large',
  414: 'request_too_large',
  415: 'invalid_request',
  422: 'invalid_request',
  429: 'rate_limit_exceeded',
  431: 'request_too_large',
  503: 'service_unavailable',
};

type FastifyError = Error & { readonly statusCode: number };

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number';
}

/** Turns whatever was thrown into the error that the caller gets. What is unknown becomes a 500 that tells nothing. */
export function toAppError(error: unknown, method: string, path: string): AppError {
  if (error instanceof AppError) return error;
  if (isDatabaseUnavailable(error)) return new AppError('service_unavailable', { cause: error });
  if (isUnstorableText(error)) {
    return new AppError('invalid_request', {
      message: 'A text of the request has characters that can’t be stored, such as NUL.',
      cause: error,
    });
  }
  const status =
    error instanceof HttpException
      ? error.getStatus()
      : isFastifyError(error)
        ? error.statusCode
        : 500;
  const code = CODE_OF_STATUS[status];
  if (code === undefined) return new AppError('internal_server_error', { cause: error });
  const message = messageOf(code, status, `${method} ${path}`);
  return new AppError(code, { cause: error, ...(message !== null && { message }) });
}

function messageOf(code: ErrorCode, status: number, route: string): string | null {
  if (code === 'not_found') return `There is no ${route}. See /docs for the routes.`;
  if (status === 415) return 'The content type is not supported. Send application/json.';
  return null;
}
