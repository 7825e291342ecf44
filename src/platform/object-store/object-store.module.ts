import { Module } from '@nestjs/common';
import { join } from 'node:path';

import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import { FolderObjectStore } from './folder.object-store.js';
import { ObjectStore } from './object-store.port.js';
import { S3ObjectStore } from './s3.object-store.js';

const FOLDER = 'objects';

/** S3 where a bucket is configured, else the data folder. */
@Module({
  providers: [
    {
      provide: ObjectStore,
      inject: [CONFIG],
      useFactory: ({ dataDir, s3 }: Config): ObjectStore =>
        s3 ? new S3ObjectStore(s3) : new FolderObjectStore(join(dataDir, FOLDER)),
    },
  ],
  exports: [ObjectStore],
})
export class ObjectStoreModule {}
