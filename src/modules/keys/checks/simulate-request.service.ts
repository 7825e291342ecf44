import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { ERROR_CODES } from '#common/errors/error-codes.js';

import { ApiKeyRepository } from '../api-key.repository.js';
import { reachOf } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import { keyViewOf } from '../key-view-of.js';
import { SigningSecrets } from '../signing-secrets.js';
import type { DescribedRequestDto } from './dto/described-request.dto.js';
import type { SimulatedRequestResponse } from './dto/key-check.responses.js';
import { JudgeLimitsService } from './judge-limits.service.js';
import { JudgeRequestService } from './judge-request.service.js';

const OK = 200;

/** Answers "why was this refused?" for a key of one's own organization. */
@Injectable()
export class SimulateRequestService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly requests: JudgeRequestService,
    private readonly limits: JudgeLimitsService,
    private readonly signingSecrets: SigningSecrets,
  ) {}

  /** @throws {AppError} `not_found`, also for another organization's key; `invalid_request` */
  async simulate(
    caller: KeyView,
    keyId: string,
    request: DescribedRequestDto,
  ): Promise<SimulatedRequestResponse> {
    const row = await this.keys.find(reachOf(caller), keyId);
    if (!row) throw new AppError('not_found', { message: `There is no key ${keyId}.` });
    const asked = this.requests.read(request, '');
    const view = keyViewOf(row, this.signingSecrets.open(row.key));
    const judged = await this.requests.judge(view, asked);
    const limited = await this.limits.judge(view, judged.call);
    const code = judged.code ?? limited.code;
    return {
      decision: code === null ? 'allow' : 'deny',
      status: code === null ? OK : ERROR_CODES[code][0],
      code,
      trace: [...judged.trace, ...limited.trace],
    };
  }
}
