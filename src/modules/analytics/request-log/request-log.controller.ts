import { Controller, Delete, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Page } from '#common/pagination/cursor.js';
import { CallingKey, type KeyView } from '#modules/keys/index.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { DeleteBodiesService } from './delete-bodies.service.js';
import {
  DeleteBodiesQuery,
  GetRequestQuery,
  ListRequestsQuery,
} from './dto/request-log.queries.js';
import {
  DeletedBodiesResponse,
  DeletedRequestBodiesResponse,
  LoggedRequestDetailsResponse,
  type LoggedRequestResponse,
  RequestListResponse,
} from './dto/request-log.responses.js';
import { ReadRequestsService } from './read-requests.service.js';

const EXAMPLE: LoggedRequestResponse = {
  id: 'req_1vXqPk4fTqV0mZx1sLwq8n',
  key_id: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  user_id: null,
  occurred_at: '2026-11-21T09:00:00.000Z',
  surface: 'chat.completions',
  model: 'gpt-4o-mini',
  provider: 'openai',
  upstream_model: 'gpt-4o-mini',
  status: 200,
  outcome: 'completed',
  stream: true,
  features: ['chat_completion', 'streaming'],
  input_tokens: 812,
  cached_input_tokens: 512,
  output_tokens: 96,
  reasoning_tokens: 0,
  usage_source: 'upstream',
  cost: 0.000141,
  price_version: 'rte_4fTqV0mZx1sLwq8nE2bYcA/1',
  latency_ms: 1840,
  first_byte_ms: 310,
  has_request_body: true,
  has_response_body: false,
};
const BODY =
  '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello!"}],"stream":true}';

@ApiTags('Request log')
@Controller('v1/requests')
export class RequestLogController {
  constructor(
    private readonly readRequests: ReadRequestsService,
    private readonly deleteBodies: DeleteBodiesService,
  ) {}

  @Get()
  @Endpoint({
    id: 'listRequests',
    summary: 'List calls',
    description:
      'Newest first: every call that reached routing, of the last 30 days unless said. Where few calls match, a page may be short, or empty, and not the last: go on with its `next_cursor`.',
    scope: 'usage:read',
    response: RequestListResponse,
    example: { data: [EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @CallingKey() caller: KeyView,
    @Query() query: ListRequestsQuery,
  ): Promise<Page<LoggedRequestResponse>> {
    return this.readRequests.list(caller, query);
  }

  @Get(':id')
  @Endpoint({
    id: 'getRequest',
    summary: 'Get a call',
    description:
      'With `include=bodies` also what is kept of its bodies, which needs `permissions.data_access.export_data` of the calling key.',
    scope: 'usage:read',
    response: LoggedRequestDetailsResponse,
    example: {
      ...EXAMPLE,
      request_body: { content: BODY, bytes: BODY.length, truncated: false },
      response_body: null,
    },
    errors: ['not_found', 'invalid_request'],
  })
  get(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Query() query: GetRequestQuery,
  ): Promise<LoggedRequestDetailsResponse> {
    return this.readRequests.get(caller, id, query);
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteRequestBodies',
    summary: 'Delete the bodies of a call',
    description:
      'What the call was, used and cost stays. Needs `permissions.data_access.delete_data` of the calling key. Doing it again is harmless.',
    scope: 'usage:read',
    response: DeletedRequestBodiesResponse,
    example: { id: EXAMPLE.id, deleted: 2 },
    errors: ['not_found'],
  })
  delete(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
  ): Promise<DeletedRequestBodiesResponse> {
    return this.deleteBodies.deleteOf(caller, id);
  }

  @Delete()
  @Endpoint({
    id: 'deleteBodies',
    summary: 'Delete the bodies of many calls',
    description:
      'Those of calls before a time, the oldest first, 10,000 at a time: call again while it says `has_more`. Needs `permissions.data_access.delete_data` of the calling key.',
    scope: 'usage:read',
    response: DeletedBodiesResponse,
    example: { deleted: 1204, has_more: false },
    errors: ['invalid_request'],
  })
  deleteMany(
    @CallingKey() caller: KeyView,
    @Query() query: DeleteBodiesQuery,
  ): Promise<DeletedBodiesResponse> {
    return this.deleteBodies.deleteMany(caller, query);
  }
}
