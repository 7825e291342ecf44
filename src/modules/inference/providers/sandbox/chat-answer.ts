import { createHash } from 'node:crypto';

import { countMessages, lastUserText, textsOf } from './chat-messages.js';
import { type ChatRequest, readChatRequest, type Tool } from './chat-request.js';
import { generate, type Generation, usageOf } from './generation.js';
import { loremOf, loremText } from './lorem-text.js';
import { assertReadable } from './request-fields.js';
import {
  LOREM_MODEL,
  type SandboxAnswer,
  type SandboxCall,
  SYSTEM_FINGERPRINT,
} from './sandbox-call.js';
import { schemaInstance } from './schema-instance.js';
import { groupPieces, sseStream } from './sse.js';
import { type Tokenizer } from './tokenizer.js';

/** A JSON object quotes this much of the text: short enough that escaping can't blow it up. */
const MAX_QUOTED_LENGTH = 4_096;
const QUOTED_LOREM_TOKENS = 16;

/** `tool` is set when the pieces are a tool call's arguments. */
type Reply = Generation & { readonly tool: Tool | undefined };

/** `POST /v1/chat/completions`: a text, a JSON document, or one tool call where the request forces one. */
export function answerChat(call: SandboxCall, tokenizer: Tokenizer): SandboxAnswer {
  const request = readChatRequest(call.body);
  assertReadable([...request.messages.flatMap(textsOf), ...request.definitions]);
  const reply = replyTo(call, request, tokenizer);
  const promptTokens = request.definitions.reduce(
    (sum, text) => sum + tokenizer.count(text),
    countMessages(request.messages, tokenizer),
  );
  const usage = usageOf(promptTokens, reply.tokenCount * request.choices);
  const indexes = Array.from({ length: request.choices }, (_, index) => index);
  if (!request.streams) {
    const choices = indexes.map((index) => ({
      index,
      message: messageOf(reply, toolCallId(call.id, index)),
      logprobs: null,
      finish_reason: finishReasonOf(reply),
    }));
    const body = JSON.stringify({ ...envelopeOf(call, 'chat.completion'), choices, usage });
    return { kind: 'json', status: 200, body };
  }
  const pieces = groupPieces(reply.pieces, request.choices);
  const steps = indexes.map((index) => stepsOf(reply, pieces, { callId: call.id, index }));
  const envelope = envelopeOf(call, 'chat.completion.chunk');
  const chunks = sseStream(envelope, steps, call.includeUsage ? usage : undefined);
  return { kind: 'stream', chunks, breaksOff: false };
}

function envelopeOf(call: SandboxCall, object: string): Readonly<Record<string, unknown>> {
  return {
    id: call.id,
    object,
    created: call.createdSeconds,
    model: call.model,
    service_tier: 'default',
    system_fingerprint: SYSTEM_FINGERPRINT,
  };
}

function replyTo(call: SandboxCall, request: ChatRequest, tokenizer: Tokenizer): Reply {
  const { shape } = request;
  if (call.controls.text !== undefined) {
    return { ...generate(call.controls.text, request, tokenizer), tool: undefined };
  }
  if (shape.kind !== 'tool') {
    return {
      ...generate(answerText(call, request, tokenizer), request, tokenizer),
      tool: undefined,
    };
  }
  return replyWithTool(shape.tool, request.maxTokens, tokenizer);
}

/** The function's name is generated too: it is part of what `max_tokens` bounds and of what is billed. */
function replyWithTool(tool: Tool, maxTokens: number | undefined, tokenizer: Tokenizer): Reply {
  const { parameters, path } = tool;
  const instance = parameters === undefined ? {} : schemaInstance(parameters, path);
  const nameTokens = tokenizer.count(tool.name);
  const left = maxTokens === undefined ? undefined : Math.max(0, maxTokens - nameTokens);
  const limits = { maxTokens: left, stop: [] };
  const generation = generate(JSON.stringify(instance), limits, tokenizer);
  const tokenCount = Math.min(nameTokens + generation.tokenCount, maxTokens ?? Infinity);
  return { ...generation, tokenCount, tool };
}

function answerText(call: SandboxCall, request: ChatRequest, tokenizer: Tokenizer): string {
  const { shape, messages, maxTokens } = request;
  const isLorem = call.model === LOREM_MODEL;
  if (shape.kind === 'json-schema') return JSON.stringify(schemaInstance(shape.schema, shape.path));
  if (shape.kind === 'json-object') {
    const text = isLorem ? loremOf(QUOTED_LOREM_TOKENS, tokenizer) : lastUserText(messages);
    return JSON.stringify({ text: quotable(text) });
  }
  return isLorem ? loremText(maxTokens, tokenizer) : lastUserText(messages);
}

function quotable(text: string): string {
  const halfCharacterAtTheEnd = /[\ud800-\udbff]$/;
  return text.slice(0, MAX_QUOTED_LENGTH).replace(halfCharacterAtTheEnd, '');
}

function finishReasonOf(reply: Reply): string {
  return reply.tool !== undefined && reply.finishReason === 'stop'
    ? 'tool_calls'
    : reply.finishReason;
}

function toolCallId(id: string, index: number): string {
  const digest = createHash('sha256').update(`${id}.${index}`).digest('hex');
  return `call_${digest.slice(0, 24)}`;
}

function messageOf({ tool, pieces }: Reply, id: string): object {
  const message = { role: 'assistant', refusal: null, annotations: [] };
  const text = pieces.join('');
  if (tool === undefined) return { ...message, content: text };
  const call = { id, type: 'function', function: { name: tool.name, arguments: text } };
  return { ...message, content: null, tool_calls: [call] };
}

/** One choice's way through the stream: the role, what is said piece by piece, the reason of the end. */
function stepsOf(
  reply: Reply,
  pieces: readonly string[],
  place: { readonly callId: string; readonly index: number },
): object[] {
  const step = (delta: object, finishReason: string | null): object => ({
    index: place.index,
    delta,
    logprobs: null,
    finish_reason: finishReason,
  });
  const id = toolCallId(place.callId, place.index);
  return [
    step({ role: 'assistant', ...openingOf(reply.tool, id), refusal: null }, null),
    ...pieces.map((piece) => step(deltaOf(reply.tool, piece), null)),
    step({}, finishReasonOf(reply)),
  ];
}

function openingOf(tool: Tool | undefined, id: string): object {
  if (tool === undefined) return { content: '' };
  const call = { index: 0, id, type: 'function', function: { name: tool.name, arguments: '' } };
  return { content: null, tool_calls: [call] };
}

function deltaOf(tool: Tool | undefined, piece: string): object {
  if (tool === undefined) return { content: piece };
  return { tool_calls: [{ index: 0, function: { arguments: piece } }] };
}
