import { Controller, Post, Req } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';

import type { ErrorCode } from '#common/errors/error-codes.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import {
  GITHUB_FEEDBACK_EXAMPLE,
  GITHUB_REPORT_EXAMPLE,
  GithubAlertDoc,
  LEAK_REPORT_EXAMPLE,
  LeakReportDoc,
} from './dto/leak.docs.js';
import { GithubFeedback, LeakReportResponse } from './dto/leak.responses.js';
import { GITHUB_HEADERS, ReportLeaksService, SCANNER_HEADERS } from './report-leaks.service.js';

const ERRORS: readonly ErrorCode[] = [
  'signature_invalid',
  'rate_limit_exceeded',
  'service_unavailable',
];
const IDENTIFIER = {
  required: true,
  description: 'Which of the configured public keys the signature is to be checked with.',
};
const SIGNATURE = {
  required: true,
  description: 'ECDSA with P-256 and SHA-256 over the raw body; base64 of its DER form.',
};

/** Public, but for those who can sign: a caller without one of the configured keys gets nowhere. */
@ApiTags('Leaked keys')
@Controller('v1/leaks')
export class LeaksController {
  constructor(private readonly reportLeaks: ReportLeaksService) {}

  @Post('github')
  @ApiHeader({ name: GITHUB_HEADERS.identifier, ...IDENTIFIER })
  @ApiHeader({ name: GITHUB_HEADERS.signature, ...SIGNATURE })
  @Endpoint({
    id: 'reportGithubLeaks',
    summary: 'Report leaked keys, as GitHub does',
    description:
      'GitHub’s secret scanning partner protocol. Live keys are revoked or disabled, as their organization wants it; the answer is GitHub’s feedback.',
    scope: 'public',
    readsBody: true,
    requestBody: [GithubAlertDoc],
    requestExample: GITHUB_REPORT_EXAMPLE,
    response: [GithubFeedback],
    example: GITHUB_FEEDBACK_EXAMPLE,
    errors: ERRORS,
  })
  reportFromGithub(@Req() { raw }: FastifyRequest): Promise<GithubFeedback[]> {
    return this.reportLeaks.takeFromGithub(raw);
  }

  @Post()
  @ApiHeader({ name: SCANNER_HEADERS.identifier, ...IDENTIFIER })
  @ApiHeader({ name: SCANNER_HEADERS.signature, ...SIGNATURE })
  @Endpoint({
    id: 'reportLeaks',
    summary: 'Report leaked keys',
    description:
      'For your own scanners. Live keys are revoked or disabled, as their organization wants it. Reporting one again is harmless.',
    scope: 'public',
    readsBody: true,
    requestBody: LeakReportDoc,
    requestExample: LEAK_REPORT_EXAMPLE,
    response: LeakReportResponse,
    example: { leaks: [{ outcome: 'revoked' }] },
    errors: ERRORS,
  })
  report(@Req() { raw }: FastifyRequest): Promise<LeakReportResponse> {
    return this.reportLeaks.takeFromScanner(raw);
  }
}
