declare module '#platform/events/event-map.js' {
  interface EventMap {
    /** A key's state or policy is not what it was: forget what is cached of it. */
    'keys.key-changed': { readonly organizationId: string; readonly keyId: string };
    /** Other rules bind keys of the organization: forget what is cached of them. */
    'keys.rules-changed': { readonly organizationId: string };
  }
}

/** Fan-out topic; the payload is what {@link writeKeyIds} makes. */
export const KEYS_CHANGED_TOPIC = 'keys.changed';

/** Fan-out topic; the payload is the id of the organization. */
export const RULES_CHANGED_TOPIC = 'keys.rules-changed';

/** So that a message stays below its bound of 1 KiB. */
const IDS_PER_MESSAGE = 36;

/** What is published of these keys: their ids, in as many messages as it takes. */
export function writeKeyIds(keyIds: readonly string[]): string[] {
  const messages: string[] = [];
  for (let at = 0; at < keyIds.length; at += IDS_PER_MESSAGE) {
    messages.push(keyIds.slice(at, at + IDS_PER_MESSAGE).join(','));
  }
  return messages;
}

export function readKeyIds(message: string): string[] {
  return message.split(',');
}
