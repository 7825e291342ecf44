import { scrubSecrets } from '#platform/observability/secret-patterns.js';

/** A list is told by its length and these first items; what does not fit is cut. */
const SHOWN_ITEMS = 5;
const SHOWN_CHARACTERS = 100;

/** `2 models (gpt-4o, claude-*)`: of however many items, a text of bounded length. */
export function listed(items: readonly string[], one: string, several = `${one}s`): string {
  const count = `${items.length === 0 ? 'no' : items.length} ${items.length === 1 ? one : several}`;
  if (items.length === 0) return count;
  const shown = items.slice(0, SHOWN_ITEMS).map(shortened).join(', ');
  return `${count} (${shown}${items.length > SHOWN_ITEMS ? ', …' : ''})`;
}

/** A text of the request's, short enough to be read, and without what looks like a secret: people paste those anywhere. */
export function quoted(text: string): string {
  return `“${shortened(text)}”`;
}

function shortened(text: string): string {
  const scrubbed = scrubSecrets(text);
  return scrubbed.length <= SHOWN_CHARACTERS ? scrubbed : `${scrubbed.slice(0, SHOWN_CHARACTERS)}…`;
}
