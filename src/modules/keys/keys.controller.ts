import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  Param,
  Patch,
  Post,
  Query,
  UseInterceptors,
} from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';

import type { Page } from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';
import type { ApprovalResponse } from '#platform/http/approvals/approval.response.js';
import { MayWaitForApproval } from '#platform/http/approvals/may-wait.interceptor.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';
import { VersionTagInterceptor } from '#platform/http/version-tag.interceptor.js';

import { viewKey, viewRevokedKey } from './api-key.view.js';
import { viewApproval } from './approvals/approval.view.js';
import { ChangeKeyService, type KeyChangeOutcome } from './change-key.service.js';
import { RevokeKeyService } from './revoke-key.service.js';
import { CallingKey, CallingKeyItself } from './calling-key.decorator.js';
import type { KeyView } from './domain/key-view.js';
import { DisableKeyDto, RevokeKeyDto, UpdateKeyDto } from './dto/change-key.dto.js';
import { CreateKeyDto } from './dto/create-key.dto.js';
import { ListKeysQuery } from './dto/list-keys.query.js';
import {
  CallingKeyResponse,
  ChangedKeyResponse,
  CreatedKeyResponse,
  KeyListResponse,
  KeyPolicyResponse,
  KeyResponse,
  RevokedKeyResponse,
} from './dto/key.responses.js';
import {
  CALLING_KEY_EXAMPLE,
  CREATED_KEY_EXAMPLE,
  KEY_EXAMPLE,
  KEY_POLICY_EXAMPLE,
  NEW_KEY_EXAMPLE,
} from './keys.examples.js';
import { ConfirmsPropagation } from './propagation.interceptor.js';
import { ReadKeysService } from './read-keys.service.js';
import { showSigningSecret } from './signing-secrets.js';
import { IssueInheritingKeyService } from './templates/issue-inheriting-key.service.js';

@ApiTags('Keys')
@Controller('v1')
@UseInterceptors(VersionTagInterceptor)
export class KeysController {
  constructor(
    private readonly issueKey: IssueInheritingKeyService,
    private readonly readKeys: ReadKeysService,
    private readonly changeKey: ChangeKeyService,
    private readonly revokeKey: RevokeKeyService,
    private readonly clock: Clock,
  ) {}

  @Post('keys')
  @Endpoint({
    id: 'createKey',
    summary: 'Create a key',
    description:
      'The secret is in the answer’s `key`, this once, and what requests are signed with in `signing_secret`, where they must be. A key never gets more than the key that makes it has.',
    scope: 'keys:write',
    status: 201,
    requestBody: CreateKeyDto,
    requestExample: NEW_KEY_EXAMPLE,
    response: CreatedKeyResponse,
    example: CREATED_KEY_EXAMPLE,
    errors: ['not_found', 'escalation_denied', 'environment_rule_violated'],
    idempotent: { secretFields: ['key', 'signing_secret'] },
  })
  async create(
    @CallingKey() caller: KeyView,
    @Body() body: CreateKeyDto,
  ): Promise<CreatedKeyResponse> {
    const { issued, secret } = await this.issueKey.issue(caller, body);
    return {
      ...viewKey(issued, null, issued.key.createdAt.getTime()),
      key: secret.reveal(),
      ...showSigningSecret(issued.signingSecret),
    };
  }

  @Get('keys')
  @Endpoint({
    id: 'listKeys',
    summary: 'List keys',
    description:
      'Newest first, without secrets, revoked ones included: those that the caller reaches.',
    scope: 'keys:read',
    response: KeyListResponse,
    example: { data: [KEY_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(@CallingKey() caller: KeyView, @Query() query: ListKeysQuery): Promise<Page<KeyResponse>> {
    return this.readKeys.list(caller, query);
  }

  @Get('keys/:id')
  @Endpoint({
    id: 'getKey',
    summary: 'Get a key',
    scope: 'keys:read',
    response: KeyResponse,
    example: KEY_EXAMPLE,
    errors: ['not_found'],
  })
  get(@CallingKey() caller: KeyView, @Param('id') id: string): Promise<KeyResponse> {
    return this.readKeys.get(caller, id);
  }

  @Get('keys/:id/policy')
  @Endpoint({
    id: 'getKeyPolicy',
    summary: 'Get a key’s effective policy',
    description: 'What the key may do, field by field, and where each restriction came from.',
    scope: 'keys:read',
    response: KeyPolicyResponse,
    example: KEY_POLICY_EXAMPLE,
    errors: ['not_found'],
  })
  getPolicy(@CallingKey() caller: KeyView, @Param('id') id: string): Promise<KeyPolicyResponse> {
    return this.readKeys.getPolicy(caller, id);
  }

  @Patch('keys/:id')
  @Endpoint({
    id: 'updateKey',
    summary: 'Change a key',
    description:
      'Each field that is given replaces what the key had; what is absent stays. In a policy that goes field by field, and a list is replaced as a whole. No key gets more than the key that changes it. `If-Match` with the version you read keeps you from overwriting another’s change.',
    scope: 'keys:write',
    requestBody: UpdateKeyDto,
    requestExample: { permissions: { models: ['gpt-4o-mini'] }, metadata: { team: 'frontend' } },
    response: ChangedKeyResponse,
    example: { ...KEY_EXAMPLE, version: 2 },
    errors: [
      'not_found',
      'conflict',
      'precondition_failed',
      'escalation_denied',
      'environment_rule_violated',
      'invalid_request',
    ],
  })
  @MayWaitForApproval()
  @ConfirmsPropagation()
  @ApiHeader({ name: 'if-match', required: false, description: 'The `ETag` of the key you read.' })
  async update(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: UpdateKeyDto,
    @Headers('if-match') ifMatch?: string,
  ): Promise<ChangedKeyResponse | ApprovalResponse> {
    const outcome = await this.changeKey.update(caller, id, body, ifMatch ?? null);
    const key = await this.readKeys.get(caller, id);
    return this.#answer(outcome, { ...key, ...showSigningSecret(outcome.signingSecret) });
  }

  @Post('keys/:id/disable')
  @Endpoint({
    id: 'disableKey',
    summary: 'Disable a key',
    description:
      'It is refused until it is enabled, by somebody or by itself at a time that you give. Doing it again replaces reason and time.',
    scope: 'keys:write',
    requestBody: DisableKeyDto,
    isBodyOptional: true,
    requestExample: { reason: 'odd traffic', auto_enable_after: '1h' },
    response: KeyResponse,
    example: {
      ...KEY_EXAMPLE,
      status: 'disabled',
      disabled_reason: 'odd traffic',
      auto_enable_at: '2026-11-21T11:00:00.000Z',
      version: 2,
    },
    errors: ['not_found', 'conflict', 'escalation_denied', 'approval_required', 'invalid_request'],
  })
  @ConfirmsPropagation()
  async disable(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: DisableKeyDto,
  ): Promise<KeyResponse> {
    await this.changeKey.disable(caller, id, body);
    return this.readKeys.get(caller, id);
  }

  @Post('keys/:id/enable')
  @Endpoint({
    id: 'enableKey',
    summary: 'Enable a key',
    description:
      'Undoes disabling. A key that may do more than the calling one can’t be enabled by it.',
    scope: 'keys:write',
    response: KeyResponse,
    example: { ...KEY_EXAMPLE, version: 3 },
    errors: ['not_found', 'conflict', 'escalation_denied'],
  })
  @MayWaitForApproval()
  @ConfirmsPropagation()
  async enable(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
  ): Promise<KeyResponse | ApprovalResponse> {
    const outcome = await this.changeKey.enable(caller, id);
    return this.#answer(outcome, await this.readKeys.get(caller, id));
  }

  @Delete('keys/:id')
  @Endpoint({
    id: 'revokeKey',
    summary: 'Revoke a key',
    description:
      'For good. It is refused at once here, and on every other instance within a second; with `revoke_immediately: false` from a time on that you give. Doing it again is harmless.',
    scope: 'keys:write',
    requestBody: RevokeKeyDto,
    isBodyOptional: true,
    requestExample: { reason: 'leaked in a log' },
    response: RevokedKeyResponse,
    example: {
      id: KEY_EXAMPLE.id,
      status: 'revoked',
      revoked: true,
      revoked_at: '2026-11-21T10:00:00.000Z',
    },
    errors: ['not_found', 'conflict', 'escalation_denied', 'invalid_request'],
  })
  @ConfirmsPropagation()
  async revoke(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: RevokeKeyDto,
  ): Promise<RevokedKeyResponse> {
    return viewRevokedKey(await this.revokeKey.revoke(caller, id, body), this.clock.now());
  }

  @Get('key')
  @Endpoint({
    id: 'getCallingKey',
    summary: 'Get the calling key',
    description: 'What the key that you call with is, may do, and has used so far.',
    scope: 'authenticated',
    response: CallingKeyResponse,
    example: CALLING_KEY_EXAMPLE,
  })
  getCalling(@CallingKeyItself() caller: KeyView): Promise<CallingKeyResponse> {
    return this.readKeys.getWithUsage(caller);
  }

  /** What waits for somebody's approval is answered by itself. */
  #answer<Answer>({ request }: KeyChangeOutcome, answer: Answer): Answer | ApprovalResponse {
    return request ? viewApproval(request, this.clock.now()) : answer;
  }
}
