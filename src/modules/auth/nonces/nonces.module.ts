import { Module } from '@nestjs/common';

import { NONCES_JOBS } from './nonces.jobs.js';
import { PurgeNoncesProcessor } from './purge-nonces.processor.js';
import { UsedNonces } from './used-nonces.store.js';

/** Apart from the rest of `auth`, because workers, which serve no callers, have its job. */
@Module({ providers: [UsedNonces, NONCES_JOBS, PurgeNoncesProcessor], exports: [UsedNonces] })
export class NoncesModule {}
