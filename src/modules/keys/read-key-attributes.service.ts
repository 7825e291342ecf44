import { Injectable } from '@nestjs/common';

import { ApiKeyRepository } from './api-key.repository.js';
import { type KeyAttributes, KeyAttributesReader } from './key-attributes.port.js';

@Injectable()
export class ReadKeyAttributesService extends KeyAttributesReader {
  constructor(private readonly keys: ApiKeyRepository) {
    super();
  }

  override async of(
    organizationId: string,
    keyIds: readonly string[],
    metadataField: string | null,
  ): Promise<ReadonlyMap<string, KeyAttributes>> {
    const rows = await this.keys.listAttributes(organizationId, keyIds, metadataField);
    return new Map(rows.map(({ id, ...attributes }) => [id, attributes]));
  }
}
