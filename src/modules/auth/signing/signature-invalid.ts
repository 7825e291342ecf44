import { AppError } from '#common/errors/app-error.js';

/** @param what goes on after the part’s name: `must be …` */
export function signatureInvalid(part: string, what: string): AppError {
  return new AppError('signature_invalid', { message: `${part} ${what}.`, param: part });
}
