import { Injectable, type OnModuleInit } from '@nestjs/common';

import { KnownKeys } from '#modules/limits/index.js';

import { ApiKeyRepository } from './api-key.repository.js';
import { wholeOrganization } from './domain/key-reach.js';

/** Tells the limits module which keys there are. */
@Injectable()
export class KeyFinderService implements OnModuleInit {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly known: KnownKeys,
  ) {}

  onModuleInit(): void {
    this.known.findWith((organizationId, keyId) =>
      this.keys.exists(wholeOrganization(organizationId), keyId),
    );
  }
}
