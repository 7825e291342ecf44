/** What is used of passport. `@types/passport` speaks of Express's requests and brings all of Express's types along. */
declare module 'passport' {
  type Settle = (error?: Error | null, user?: unknown) => void;

  /** Passport makes a copy for each request, and only a copy can do these three. */
  export class Strategy {
    success(user: object): void;
    /** The credential is not there: the next strategy is tried. */
    fail(): void;
    /** The credential is there and is refused: no other strategy is tried. */
    error(error: Error): void;
  }

  export class Authenticator {
    authenticate(
      strategies: readonly string[],
      options: { readonly session: false },
      callback: Settle,
    ): (request: object, response: null, next: Settle) => void;
  }
  /** The whole process's own. */
  const passport: Authenticator;
  export default passport;
}
