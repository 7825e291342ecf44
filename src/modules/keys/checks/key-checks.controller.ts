import { Body, Controller, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CallingKey } from '../calling-key.decorator.js';
import type { KeyView } from '../domain/key-view.js';
import { DescribedRequestDto } from './dto/described-request.dto.js';
import { SimulatedRequestResponse, VerifiedKeyResponse } from './dto/key-check.responses.js';
import { VerifyKeyDto } from './dto/verify-key.dto.js';
import {
  REQUEST_EXAMPLE,
  SIMULATED_EXAMPLE,
  VERIFIED_EXAMPLE,
  VERIFY_EXAMPLE,
} from './key-checks.examples.js';
import { SimulateRequestService } from './simulate-request.service.js';
import { VerifyKeyService } from './verify-key.service.js';

@ApiTags('Keys')
@Controller('v1/keys')
export class KeyChecksController {
  constructor(
    private readonly verifyKey: VerifyKeyService,
    private readonly simulateRequest: SimulateRequestService,
  ) {}

  @Post('verify')
  @Endpoint({
    id: 'verifyKey',
    summary: 'Verify a key',
    description:
      'Whether a key that was presented to you is good, and what it is. A key that is not is an answer, with the code that it would be refused with. With `request` it must also be good for that. A limit that is used up makes it invalid too. With `consume` (scope `keys:write`) so much is taken of its limits, as a call would.',
    scope: 'keys:read',
    requestBody: VerifyKeyDto,
    requestExample: VERIFY_EXAMPLE,
    response: VerifiedKeyResponse,
    example: VERIFIED_EXAMPLE,
  })
  verify(@CallingKey() caller: KeyView, @Body() body: VerifyKeyDto): Promise<VerifiedKeyResponse> {
    return this.verifyKey.verify(caller, body);
  }

  @Post(':id/simulate')
  @Endpoint({
    id: 'simulateRequest',
    summary: 'Simulate a request',
    description:
      'What would become of a request with this key, and what each rule says of it. Nothing is called and nothing is counted. What you leave out is not known, and no rule refuses because of it.',
    scope: 'keys:read',
    requestBody: DescribedRequestDto,
    isBodyOptional: true,
    requestExample: REQUEST_EXAMPLE,
    response: SimulatedRequestResponse,
    example: SIMULATED_EXAMPLE,
    errors: ['not_found'],
  })
  simulate(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: DescribedRequestDto,
  ): Promise<SimulatedRequestResponse> {
    return this.simulateRequest.simulate(caller, id, body);
  }
}
