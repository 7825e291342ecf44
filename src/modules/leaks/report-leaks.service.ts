import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { Secret } from '#common/secret/secret.js';
import { LeakedKeys, type LeakOutcome, type LeakReport } from '#modules/keys/index.js';
import { parseManagementJson } from '#platform/http/body.js';
import { scrubSecrets } from '#platform/observability/secret-patterns.js';

import { readGithubAlerts, readScannerLeaks } from './domain/leak-bodies.js';
import type { GithubFeedback, LeakReportResponse } from './dto/leak.responses.js';
import { LeaksMetrics } from './leaks.metrics.js';
import { SignedBody, type SignatureHeaders } from './signed-body.js';

export const GITHUB_HEADERS = {
  identifier: 'github-public-key-identifier',
  signature: 'github-public-key-signature',
} as const satisfies SignatureHeaders;
export const SCANNER_HEADERS = {
  identifier: 'x-latchkey-public-key-identifier',
  signature: 'x-latchkey-public-key-signature',
} as const satisfies SignatureHeaders;

/** Takes reports of leaked keys from those who can sign them. */
@Injectable()
export class ReportLeaksService {
  constructor(
    private readonly signed: SignedBody,
    private readonly leakedKeys: LeakedKeys,
    private readonly metrics: LeaksMetrics,
  ) {}

  /**
   * GitHub's secret scanning partner protocol
   * (https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partner-program), with its feedback: a
   * key that was out of use already is a true positive, since it was one of ours.
   * @throws {AppError} as {@link SignedBody.read} says; `invalid_json`, `invalid_request`
   */
  async takeFromGithub(request: IncomingMessage): Promise<GithubFeedback[]> {
    const body = await this.signed.read(request, GITHUB_HEADERS);
    const alerts = readGithubAlerts(parseManagementJson(body));
    const outcomes = await this.#deactivate(
      'github',
      alerts.map(({ token, url, source }) => ({
        key: new Secret(token),
        url,
        source: `GitHub secret scanning${source === null ? '' : ` (${source})`}`,
      })),
    );
    return alerts.map(({ token, type }, index) => ({
      token_hash: createHash('sha256').update(token).digest('hex'),
      // A type is a name; what holds the token, or any other secret, is not given back.
      token_type: type.includes(token) ? '[redacted]' : scrubSecrets(type),
      label: outcomes[index] === 'unknown' ? 'false_positive' : 'true_positive',
    }));
  }

  /** @throws {AppError} as {@link SignedBody.read} says; `invalid_json`, `invalid_request` */
  async takeFromScanner(request: IncomingMessage): Promise<LeakReportResponse> {
    const body = await this.signed.read(request, SCANNER_HEADERS);
    const leaks = readScannerLeaks(parseManagementJson(body));
    const outcomes = await this.#deactivate(
      'scanner',
      leaks.map(({ key, url, source }) => ({
        key: new Secret(key),
        url,
        source: source ?? 'a scanner',
      })),
    );
    return { leaks: outcomes.map((outcome) => ({ outcome })) };
  }

  async #deactivate(
    reporter: 'github' | 'scanner',
    reports: readonly LeakReport[],
  ): Promise<LeakOutcome[]> {
    const outcomes = await this.leakedKeys.deactivate(reports);
    this.metrics.count(reporter, outcomes);
    return outcomes;
  }
}
