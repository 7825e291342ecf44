import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

/**
 * What the inference routes take and answer, for the OpenAPI document only: the gateway hands the bytes on and reads
 * just the fields that it acts on. The whole shapes are OpenAI's (platform.openai.com/docs/api-reference).
 */
class ChatMessage {
  @ApiProperty({ enum: ['system', 'developer', 'user', 'assistant', 'tool'] })
  role: string;

  @ApiProperty({
    description: 'A text, or parts (`text`, `image_url`, …).',
    oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'object' } }],
  })
  content: string | object[];
}

class StreamOptions {
  @ApiPropertyOptional({ description: 'Ends the stream with a chunk that has the usage.' })
  include_usage?: boolean;
}

export class ChatCompletionRequest {
  @ApiProperty({ example: 'sandbox/echo', description: 'One of GET /v1/models.' })
  model: string;

  @ApiProperty({ type: [ChatMessage] })
  messages: ChatMessage[];

  @ApiPropertyOptional({ description: 'Answer as server-sent events.' })
  stream?: boolean;

  @ApiPropertyOptional({ type: StreamOptions })
  stream_options?: StreamOptions;

  @ApiPropertyOptional({ type: 'integer', minimum: 1 })
  max_completion_tokens?: number;

  @ApiPropertyOptional({ type: 'array', items: { type: 'object' } })
  tools?: object[];
}

export class CompletionRequest {
  @ApiProperty({ example: 'sandbox/echo' })
  model: string;

  @ApiProperty({ oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] })
  prompt: string | string[];

  @ApiPropertyOptional()
  stream?: boolean;

  @ApiPropertyOptional({ type: 'integer', minimum: 1 })
  max_tokens?: number;
}

export class EmbeddingRequest {
  @ApiProperty({ example: 'sandbox/echo' })
  model: string;

  @ApiProperty({ oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] })
  input: string | string[];

  @ApiPropertyOptional({ enum: ['float', 'base64'] })
  encoding_format?: string;
}

class Usage {
  @ApiProperty({ type: 'integer' })
  prompt_tokens: number;

  @ApiPropertyOptional({ type: 'integer' })
  completion_tokens?: number;

  @ApiProperty({ type: 'integer' })
  total_tokens: number;
}

export class CompletionAnswer {
  @ApiProperty()
  id: string;

  @ApiProperty({ enum: ['chat.completion', 'text_completion'] })
  object: string;

  @ApiProperty({ type: 'integer', description: 'Seconds since the Unix epoch.' })
  created: number;

  @ApiProperty()
  model: string;

  @ApiProperty({ type: 'array', items: { type: 'object' } })
  choices: object[];

  @ApiPropertyOptional({ type: Usage })
  usage?: Usage;
}

export class EmbeddingAnswer {
  @ApiProperty({ enum: ['list'] })
  object: string;

  @ApiProperty({ type: 'array', items: { type: 'object' } })
  data: object[];

  @ApiProperty()
  model: string;

  @ApiProperty({ type: Usage })
  usage: Usage;
}

export const CHAT_REQUEST_EXAMPLE = {
  model: 'sandbox/echo',
  messages: [{ role: 'user', content: 'Hello!' }],
};

export const CHAT_ANSWER_EXAMPLE = {
  id: 'chatcmpl-4fTqV0mZx1sLwq8nE2bYcA',
  object: 'chat.completion',
  created: 1_795_255_200,
  model: 'sandbox/echo',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'Hello!', refusal: null },
      finish_reason: 'stop',
      logprobs: null,
    },
  ],
  usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 },
};

export const COMPLETION_ANSWER_EXAMPLE = {
  id: 'cmpl-4fTqV0mZx1sLwq8nE2bYcA',
  object: 'text_completion',
  created: 1_795_255_200,
  model: 'sandbox/echo',
  choices: [{ index: 0, text: 'Hello!', finish_reason: 'stop', logprobs: null }],
  usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 },
};

export const EMBEDDING_ANSWER_EXAMPLE = {
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding: [0.0123, -0.0456] }],
  model: 'sandbox/echo',
  usage: { prompt_tokens: 2, total_tokens: 2 },
};
