import { Controller, Get, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { AppError } from '#common/errors/app-error.js';
import { ReadLimitsService } from '#modules/limits/index.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { ApiKeyRepository } from './api-key.repository.js';
import { CallingKey } from './calling-key.decorator.js';
import { compileCallLimits } from './domain/call-limits.js';
import { reachOf } from './domain/key-reach.js';
import type { KeyView } from './domain/key-view.js';
import { fromPolicyDocument } from './domain/policy/policy-document.js';
import { KeyLimitsResponse } from './dto/key-limits.response.js';

const EXAMPLE: KeyLimitsResponse = {
  data: [
    {
      subject: 'key',
      subject_id: 'key_4fTqV0mZx1sLwq8nE2bYcA',
      metric: 'cost',
      window: 'day',
      model: null,
      limit: 50,
      used: 12.25,
      reserved: 0.04,
      remaining: 37.71,
      resets_at: '2026-11-28T00:00:00.000Z',
    },
  ],
};

@ApiTags('Keys')
@Controller('v1')
export class KeyLimitsController {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly limits: ReadLimitsService,
  ) {}

  @Get('keys/:id/limits')
  @Endpoint({
    id: 'getKeyLimits',
    summary: 'Get what is left of a key’s limits',
    description:
      'Of each limit that binds the key’s calls, its own and the budgets it shares, in the window that runs: what is settled (`used`), and what is held for calls in flight, or by another instance for its next half second (`reserved`). Cost is in USD.',
    scope: 'keys:read',
    response: KeyLimitsResponse,
    example: EXAMPLE,
    errors: ['not_found'],
  })
  async get(@CallingKey() caller: KeyView, @Param('id') id: string): Promise<KeyLimitsResponse> {
    const { organizationId } = caller;
    const row = await this.keys.find(reachOf(caller), id);
    if (!row) throw new AppError('not_found', { message: `There is no key ${id}.` });
    const { ownerId: userId, teamId, projectIds, ...key } = row.key;
    const policy = fromPolicyDocument(key.policy);
    const { allowances } = compileCallLimits({ keyId: id, organizationId, policy });
    const spender = { keyId: id, userId, teamId, projectIds };
    const limits = await this.limits.ofKey(organizationId, spender, allowances);
    return { data: limits.map(({ state }) => state) };
  }
}
