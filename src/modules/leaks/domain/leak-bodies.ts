import { AppError } from '#common/errors/app-error.js';

/** Keys in one report. */
export const MAX_LEAKS = 10_000;
const MAX_URL_LENGTH = 2_048;
const MAX_SOURCE_LENGTH = 100;

export type GithubAlert = {
  readonly token: string;
  readonly type: string;
  readonly url: string | null;
  readonly source: string | null;
};

export type ScannerLeak = {
  readonly key: string;
  readonly url: string | null;
  readonly source: string | null;
};

/**
 * GitHub's body, `[{token, type, url, source}]`. What is not known is passed over, and only a token has to be there:
 * better a key that is revoked without being told where it stood than one that is not.
 * @throws {AppError} `invalid_request`
 */
export function readGithubAlerts(body: unknown): GithubAlert[] {
  return arrayOf(body, null).map((item, index) => {
    const { token, type, url, source } = objectOf(item, `[${index}]`);
    if (typeof token !== 'string') throw noText(`[${index}].token`);
    const optional = (value: unknown): string | null => (typeof value === 'string' ? value : null);
    return { token, type: optional(type) ?? '', url: optional(url), source: optional(source) };
  });
}

/**
 * The body of one's own scanners, `{leaks: [{key, url?, source?}]}`.
 * @throws {AppError} `invalid_request`
 */
export function readScannerLeaks(body: unknown): ScannerLeak[] {
  const { leaks, ...rest } = objectOf(body, null);
  refuseUnknown(rest, '');
  return arrayOf(leaks, 'leaks').map((item, index) => {
    const path = `leaks[${index}]`;
    const { key, url, source, ...unknown } = objectOf(item, path);
    refuseUnknown(unknown, `${path}.`);
    if (typeof key !== 'string') throw noText(`${path}.key`);
    return {
      key,
      url: optionalText(url, `${path}.url`, MAX_URL_LENGTH),
      source: optionalText(source, `${path}.source`, MAX_SOURCE_LENGTH),
    };
  });
}

function arrayOf(value: unknown, param: string | null): unknown[] {
  const name = param ?? 'The body';
  if (!Array.isArray(value)) throw invalid(`${name} must be an array.`, param);
  if (value.length > MAX_LEAKS) {
    throw invalid(`${name} must have at most ${MAX_LEAKS} items. Send several requests.`, param);
  }
  return value;
}

function objectOf(value: unknown, param: string | null): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw invalid(`${param ?? 'The body'} must be an object.`, param);
}

function optionalText(value: unknown, param: string, maxLength: number): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && value.length <= maxLength) return value;
  throw invalid(`${param} must be a text of at most ${maxLength} characters.`, param);
}

function refuseUnknown(fields: Readonly<Record<string, unknown>>, prefix: string): void {
  const [name] = Object.keys(fields);
  if (name !== undefined) throw invalid(`Unknown field: ${prefix}${name}`, `${prefix}${name}`);
}

function noText(param: string): AppError {
  return invalid(`${param} must be a text.`, param);
}

function invalid(message: string, param: string | null): AppError {
  return new AppError('invalid_request', { message, ...(param !== null && { param }) });
}
