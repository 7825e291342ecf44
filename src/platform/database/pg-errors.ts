import { QueryFailedError } from 'typeorm';

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

type DriverError = { readonly code?: string; readonly constraint?: string };

/** The name of the unique constraint that `error` reports as violated, or `null` for any other error. */
export function violatedUniqueConstraint(error: unknown): string | null {
  if (!(error instanceof QueryFailedError)) return null;
  const { code, constraint } = error.driverError as DriverError;
  return code === UNIQUE_VIOLATION ? (constraint ?? '') : null;
}

/** Whether a row would be left that refers to none, or one was written that does. */
export function isForeignKeyViolation(error: unknown): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  return (error.driverError as DriverError).code === FOREIGN_KEY_VIOLATION;
}

/** character_not_in_repertoire, untranslatable_character: text that PostgreSQL can't hold, such as one with NUL. */
const UNSTORABLE_TEXT = new Set(['22021', '22P05']);

/** Whether the statement was given a text that PostgreSQL can't hold. */
export function isUnstorableText(error: unknown): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  return UNSTORABLE_TEXT.has((error.driverError as DriverError).code ?? '');
}

/** Classes of SQLSTATE: data exception, integrity constraint, program limit (an index row too long). */
const DATA_ERROR_CLASSES = new Set(['22', '23', '54']);

/** Whether an SQLSTATE speaks of bad data: then the same statement fails whenever it is tried. */
export function isDataError(code: string): boolean {
  return DATA_ERROR_CLASSES.has(code.slice(0, 2));
}

/** Whether PostgreSQL refuses what a statement was given, as {@link isDataError} says. */
export function speaksOfData(error: unknown): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  return isDataError((error.driverError as DriverError).code ?? '');
}

const CONNECTION_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  '53300', // too_many_connections
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57014', // query_canceled: the statement timeout
  '08000',
  '08003',
  '08006',
]);

/** Whether PostgreSQL could not be asked, as opposed to having answered that the statement is wrong. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const driverError: unknown = error instanceof QueryFailedError ? error.driverError : error;
  const code = (driverError as DriverError).code;
  return (
    (code !== undefined && CONNECTION_ERRORS.has(code)) ||
    /timeout exceeded when trying to connect|Connection terminated|connection timeout|Query read timeout/i.test(
      error.message,
    )
  );
}
