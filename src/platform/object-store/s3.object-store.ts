import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { OnApplicationShutdown } from '@nestjs/common';
import { Readable } from 'node:stream';

import type { S3Config } from '#platform/config/s3-config.js';

import { MissingObjectError, ObjectExistsError, ObjectStore } from './object-store.port.js';
import { abortUploadsOf, S3Upload } from './s3-upload.js';
import { silenceVersionNotice } from './silence-version-notice.js';

/** So that an object, which has at most 10,000 parts, may have 156 GiB. */
const PART_BYTES = 16 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;
/** Until the answer begins, a part's upload included. */
const REQUEST_TIMEOUT_MS = 60_000;

/**
 * Objects in a bucket of S3, or of what speaks its protocol. Big ones are uploaded in parts, and there once the last one is confirmed.
 * What a process that was killed has uploaded is no object, and aborted when whoever takes over deletes the object of that name.
 */
export class S3ObjectStore extends ObjectStore implements OnApplicationShutdown {
  readonly #client: S3Client;

  constructor(private readonly config: S3Config) {
    super();
    silenceVersionNotice();
    const { endpoint, region, credentials } = config;
    this.#client = new S3Client({
      region,
      // Servers other than Amazon's often have no name of its own for each bucket.
      ...(endpoint !== null && { endpoint, forcePathStyle: true }),
      ...(credentials && {
        credentials: {
          accessKeyId: credentials.accessKeyId,
          secretAccessKey: credentials.secretAccessKey.reveal(),
        },
      }),
      requestHandler: {
        connectionTimeout: CONNECT_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        throwOnRequestTimeout: true,
      },
      // Not every server that speaks the protocol knows the newer checksums.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  onApplicationShutdown(): void {
    this.#client.destroy();
  }

  override get isShared(): boolean {
    return true;
  }

  override location(): Promise<string> {
    return Promise.resolve(`s3:${this.config.bucket}/${this.config.prefix}`);
  }

  override async write(
    name: string,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const upload = new S3Upload(this.#client, this.#objectOf(name), signal);
    try {
      let waiting: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of chunks) {
        waiting.push(chunk);
        size += chunk.length;
        if (size < PART_BYTES) continue;
        const bytes = Buffer.concat(waiting);
        await upload.add(bytes.subarray(0, PART_BYTES));
        waiting = [bytes.subarray(PART_BYTES)];
        size -= PART_BYTES;
      }
      signal.throwIfAborted();
      await upload.complete(Buffer.concat(waiting));
    } catch (error) {
      await upload.abort(error);
      throw error;
    }
  }

  override async create(name: string, content: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.send(
        new PutObjectCommand({
          ...this.#objectOf(name),
          Body: content,
          ContentType: 'text/plain; charset=utf-8',
          IfNoneMatch: '*',
        }),
        { abortSignal: signal },
      );
    } catch (error) {
      throw isAnswer(error, PRECONDITION_FAILED) ? new ObjectExistsError(name) : error;
    }
  }

  override async read(name: string): Promise<Readable> {
    try {
      const { Body: body } = await this.#client.send(new GetObjectCommand(this.#objectOf(name)));
      if (!(body instanceof Readable)) throw new Error(`S3 answered no content of ${name}.`);
      return body;
    } catch (error) {
      throw isNamed(error, 'NoSuchKey') ? new MissingObjectError(name) : error;
    }
  }

  override async delete(name: string): Promise<void> {
    const object = this.#objectOf(name);
    await this.#client.send(new DeleteObjectCommand(object));
    await abortUploadsOf(this.#client, object);
  }

  #objectOf(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.config.bucket, Key: this.config.prefix + name };
  }
}

const PRECONDITION_FAILED = 412;

function isAnswer(error: unknown, status: number): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === status;
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
