import { AppError } from '#common/errors/app-error.js';
import { JsonName, readMember } from '#common/json/json-members.js';

import { type InferenceRequest, refuseLookalike } from './inference-request.js';

const MODELS = new JsonName('models');
const MAX_MODELS = 16;
const MAX_MODEL_LENGTH = 256;
const NONE: readonly string[] = [];

/**
 * The models that the provider may take instead of the one that is named: OpenRouter's `models`. They pass as they are,
 * so a key whose models are restricted must be allowed each.
 * @throws {AppError} `invalid_request` where it is no list of names, or written in other letters
 */
export function alternativeModels(request: InferenceRequest): readonly string[] {
  if (!request.mentions(MODELS)) return NONE;
  refuseLookalike(request, MODELS);
  const member = request.find(MODELS);
  const models = member ? readMember(request.body, member) : null;
  if (models === null) return NONE;
  if (Array.isArray(models) && models.length <= MAX_MODELS && models.every(isModelName))
    return models;
  throw new AppError('invalid_request', {
    message: `models must be a list of at most ${MAX_MODELS} model names.`,
    param: 'models',
  });
}

function isModelName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_MODEL_LENGTH;
}
