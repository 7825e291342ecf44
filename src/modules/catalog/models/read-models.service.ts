import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';

import { RouteDirectory } from '../route-directory.port.js';
import type { ModelResponse } from './dto/model.responses.js';
import { viewRoutedModel, viewSandboxModel } from './model.view.js';
import { SANDBOX_MODELS } from './sandbox-models.js';

type ModelReader = Pick<Principal, 'organizationId' | 'allowsModel'>;

@Injectable()
export class ReadModelsService {
  constructor(private readonly directory: RouteDirectory) {}

  /** The routed models that the caller may use, by name, and the sandbox's, which anybody may. */
  async list({ organizationId, allowsModel }: ModelReader): Promise<ModelResponse[]> {
    const table = await this.directory.tableOf(organizationId);
    const routed = table.models().filter(({ model }) => allowsModel(model));
    return [...routed.map(viewRoutedModel), ...SANDBOX_MODELS.map(viewSandboxModel)];
  }

  /** @throws {AppError} `model_not_found`, also for a model that the caller may not use */
  async get(reader: ModelReader, id: string): Promise<ModelResponse> {
    const model = (await this.list(reader)).find((known) => known.id === id);
    if (!model) {
      throw new AppError('model_not_found', {
        message: `There is no model ${id}.`,
        param: 'model',
      });
    }
    return model;
  }
}
