import { type LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

import { scrubSecrets, scrubTexts } from './secret-patterns.js';

export type Logger = PinoLogger;

/** DI token of the process's pino {@link Logger}. */
export const LOGGER = Symbol('logger');

/** JSON lines, one per event, on `destination` (standard output), each scrubbed before it is written. */
export function createLogger(level: string, destination: DestinationStream = stdout): Logger {
  return pino(
    {
      level,
      base: { service: 'latchkey' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => serializeError(error) },
    },
    { write: (line: string) => destination.write(scrubLine(line)) },
  );
}

/** Every text of the line first, then what is left: names of members. */
function scrubLine(line: string): string {
  return `${scrubSecrets(JSON.stringify(JSON.parse(line, scrubTexts)))}\n`;
}

/**
 * What an operator needs of an error. What libraries hang on theirs besides is data, often secret: the parameters of a
 * statement, the row that was refused, a whole client with its connection.
 */
const ERROR_FIELDS = [
  'code',
  'errno',
  'syscall',
  'address',
  'port',
  'query',
  'severity',
  'schema',
  'table',
  'column',
  'constraint',
  'routine',
] as const;
const MAX_CAUSES = 8;

function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const fields = error as Error & Partial<Record<(typeof ERROR_FIELDS)[number], unknown>>;
  const isTooDeep = depth === MAX_CAUSES;
  return {
    type: error.constructor.name,
    message: error.message,
    stack: error.stack,
    ...Object.fromEntries(
      ERROR_FIELDS.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]),
    ),
    ...(error.cause instanceof Error &&
      !isTooDeep && { cause: serializeError(error.cause, depth + 1) }),
    ...(error instanceof AggregateError &&
      !isTooDeep && {
        errors: error.errors
          .slice(0, MAX_CAUSES)
          .map((inner: unknown) => serializeError(inner, depth + 1)),
      }),
  };
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
