import { Controller, Get } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import { Caller } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { ModelListResponse, ModelResponse } from './dto/model.responses.js';
import { ModelName } from './model-name.decorator.js';
import { viewModels } from './model.view.js';
import { MODEL_EXAMPLE } from './models.examples.js';
import { ReadModelsService } from './read-models.service.js';

@ApiTags('Models')
@Controller(['v1/models', 'openai/v1/models', 'openai/models'])
export class ModelsController {
  constructor(private readonly readModels: ReadModelsService) {}

  @Get()
  @Endpoint({
    id: 'listModels',
    summary: 'List models',
    description: 'The models that the calling key may use, as OpenAI lists them.',
    scope: 'models:read',
    response: ModelListResponse,
    example: { object: 'list', data: [MODEL_EXAMPLE] },
  })
  async list(@Caller() caller: Principal): Promise<ModelListResponse> {
    return viewModels(await this.readModels.list(caller));
  }

  /** A wildcard, because names of models may have slashes, written as they are or encoded. */
  @Get('*')
  @ApiParam({
    name: 'path',
    type: String,
    description: 'The model’s name. Slashes may be encoded, or stand as they are.',
    example: 'gpt-4o-mini',
  })
  @Endpoint({
    id: 'getModel',
    summary: 'Get a model',
    scope: 'models:read',
    response: ModelResponse,
    example: MODEL_EXAMPLE,
    errors: ['model_not_found'],
  })
  get(@Caller() caller: Principal, @ModelName() id: string): Promise<ModelResponse> {
    return this.readModels.get(caller, id);
  }
}
