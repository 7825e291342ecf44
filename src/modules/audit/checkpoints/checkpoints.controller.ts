import { Controller, Get, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { assertReachesAll, CallingKey, type KeyView } from '#modules/keys/index.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CHECKPOINT_EXAMPLE, PUBLIC_KEY_EXAMPLE } from '../audit.examples.js';
import { AskedLogQuery, organizationOf } from '../dto/asked-log.js';
import { ListCheckpointsQuery } from '../dto/checkpoint.queries.js';
import { CheckpointListResponse, NewCheckpointResponse } from '../dto/checkpoint.responses.js';
import { CheckpointSigner } from './checkpoint-signer.js';
import { viewCheckpoint } from './checkpoint.view.js';
import { ListCheckpointsService } from './list-checkpoints.service.js';
import { MakeCheckpointsService } from './make-checkpoints.service.js';

/** For who may not. */
const WHOLE = 'A checkpoint is of the whole log.';

@ApiTags('Audit')
@Controller('v1/audit/checkpoints')
export class CheckpointsController {
  constructor(
    private readonly listing: ListCheckpointsService,
    private readonly making: MakeCheckpointsService,
    private readonly signer: CheckpointSigner,
  ) {}

  @Get()
  @Endpoint({
    id: 'listAuditCheckpoints',
    summary: 'List checkpoints of the audit log',
    description:
      'Newest first, with the public key that verifies them. Kept elsewhere, they prove later that nothing was taken away.',
    scope: 'audit:read',
    response: CheckpointListResponse,
    example: {
      public_key: PUBLIC_KEY_EXAMPLE,
      data: [CHECKPOINT_EXAMPLE],
      has_more: false,
      next_cursor: null,
    },
    errors: ['invalid_request'],
  })
  list(
    @CallingKey() caller: KeyView,
    @Query() query: ListCheckpointsQuery,
  ): Promise<CheckpointListResponse> {
    assertReachesAll(caller, WHOLE);
    return this.listing.list(organizationOf(caller, query), query);
  }

  @Post()
  @Endpoint({
    id: 'createAuditCheckpoint',
    summary: 'Make a checkpoint of the audit log',
    description: 'Of all that was written until now. Where nothing is new it answers the newest.',
    scope: 'audit:export',
    response: NewCheckpointResponse,
    example: { public_key: PUBLIC_KEY_EXAMPLE, checkpoint: CHECKPOINT_EXAMPLE },
    errors: ['invalid_request'],
  })
  async create(
    @CallingKey() caller: KeyView,
    @Query() query: AskedLogQuery,
  ): Promise<NewCheckpointResponse> {
    assertReachesAll(caller, WHOLE);
    const checkpoint = await this.making.makeNow(organizationOf(caller, query));
    return {
      public_key: this.signer.publicKey,
      checkpoint: checkpoint && viewCheckpoint(checkpoint),
    };
  }
}
