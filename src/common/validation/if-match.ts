import { AppError } from '#common/errors/app-error.js';

/**
 * RFC 9110 §13.1.1. Our tags are strong, so a weak one matches nothing.
 * @param thing what is changed, such as `key`
 * @param version that it has now; `null` where there is none yet, which nothing matches
 * @throws {AppError} `precondition_failed`
 */
export function assertMatches(ifMatch: string, thing: string, version: number | null): void {
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (version !== null && (tags.includes('*') || tags.includes(`"${version}"`))) return;
  throw new AppError('precondition_failed', {
    message:
      version === null
        ? `There is no such ${thing} yet.`
        : `The ${thing} was changed meanwhile: its version is ${version}. Read it again, then decide.`,
    details: { version },
  });
}
