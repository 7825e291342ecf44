export const EVENTS_DESCRIPTION = `A message for each request of the key, as soon as its usage is stored, from any instance: usually within half a second.
The same messages come over a WebSocket at \`WS /v1/keys/{id}/usage/stream\`, with the Bearer header, or from pages with
\`?ticket=\` of \`POST /v1/keys/{id}/usage/tickets\`; \`?last_event_id=\` takes the place of \`Last-Event-ID\` there.

Each event is a JSON object. Its \`type\` is \`request_completed\`, \`cost_threshold\` (a limit of cost nears its end, or has
reached it), \`gap\` (requests may be missing; \`message\` says what to do) or \`closed\` (the last one, with the \`code\` and \`reason\` that
a WebSocket is closed with). Every 15 seconds a comment keeps the connection and moves the last event id on; a WebSocket gets
a ping and a message of type \`heartbeat\`.

For 5 minutes a stream can be taken up behind its last event id, on any instance. Nothing is left out then; what was sent
shortly before may come again with the same \`request_id\`. The close codes are in docs/live-usage.md.`;

const MESSAGE = {
  type: 'request_completed',
  id: 'mhr2x9f5.1043:1043:.req_4fTqV0mZx1sLwq8nE2bYcA',
  timestamp: '2026-11-27T10:00:00.000Z',
  key_id: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  request_id: 'req_4fTqV0mZx1sLwq8nE2bYcA',
  model: 'gpt-4o-mini',
  provider: 'openai',
  tokens: { input: 12, output: 34, cached: 0, reasoning: 0, total: 46 },
  cost: 0.0000222,
  latency_ms: 812,
  status: 200,
  outcome: 'completed',
  user_id: null,
};

export const EVENTS_EXAMPLE = `id: ${MESSAGE.id}\ndata: ${JSON.stringify(MESSAGE)}\n\n`;
