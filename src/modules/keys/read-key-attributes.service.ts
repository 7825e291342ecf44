import { Injectable } from '@nestjs/common';

import { ApiKeyRepository } from './api-key.repository.js';
import { reachOf } from './domain/key-reach.js';
import type { KeyView } from './domain/key-view.js';
import { type KeyAttributes, KeyAttributesReader } from './key-attributes.port.js';

@Injectable()
export class ReadKeyAttributesService extends KeyAttributesReader {
  constructor(private readonly keys: ApiKeyRepository) {
    super();
  }

  override async of(
    caller: KeyView,
    keyIds: readonly string[],
    metadataField: string | null,
  ): Promise<ReadonlyMap<string, KeyAttributes>> {
    const rows = await this.keys.listAttributes(reachOf(caller), keyIds, metadataField);
    return new Map(rows.map(({ id, ...attributes }) => [id, attributes]));
  }
}
