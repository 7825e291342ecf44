import { Injectable, type OnModuleInit } from '@nestjs/common';

import { KnownKeys } from '#modules/limits/index.js';

import { ApiKeyRepository } from './api-key.repository.js';

/** Tells the limits module which keys there are. */
@Injectable()
export class KeyFinderService implements OnModuleInit {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly known: KnownKeys,
  ) {}

  onModuleInit(): void {
    this.known.findWith(async (reach, keyIds) =>
      (await this.keys.findAll(reach, keyIds)).map(({ id }) => id),
    );
  }
}
