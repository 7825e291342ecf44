import { Secret } from '#common/secret/secret.js';

/** Where files are kept instead of the data folder. */
export type S3Config = Readonly<{
  bucket: string;
  /** `null`: Amazon's, of the region. */
  endpoint: string | null;
  region: string;
  /** Empty, or with `/` at its end. */
  prefix: string;
  /** `null`: what the SDK finds, such as the role of the machine. */
  credentials: Readonly<{ accessKeyId: string; secretAccessKey: Secret }> | null;
}>;

type S3Variables = {
  readonly LATCHKEY_S3_BUCKET?: string;
  readonly LATCHKEY_S3_ENDPOINT?: string;
  readonly LATCHKEY_S3_REGION: string;
  readonly LATCHKEY_S3_ACCESS_KEY_ID?: string;
  readonly LATCHKEY_S3_SECRET_ACCESS_KEY?: string;
  readonly LATCHKEY_S3_PREFIX?: string;
  readonly LATCHKEY_AUDIT_CHECKPOINT_S3_PREFIX?: string;
};

/** What would otherwise be kept in the data folder without a word, or be sent with the credentials of somebody else. */
export function hasHalfOfS3(env: S3Variables): boolean {
  const hasId = env.LATCHKEY_S3_ACCESS_KEY_ID !== undefined;
  const hasSecret = env.LATCHKEY_S3_SECRET_ACCESS_KEY !== undefined;
  const isConfigured =
    hasId ||
    env.LATCHKEY_S3_ENDPOINT !== undefined ||
    env.LATCHKEY_AUDIT_CHECKPOINT_S3_PREFIX !== undefined;
  return hasId !== hasSecret || (isConfigured && env.LATCHKEY_S3_BUCKET === undefined);
}

/** `null`: files are kept in the data folder. */
export function toS3(env: S3Variables): S3Config | null {
  if (env.LATCHKEY_S3_BUCKET === undefined) return null;
  const accessKeyId = env.LATCHKEY_S3_ACCESS_KEY_ID;
  const secretAccessKey = env.LATCHKEY_S3_SECRET_ACCESS_KEY;
  return Object.freeze({
    bucket: env.LATCHKEY_S3_BUCKET,
    endpoint: env.LATCHKEY_S3_ENDPOINT ?? null,
    region: env.LATCHKEY_S3_REGION,
    prefix: toPrefix(env.LATCHKEY_S3_PREFIX),
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined
        ? null
        : { accessKeyId, secretAccessKey: new Secret(secretAccessKey) },
  });
}

/** Empty, or with `/` at its end. */
export function toPrefix(text: string | undefined): string {
  return text === undefined ? '' : `${text.replace(/\/$/, '')}/`;
}
