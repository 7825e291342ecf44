import { Module } from '@nestjs/common';
import { join } from 'node:path';

import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import { FolderObjectStore } from './folder.object-store.js';
import { ObjectStore } from './object-store.port.js';

const FOLDER = 'objects';

@Module({
  providers: [
    {
      provide: ObjectStore,
      inject: [CONFIG],
      useFactory: ({ dataDir }: Config): ObjectStore =>
        new FolderObjectStore(join(dataDir, FOLDER)),
    },
  ],
  exports: [ObjectStore],
})
export class ObjectStoreModule {}
