import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

type S3Object = { readonly Bucket: string; readonly Key: string };

const NOT_IMPLEMENTED = 501;
/** Of one object far more than there ever are. */
const MAX_LISTED = 100;

/**
 * One object, a part at a time, each given up by the signal. Not the SDK's own `Upload`: that lets a request go on which it has given up, so
 * an object could come to be after it was deleted.
 */
export class S3Upload {
  readonly #parts: CompletedPart[] = [];
  #id: string | undefined;

  constructor(
    private readonly client: S3Client,
    private readonly object: S3Object,
    private readonly signal: AbortSignal,
  ) {}

  /** @param part at least 5 MiB, of the same size as all others */
  async add(part: Buffer): Promise<void> {
    const options = { abortSignal: this.signal };
    this.#id ??= (
      await this.client.send(new CreateMultipartUploadCommand(this.object), options)
    ).UploadId;
    const PartNumber = this.#parts.length + 1;
    const { ETag } = await this.client.send(
      new UploadPartCommand({ ...this.object, UploadId: this.#id, PartNumber, Body: part }),
      options,
    );
    this.#parts.push({ PartNumber, ...(ETag !== undefined && { ETag }) });
  }

  /** The object is there once it resolves. @param rest what is left, of any size */
  async complete(rest: Buffer): Promise<void> {
    const options = { abortSignal: this.signal };
    if (this.#id === undefined) {
      await this.client.send(new PutObjectCommand({ ...this.object, Body: rest }), options);
      return;
    }
    if (rest.length > 0) await this.add(rest);
    await this.client.send(
      new CompleteMultipartUploadCommand({
        ...this.object,
        UploadId: this.#id,
        MultipartUpload: { Parts: this.#parts },
      }),
      options,
    );
  }

  /** Nothing is left of it. What can't be done now is by {@link abortUploadsOf}. @param reason gets what has failed as its cause */
  async abort(reason: unknown): Promise<void> {
    if (this.#id === undefined) return;
    try {
      await abortUpload(this.client, this.object, this.#id);
    } catch (error) {
      if (reason instanceof Error) reason.cause ??= error;
    }
  }
}

/** Uploads of this name that nobody is at any more. A server that can't list them is one whose lifecycle has to abort them. */
export async function abortUploadsOf(client: S3Client, object: S3Object): Promise<void> {
  const uploads = await uploadsOf(client, object);
  for (const id of uploads) await abortUpload(client, object, id);
}

async function uploadsOf(client: S3Client, { Bucket, Key }: S3Object): Promise<string[]> {
  try {
    const { Uploads: uploads = [] } = await client.send(
      new ListMultipartUploadsCommand({ Bucket, Prefix: Key, MaxUploads: MAX_LISTED }),
    );
    return uploads.flatMap((one) => (one.Key === Key && one.UploadId ? [one.UploadId] : []));
  } catch (error) {
    if (isAnswer(error, NOT_IMPLEMENTED)) return [];
    throw error;
  }
}

async function abortUpload(client: S3Client, object: S3Object, uploadId: string): Promise<void> {
  try {
    await client.send(new AbortMultipartUploadCommand({ ...object, UploadId: uploadId }));
  } catch (error) {
    // Somebody else has aborted it.
    if (!(error instanceof Error && error.name === 'NoSuchUpload')) throw error;
  }
}

function isAnswer(error: unknown, status: number): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === status;
}
