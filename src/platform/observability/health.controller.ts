import { Controller, Get } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';

import { AppError } from '#common/errors/app-error.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { HealthRegistry } from './health.registry.js';

class HealthResponse {
  @ApiProperty({ enum: ['ok'] })
  status: 'ok';
}

@ApiTags('Operations')
@Controller('health')
export class HealthController {
  constructor(private readonly registry: HealthRegistry) {}

  @Get('live')
  @Endpoint({
    id: 'getLiveness',
    summary: 'Is the process alive?',
    scope: 'public',
    response: HealthResponse,
    example: { status: 'ok' },
  })
  live(): HealthResponse {
    return { status: 'ok' };
  }

  @Get('ready')
  @Endpoint({
    id: 'getReadiness',
    summary: 'Can the process serve?',
    description:
      'Not while it starts, drains, or lacks something that it needs; `details` says what.',
    scope: 'public',
    response: HealthResponse,
    example: { status: 'ok' },
    errors: ['service_unavailable'],
  })
  async ready(): Promise<HealthResponse> {
    const failed = await this.registry.failing();
    if (failed.length === 0) return { status: 'ok' };
    throw new AppError('service_unavailable', {
      message: `Not ready: ${failed.join(', ')}.`,
      details: { failed },
    });
  }
}
