import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Registry } from 'prom-client';

import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { METRICS } from './metrics.js';

@ApiTags('Operations')
@Controller('metrics')
export class MetricsController {
  constructor(@Inject(METRICS) private readonly registry: Registry) {}

  @Get()
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE)
  @Endpoint({
    id: 'getMetrics',
    summary: 'Metrics in Prometheus’ text format',
    scope: 'public',
    contentType: 'text/plain',
    example: 'latchkey_upstream_calls_total{provider="openai",outcome="completed"} 42\n',
  })
  get(): Promise<string> {
    return this.registry.metrics();
  }
}
