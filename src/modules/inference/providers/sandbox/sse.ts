const DONE = 'data: [DONE]\n\n';

/** Bounds what a long answer costs: from here on a chunk carries several tokens. */
const MAX_CONTENT_CHUNKS = 8_192;

export function sseEvent(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

/** Joins neighbours, so that `choices` lists of this length stay within the stream's bound. */
export function groupPieces(pieces: readonly string[], choices: number): string[] {
  const size = Math.ceil(pieces.length / Math.max(1, Math.floor(MAX_CONTENT_CHUNKS / choices)));
  if (size <= 1) return [...pieces];
  const groups: string[] = [];
  for (let start = 0; start < pieces.length; start += size) {
    groups.push(pieces.slice(start, start + size).join(''));
  }
  return groups;
}

/**
 * OpenAI's stream: one event for each choice's step, the choices taking turns, then the usage event, then `[DONE]`.
 * Where usage is wanted every event before it has `usage: null`.
 */
export function sseStream(
  envelope: Readonly<Record<string, unknown>>,
  stepsOfChoices: readonly (readonly unknown[])[],
  usage: unknown,
): string[] {
  const head = usage === undefined ? envelope : { ...envelope, usage: null };
  const chunks = takeTurns(stepsOfChoices).map((step) => sseEvent({ ...head, choices: [step] }));
  if (usage !== undefined) chunks.push(sseEvent({ ...envelope, choices: [], usage }));
  chunks.push(DONE);
  return chunks;
}

function takeTurns(lists: readonly (readonly unknown[])[]): unknown[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  const merged: unknown[] = [];
  for (let turn = 0; turn < longest; turn += 1) {
    for (const list of lists) if (turn < list.length) merged.push(list[turn]);
  }
  return merged;
}
