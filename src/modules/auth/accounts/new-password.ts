import { AppError } from '#common/errors/app-error.js';
import { Secret } from '#common/secret/secret.js';

/**
 * A password that somebody has chosen.
 * @param param the field of the request that it stands in
 * @throws {AppError} `invalid_request` when it is their mail address
 */
export function newPassword(text: string, email: string, param: string): Secret {
  if (text.toLowerCase() !== email.toLowerCase()) return new Secret(text);
  throw new AppError('invalid_request', {
    message: `${param} must not be the mail address.`,
    param,
  });
}
