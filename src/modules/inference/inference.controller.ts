import { Controller, Post, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import type { ErrorCode } from '#common/errors/error-codes.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import {
  CHAT_ANSWER_EXAMPLE,
  CHAT_REQUEST_EXAMPLE,
  ChatCompletionRequest,
  COMPLETION_ANSWER_EXAMPLE,
  CompletionAnswer,
  CompletionRequest,
  EMBEDDING_ANSWER_EXAMPLE,
  EmbeddingAnswer,
  EmbeddingRequest,
} from './dto/inference.docs.js';
import { InferenceDoor, OPENAI_PREFIXES } from './inference-door.js';
import { CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS } from './surface.js';

const ERRORS: readonly ErrorCode[] = [
  'context_length_exceeded',
  'token_limit_exceeded',
  'model_not_allowed',
  'provider_not_allowed',
  'feature_not_allowed',
  'model_not_found',
  'insufficient_credits',
  'budget_exceeded',
  'concurrency_limit_exceeded',
  'upstream_error',
  'model_overloaded',
  'upstream_timeout',
];

@ApiTags('Inference')
@Controller(OPENAI_PREFIXES)
export class InferenceController {
  constructor(private readonly door: InferenceDoor) {}

  @Post('chat/completions')
  @Endpoint({
    id: 'createChatCompletion',
    summary: 'Create a chat completion',
    description:
      'OpenAI’s chat completions; every field is handed on to the provider. With `stream: true` the answer is a stream of server-sent events.',
    scope: 'inference',
    kind: 'inference',
    requestBody: ChatCompletionRequest,
    requestExample: CHAT_REQUEST_EXAMPLE,
    response: CompletionAnswer,
    example: CHAT_ANSWER_EXAMPLE,
    errors: ERRORS,
  })
  chatCompletions(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.door.serve(CHAT_COMPLETIONS, request, reply);
  }

  @Post('completions')
  @Endpoint({
    id: 'createCompletion',
    summary: 'Create a completion',
    description: 'OpenAI’s older completions, with a prompt instead of messages.',
    scope: 'inference',
    kind: 'inference',
    requestBody: CompletionRequest,
    requestExample: { model: 'sandbox/echo', prompt: 'Hello!' },
    response: CompletionAnswer,
    example: COMPLETION_ANSWER_EXAMPLE,
    errors: ERRORS,
  })
  completions(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.door.serve(COMPLETIONS, request, reply);
  }

  @Post('embeddings')
  @Endpoint({
    id: 'createEmbedding',
    summary: 'Create embeddings',
    scope: 'inference',
    kind: 'inference',
    requestBody: EmbeddingRequest,
    requestExample: { model: 'sandbox/echo', input: 'Hello!' },
    response: EmbeddingAnswer,
    example: EMBEDDING_ANSWER_EXAMPLE,
    errors: ERRORS,
  })
  embeddings(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.door.serve(EMBEDDINGS, request, reply);
  }
}
