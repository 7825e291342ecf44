/** What was thrown, as the error that it nearly always is. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error('Something that is no error was thrown.', { cause: thrown });
}
