import { Injectable } from '@nestjs/common';

import { decodeCursor, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';

import type { CheckpointListResponse } from '../dto/checkpoint.responses.js';
import { CheckpointSigner } from './checkpoint-signer.js';
import { CheckpointRepository } from './checkpoint.repository.js';
import { viewCheckpoint } from './checkpoint.view.js';

/** A checkpoint in a cursor: its size, and `c` where it is a cut. */
const PLACE = /^(\d{1,15})(c?)$/;

@Injectable()
export class ListCheckpointsService {
  constructor(
    private readonly checkpoints: CheckpointRepository,
    private readonly signer: CheckpointSigner,
  ) {}

  /** Newest first. @throws {AppError} `invalid_request` for a cursor that is none */
  async list(organizationId: string, page: PageQuery): Promise<CheckpointListResponse> {
    const position = decodeCursor(page.cursor);
    const [, size, cut] = PLACE.exec(position?.id ?? '') ?? [];
    const after = size === undefined ? null : { size: Number(size), isCut: cut === 'c' };
    const found = await this.checkpoints.page(organizationId, after, page.limit + 1);
    const rows = found.map((one) => ({
      ...one,
      id: `${one.size}${one.removedAfter === null ? '' : 'c'}`,
    }));
    return { public_key: this.signer.publicKey, ...toPage(rows, page.limit, viewCheckpoint) };
  }
}
