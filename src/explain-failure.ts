import { InvalidEnvironmentError } from '#platform/config/env.js';
import { WrongSecretKeyError } from '#platform/crypto/installation-canary.js';
import { DataFolderInUseError } from '#platform/embedded/data-folder.js';
import { EmbeddedPostgresError } from '#platform/embedded/embedded-postgres.errors.js';
import { scrubSecrets } from '#platform/observability/secret-patterns.js';

const EXPECTED = [
  InvalidEnvironmentError,
  WrongSecretKeyError,
  DataFolderInUseError,
  EmbeddedPostgresError,
];

/** What a person at a terminal is told when a start fails: what to do where we know it, the whole error where not. */
export function explainFailure(error: unknown): string {
  if (!(error instanceof Error)) return `Latchkey could not start: ${String(error)}\n`;
  const { code, address, port } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
  };
  if (code === 'EADDRINUSE') {
    return `Latchkey could not start: ${address}:${port} is in use already. Set PORT to another one.\n`;
  }
  const isExpected = EXPECTED.some((type) => error instanceof type);
  const text = isExpected ? error.message : (error.stack ?? error.message);
  return scrubSecrets(`Latchkey could not start. ${text}\n`);
}
