import { DeleteObjectCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { OnApplicationShutdown } from '@nestjs/common';
import { Readable } from 'node:stream';

import type { S3Config } from '#platform/config/s3-config.js';

import { MissingObjectError, ObjectStore } from './object-store.port.js';

/** So that an object, which has at most 10,000 parts, may have 156 GiB. */
const PART_BYTES = 16 * 1024 * 1024;
const PARTS_AT_ONCE = 2;

/**
 * Objects in a bucket of S3, or of what speaks its protocol. They are uploaded in parts, and there once the last one is confirmed. What a
 * process that was killed has uploaded is no object: let the bucket's lifecycle abort incomplete uploads.
 */
export class S3ObjectStore extends ObjectStore implements OnApplicationShutdown {
  readonly #client: S3Client;

  constructor(private readonly config: S3Config) {
    super();
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
      // Not every server that speaks the protocol knows the newer checksums.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  onApplicationShutdown(): void {
    this.#client.destroy();
  }

  override location(): Promise<string> {
    return Promise.resolve(`s3:${this.config.bucket}/${this.config.prefix}`);
  }

  override async write(name: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const body = Readable.from(chunks, { objectMode: false });
    const upload = new Upload({
      client: this.#client,
      params: { ...this.#objectOf(name), Body: body },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_ONCE,
    });
    await upload.done();
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
    await this.#client.send(new DeleteObjectCommand(this.#objectOf(name)));
  }

  #objectOf(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.config.bucket, Key: this.config.prefix + name };
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
