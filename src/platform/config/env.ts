import { plainToInstance, Transform } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsIP,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  validateSync,
} from 'class-validator';
import { BlockList } from 'node:net';

import { Secret } from '#common/secret/secret.js';

import { hasHalfOfS3, type S3Config, toPrefix, toS3 } from './s3-config.js';
import {
  OTLP_PROTOCOLS,
  type OtlpProtocol,
  type TelemetryConfig,
  toTelemetry,
} from './telemetry-config.js';

export const ROLES = ['all', 'api', 'worker'] as const;
export type Role = (typeof ROLES)[number];
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const BOOLEANS = ['true', 'false'] as const;
const SIGN_UP = ['open', 'closed'] as const;
const EXPORTERS = ['otlp', 'none'] as const;

/** Environment variable → the name of the provider in the shipped catalog that it opens at first boot. */
const PROVIDER_KEY_VARIABLES = {
  OPENAI_API_KEY: 'openai',
  ANTHROPIC_API_KEY: 'anthropic',
  OPENROUTER_API_KEY: 'openrouter',
  GROQ_API_KEY: 'groq',
  MISTRAL_API_KEY: 'mistral',
  GEMINI_API_KEY: 'gemini',
} as const;

const CIDR_LIST = /^[0-9a-fA-F.:]+(\/\d{1,3})?(\s*,\s*[0-9a-fA-F.:]+(\/\d{1,3})?)*$/;
/** 32 bytes in base64 or base64url, padded or not. */
const KEY_32_BYTES = /^[A-Za-z0-9+/_-]{42}[AEIMQUYcgkosw048]=?$/;
const HTTP_URL = /^https?:\/\/[^\s?#]+$/;
const OBJECT_PREFIX = /^[A-Za-z0-9][A-Za-z0-9_.-]*(\/[A-Za-z0-9_.-]+)*\/?$/;
/** A token of RFC 9110 §5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
/** No path and no query: what may be set besides is decided here. */
const SMTP_URL = /^smtps?:\/\/[^\s/?#]{1,2048}\/?$/;
const MAIL_ADDRESS = String.raw`[^\s<>@,;:"]{1,64}@[^\s<>@,;:"]{1,190}`;
/** An address, or a name and an address in angle brackets. */
const MAIL_FROM = new RegExp(
  `^(?:${MAIL_ADDRESS}|[^<>@,;:"\\p{Cc}]{1,64} <${MAIL_ADDRESS}>)$`,
  'u',
);

/** Every variable the system reads. `docs/configuration.md` is the page for people. */
class EnvDto {
  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(0)
  @Max(65_535)
  PORT = 3000;

  @IsIP()
  HOST = '127.0.0.1';

  @IsOptional()
  @Matches(/^postgres(ql)?:\/\/.+/)
  DATABASE_URL?: string;

  @IsOptional()
  @Matches(/^rediss?:\/\/.+/)
  REDIS_URL?: string;

  @IsString()
  @Length(1, 4096)
  LATCHKEY_DATA_DIR = '.latchkey';

  @IsOptional()
  @Matches(KEY_32_BYTES)
  LATCHKEY_SECRET_KEY?: string;

  /** Its exact format depends on the brand and is checked where keys are known. */
  @IsOptional()
  @Length(40, 64)
  LATCHKEY_BOOTSTRAP_KEY?: string;

  @IsIn(ROLES)
  LATCHKEY_ROLE: Role = 'all';

  @Matches(/^[a-z][a-z0-9]{1,11}$/)
  LATCHKEY_KEY_BRAND = 'pr';

  @IsOptional()
  @Matches(CIDR_LIST)
  LATCHKEY_TRUSTED_PROXIES?: string;

  @IsOptional()
  @Matches(HEADER_NAME)
  LATCHKEY_COUNTRY_HEADER?: string;

  /** Whether the file is one is checked where it is opened. */
  @IsOptional()
  @Length(1, 4096)
  LATCHKEY_GEOIP_DATABASE?: string;

  /** Whether it is a key set, or the path of one, is checked where it is opened. */
  @IsOptional()
  @Length(1, 65_536)
  LATCHKEY_LEAK_PUBLIC_KEYS?: string;

  @IsOptional()
  @IsIn(SIGN_UP)
  LATCHKEY_SIGNUP?: (typeof SIGN_UP)[number];

  /** USD. */
  @Matches(/^\d{1,6}(\.\d{1,9})?$/)
  LATCHKEY_SIGNUP_CREDIT = '5.00';

  @IsOptional()
  @IsIn(BOOLEANS)
  LATCHKEY_ALLOW_PRIVATE_TARGETS?: (typeof BOOLEANS)[number];

  @IsOptional()
  @Matches(SMTP_URL)
  LATCHKEY_SMTP_URL?: string;

  @Matches(MAIL_FROM)
  LATCHKEY_MAIL_FROM = 'Latchkey <latchkey@localhost>';

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(31)
  @Max(3_650)
  LATCHKEY_USAGE_RETENTION_DAYS = 400;

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(1)
  @Max(3_650)
  LATCHKEY_REQUEST_BODY_RETENTION_DAYS = 30;

  @IsOptional()
  @Length(1, 4096)
  LATCHKEY_AUDIT_CHECKPOINT_FILE?: string;

  @IsOptional()
  @Matches(HTTP_URL)
  LATCHKEY_AUDIT_CHECKPOINT_URL?: string;

  @IsOptional()
  @Matches(OBJECT_PREFIX)
  @Length(1, 256)
  LATCHKEY_AUDIT_CHECKPOINT_S3_PREFIX?: string;

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(1)
  @Max(365)
  LATCHKEY_EXPORT_RETENTION_DAYS = 7;

  @IsOptional()
  @Matches(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)
  LATCHKEY_S3_BUCKET?: string;

  @IsOptional()
  @Matches(HTTP_URL)
  LATCHKEY_S3_ENDPOINT?: string;

  @Matches(/^[a-z0-9-]{1,64}$/)
  LATCHKEY_S3_REGION = 'us-east-1';

  @IsOptional() @Length(3, 128) LATCHKEY_S3_ACCESS_KEY_ID?: string;
  @IsOptional() @Length(3, 512) LATCHKEY_S3_SECRET_ACCESS_KEY?: string;

  @IsOptional()
  @Matches(OBJECT_PREFIX)
  @Length(1, 256)
  LATCHKEY_S3_PREFIX?: string;

  @IsIn(LOG_LEVELS)
  LATCHKEY_LOG_LEVEL: (typeof LOG_LEVELS)[number] = 'info';

  @IsOptional()
  @Matches(HTTP_URL)
  OTEL_EXPORTER_OTLP_ENDPOINT?: string;

  @IsOptional()
  @Matches(HTTP_URL)
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string;

  @IsOptional()
  @Matches(HTTP_URL)
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT?: string;

  @IsIn(OTLP_PROTOCOLS)
  OTEL_EXPORTER_OTLP_PROTOCOL: OtlpProtocol = 'http/protobuf';

  @IsIn(EXPORTERS)
  OTEL_TRACES_EXPORTER: (typeof EXPORTERS)[number] = 'otlp';

  @IsIn(EXPORTERS)
  OTEL_METRICS_EXPORTER: (typeof EXPORTERS)[number] = 'otlp';

  @IsOptional()
  @IsIn(BOOLEANS)
  OTEL_SDK_DISABLED?: (typeof BOOLEANS)[number];

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(100)
  @Max(3_600_000)
  OTEL_METRIC_EXPORT_INTERVAL = 60_000;

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(1)
  @Max(65_536)
  OTEL_BSP_MAX_QUEUE_SIZE = 2_048;

  @IsOptional() @Length(8, 512) OPENAI_API_KEY?: string;
  @IsOptional() @Length(8, 512) ANTHROPIC_API_KEY?: string;
  @IsOptional() @Length(8, 512) OPENROUTER_API_KEY?: string;
  @IsOptional() @Length(8, 512) GROQ_API_KEY?: string;
  @IsOptional() @Length(8, 512) MISTRAL_API_KEY?: string;
  @IsOptional() @Length(8, 512) GEMINI_API_KEY?: string;
}

export type Config = Readonly<{
  role: Role;
  logLevel: (typeof LOG_LEVELS)[number];
  http: Readonly<{
    host: string;
    port: number;
    trustedProxies: readonly string[];
    /** Lower-case. `null`: no proxy says where a client is. */
    countryHeader: string | null;
  }>;
  /** Path of an MMDB file. `null`: the one that is shipped. */
  geoIpDatabase: string | null;
  /** `null`: the embedded PostgreSQL in the data folder. */
  databaseUrl: Secret | null;
  /** `null`: queues, counters and fan-out live on PostgreSQL. */
  redisUrl: Secret | null;
  dataDir: string;
  /** 32 bytes. `null` only with the embedded database: generated into the data folder. */
  secretKey: Secret<Buffer> | null;
  bootstrapKey: Secret | null;
  keyBrand: string;
  /** Whether whoever can reach the API may make an account. */
  isSignupOpen: boolean;
  /** What a new organization is given to spend: USD, for `parseUsd`. */
  signUpCredit: string;
  allowPrivateTargets: boolean;
  mail: Readonly<{
    /** Of the server that mail is given to, maybe with a password. `null`: mail is only logged. */
    smtpUrl: Secret | null;
    /** `Name <address>`, or an address alone. */
    from: string;
  }>;
  /** How long each call's record is kept. */
  usageRetentionDays: number;
  /** A set of public keys as JSON, or the path of a file with one. `null`: nobody may report leaked keys. */
  leakPublicKeys: string | null;
  /** How long bodies of calls are kept, where a key's policy has them kept at all. */
  requestBodyRetentionDays: number;
  /** Where checkpoints of the audit log go besides the log and the database. */
  auditCheckpoints: Readonly<{
    /** Path of a file that they are appended to. */
    file: string | null;
    url: string | null;
    /** Of the objects that they are stored as in S3, with `/` at its end. */
    s3Prefix: string | null;
  }>;
  /** How long the file of a finished export is kept. */
  exportRetentionDays: number;
  /** `null`: files are kept in the data folder. */
  s3: S3Config | null;
  /** `null`: nothing of OpenTelemetry is even loaded. */
  telemetry: TelemetryConfig | null;
  /** Provider name in the shipped catalog → its credential. */
  providerKeys: ReadonlyMap<string, Secret>;
}>;

/** Lists every bad variable by name and rule, never by value: a value may be a secret. */
export class InvalidEnvironmentError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The environment is not valid:\n${problems.map((line) => `  - ${line}`).join('\n')}`);
    this.name = 'InvalidEnvironmentError';
  }
}

/** Reads the environment into the one typed configuration. Pure: the same input gives the same answer. */
export function loadEnv(source: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== undefined && value !== ''),
  );
  const env = plainToInstance(EnvDto, given, { exposeDefaultValues: true });
  const problems = validateSync(env).flatMap(({ property, constraints }) =>
    Object.values(constraints ?? {}).map((rule) =>
      rule.startsWith(property) ? rule : `${property}: ${rule}`,
    ),
  );
  if (env.DATABASE_URL !== undefined && env.LATCHKEY_SECRET_KEY === undefined) {
    problems.push(
      'LATCHKEY_SECRET_KEY is required with DATABASE_URL: 32 random bytes in base64 (openssl rand -base64 32)',
    );
  }
  const trustedProxies = env.LATCHKEY_TRUSTED_PROXIES?.split(',').map((cidr) => cidr.trim()) ?? [];
  if (!trustedProxies.every(isCidr)) {
    problems.push('LATCHKEY_TRUSTED_PROXIES must be a comma-separated list of addresses or CIDRs');
  }
  if (trustedProxies.some((range) => /\/0+$/.test(range))) {
    problems.push(
      'LATCHKEY_TRUSTED_PROXIES must not name every address: each client could then claim any',
    );
  }
  if (hasHalfOfS3(env)) {
    problems.push(
      'LATCHKEY_S3_ACCESS_KEY_ID and LATCHKEY_S3_SECRET_ACCESS_KEY go together; they, LATCHKEY_S3_ENDPOINT and LATCHKEY_AUDIT_CHECKPOINT_S3_PREFIX need LATCHKEY_S3_BUCKET',
    );
  }
  if (env.LATCHKEY_SMTP_URL !== undefined && !isDecodableUrl(env.LATCHKEY_SMTP_URL)) {
    problems.push(
      'LATCHKEY_SMTP_URL must be a URL: percent-encode what is special in the password',
    );
  }
  if (problems.length > 0) throw new InvalidEnvironmentError([...new Set(problems)]);
  return toConfig(env, trustedProxies);
}

function toConfig(env: EnvDto, trustedProxies: readonly string[]): Config {
  const embedded = env.DATABASE_URL === undefined;
  return Object.freeze({
    role: env.LATCHKEY_ROLE,
    logLevel: env.LATCHKEY_LOG_LEVEL,
    http: Object.freeze({
      host: env.HOST,
      port: env.PORT,
      trustedProxies,
      countryHeader: env.LATCHKEY_COUNTRY_HEADER?.toLowerCase() ?? null,
    }),
    geoIpDatabase: env.LATCHKEY_GEOIP_DATABASE ?? null,
    databaseUrl: toSecret(env.DATABASE_URL),
    redisUrl: toSecret(env.REDIS_URL),
    dataDir: env.LATCHKEY_DATA_DIR,
    secretKey:
      env.LATCHKEY_SECRET_KEY === undefined
        ? null
        : new Secret(Buffer.from(env.LATCHKEY_SECRET_KEY, 'base64')),
    bootstrapKey: toSecret(env.LATCHKEY_BOOTSTRAP_KEY),
    keyBrand: env.LATCHKEY_KEY_BRAND,
    usageRetentionDays: env.LATCHKEY_USAGE_RETENTION_DAYS,
    isSignupOpen: (env.LATCHKEY_SIGNUP ?? (embedded ? 'open' : 'closed')) === 'open',
    signUpCredit: env.LATCHKEY_SIGNUP_CREDIT,
    allowPrivateTargets:
      env.LATCHKEY_ALLOW_PRIVATE_TARGETS === undefined
        ? embedded
        : env.LATCHKEY_ALLOW_PRIVATE_TARGETS === 'true',
    mail: Object.freeze({
      smtpUrl: toSecret(env.LATCHKEY_SMTP_URL),
      from: env.LATCHKEY_MAIL_FROM,
    }),
    leakPublicKeys: env.LATCHKEY_LEAK_PUBLIC_KEYS ?? null,
    requestBodyRetentionDays: env.LATCHKEY_REQUEST_BODY_RETENTION_DAYS,
    auditCheckpoints: Object.freeze({
      file: env.LATCHKEY_AUDIT_CHECKPOINT_FILE ?? null,
      url: env.LATCHKEY_AUDIT_CHECKPOINT_URL ?? null,
      s3Prefix: toPrefix(env.LATCHKEY_AUDIT_CHECKPOINT_S3_PREFIX) || null,
    }),
    exportRetentionDays: env.LATCHKEY_EXPORT_RETENTION_DAYS,
    s3: toS3(env),
    telemetry: toTelemetry(env),
    providerKeys: new Map(
      Object.entries(PROVIDER_KEY_VARIABLES).flatMap(([variable, provider]) => {
        const value = env[variable as keyof typeof PROVIDER_KEY_VARIABLES];
        return value === undefined ? [] : [[provider, new Secret(value)] as const];
      }),
    ),
  });
}

function toSecret(value: string | undefined): Secret | null {
  return value === undefined ? null : new Secret(value);
}

/** Its parts are percent-encoded, and with them the user's name and password. */
function isDecodableUrl(text: string): boolean {
  try {
    decodeURIComponent(new URL(text).href);
    return true;
  } catch {
    // Neither has a test of its own: they throw on what they can't read.
    return false;
  }
}

function isCidr(text: string): boolean {
  const [address = '', bits] = text.split('/');
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  try {
    if (bits === undefined) new BlockList().addAddress(address, family);
    else new BlockList().addSubnet(address, Number(bits), family);
    return true;
  } catch {
    // BlockList has no test of its own: it throws on what it can't read.
    return false;
  }
}
