import { describe, expect, it } from 'vitest';

import { readChatRequest } from './chat-request.js';
import { type JsonObject } from './request-fields.js';

const user = { role: 'user', content: 'hi' };
const weather = { type: 'function', function: { name: 'get_weather' } };
/** Deep enough to overflow the stack of whatever walks it unguarded. */
const tooDeep: unknown = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);

describe('chat request', () => {
  it.each<[string, unknown]>([
    ['messages', {}],
    ['messages', { messages: null }],
    ['messages', { messages: [] }],
    ['messages', { messages: 'hi' }],
    ['messages', { messages: Array.from({ length: 4_097 }, () => user) }],
    ['messages[1]', { messages: [user, 'hi'] }],
    ['messages[0].role', { messages: [{ content: 'hi' }] }],
    ['messages[0].role', { messages: [{ role: 'robot', content: 'hi' }] }],
    ['messages[0].content', { messages: [{ role: 'user' }] }],
    ['messages[0].content', { messages: [{ role: 'user', content: 5 }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: ['hi'] }] }],
    ['messages[0].content[0].text', { messages: [{ role: 'user', content: [{ type: 'text' }] }] }],
    ['n', { messages: [user], n: 0 }],
    ['n', { messages: [user], n: 9 }],
    ['n', { messages: [user], n: '2' }],
    ['max_tokens', { messages: [user], max_tokens: 0 }],
    ['max_tokens', { messages: [user], max_tokens: 1.5 }],
    ['max_tokens', { messages: [user], max_tokens: '5', max_completion_tokens: 5 }],
    ['max_completion_tokens', { messages: [user], max_completion_tokens: -1 }],
    ['stop', { messages: [user], stop: ['a', 'b', 'c', 'd', 'e'] }],
    ['stop', { messages: [user], stop: '' }],
    ['stop', { messages: [user], stop: 'x'.repeat(257) }],
    ['stop', { messages: [user], stop: [5] }],
    ['stream', { messages: [user], stream: 'yes' }],
    ['response_format', { messages: [user], response_format: { type: 'xml' } }],
    ['response_format', { messages: [user], response_format: 'json_object' }],
    [
      'response_format.json_schema.schema',
      { messages: [user], response_format: { type: 'json_schema', json_schema: { name: 'a' } } },
    ],
    ['tools', { messages: [user], tools: {} }],
    ['tools', { messages: [user], tools: Array.from({ length: 129 }, () => weather) }],
    ['tools', { messages: [user], tools: [{ type: 'custom', custom: tooDeep }] }],
    ['tools[0]', { messages: [user], tools: ['a'] }],
    ['tools[0].function.name', { messages: [user], tools: [{ type: 'function', function: {} }] }],
    ['tool_choice', { messages: [user], tool_choice: 'required' }],
    ['tool_choice', { messages: [user], tools: [weather], tool_choice: 'always' }],
    [
      'tool_choice',
      {
        messages: [user],
        tools: [weather],
        tool_choice: { type: 'function', function: { name: 'no' } },
      },
    ],
  ])('is refused for its %s', (param, body) => {
    const refusal = expect.objectContaining({ code: 'invalid_request', param }) as Error;
    expect(() => readChatRequest(body as JsonObject)).toThrow(refusal);
  });
});
