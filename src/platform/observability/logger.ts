import { type LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

import { scrubSecrets } from './secret-patterns.js';

export type Logger = PinoLogger;

/** DI token of the process's pino {@link Logger}. */
export const LOGGER = Symbol('logger');

/** JSON lines, one per event, on `destination` (standard output), each scrubbed as a whole before it is written. */
export function createLogger(level: string, destination: DestinationStream = stdout): Logger {
  return pino(
    {
      level,
      base: { service: 'latchkey' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: serializeError },
    },
    { write: (line: string) => destination.write(scrubSecrets(line)) },
  );
}

/** What a failed statement was given is data, often secret; the statement and the server's message are enough. */
const PRIVATE_FIELDS = new Set(['raw', 'parameters', 'detail', 'where', 'driverError']);

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const fields = Object.entries(pino.stdSerializers.errWithCause(error));
  return Object.fromEntries(fields.filter(([name]) => !PRIVATE_FIELDS.has(name)));
}

const stdout: DestinationStream = {
  write(line: string): void {
    process.stdout.write(line);
  },
};

/** What Nest itself has to say goes into the same stream; its chatter about routes is of no use to operators. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.logger.debug({ context: rest.at(-1) }, String(message));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.logger.warn({ context: rest.at(-1) }, String(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    if (message instanceof Error) this.logger.error({ err: message }, message.message);
    else this.logger.error({ detail: rest }, String(message));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.logger.fatal({ detail: rest }, String(message));
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.logger.trace({ context: rest.at(-1) }, String(message));
  }
}
