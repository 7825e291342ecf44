import type { RoutedModel } from '../route-directory.port.js';
import type { ModelListResponse, ModelResponse } from './dto/model.responses.js';
import type { SandboxModel } from './sandbox-models.js';

/** OpenAI's model object, with the limits added where they are known. */
export function viewRoutedModel(routed: RoutedModel): ModelResponse {
  return {
    id: routed.model,
    object: 'model',
    created: toSeconds(routed.createdAt),
    owned_by: routed.providerName,
    ...(routed.contextLength !== null && { context_length: routed.contextLength }),
    ...(routed.maxOutputTokens !== null && { max_output_tokens: routed.maxOutputTokens }),
  };
}

export function viewSandboxModel(model: SandboxModel): ModelResponse {
  return {
    id: model.id,
    object: 'model',
    created: toSeconds(model.createdAt),
    owned_by: 'latchkey',
  };
}

export function viewModels(models: ModelResponse[]): ModelListResponse {
  return { object: 'list', data: models };
}

function toSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1_000);
}
