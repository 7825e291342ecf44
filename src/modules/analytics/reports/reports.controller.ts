import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { CallingKey, type KeyView } from '#modules/keys/index.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { AnalyzeUsageService } from './analyze-usage.service.js';
import { AnalyticsQuery, CurrentUsageQuery } from './dto/analytics.query.js';
import { AnalyticsResponse, CurrentUsageResponse } from './dto/analytics.responses.js';
import { ReadCurrentUsageService } from './read-current-usage.service.js';
import { ANALYTICS_EXAMPLE, CURRENT_USAGE_EXAMPLE } from './reports.examples.js';

@ApiTags('Usage')
@Controller('v1')
export class ReportsController {
  constructor(
    private readonly analyzeUsage: AnalyzeUsageService,
    private readonly readCurrentUsage: ReadCurrentUsageService,
  ) {}

  @Get('keys/:id/analytics')
  @Endpoint({
    id: 'getKeyAnalytics',
    summary: 'Analyze a key’s usage',
    description:
      'What the key’s calls of a period took and cost, in all, over time, and by whatever you group them by. The minute that runs is part of it.',
    scope: 'usage:read',
    response: AnalyticsResponse,
    example: ANALYTICS_EXAMPLE,
    errors: ['not_found', 'invalid_request'],
  })
  ofKey(
    @CallingKey() caller: KeyView,
    @Param('id') keyId: string,
    @Query() query: AnalyticsQuery,
  ): Promise<AnalyticsResponse> {
    return this.analyzeUsage.analyze({ caller, keyId }, query);
  }

  @Get('analytics')
  @Endpoint({
    id: 'getAnalytics',
    summary: 'Analyze the organization’s usage',
    description: 'As that of one key, over all keys.',
    scope: 'usage:read',
    response: AnalyticsResponse,
    example: ANALYTICS_EXAMPLE,
    errors: ['invalid_request', 'operation_not_allowed'],
  })
  ofOrganization(
    @CallingKey() caller: KeyView,
    @Query() query: AnalyticsQuery,
  ): Promise<AnalyticsResponse> {
    return this.analyzeUsage.analyze({ caller, keyId: null }, query);
  }

  @Get('usage/current')
  @Endpoint({
    id: 'getCurrentUsage',
    summary: 'Get the usage of the minute, hour or day that runs',
    description: 'Of the whole organization, since that minute, hour or day of UTC began.',
    scope: 'usage:read',
    response: CurrentUsageResponse,
    example: CURRENT_USAGE_EXAMPLE,
    errors: ['invalid_request', 'operation_not_allowed'],
  })
  current(
    @CallingKey() caller: KeyView,
    @Query() query: CurrentUsageQuery,
  ): Promise<CurrentUsageResponse> {
    return this.readCurrentUsage.read(caller, query);
  }
}
