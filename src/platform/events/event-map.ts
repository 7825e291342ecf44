/**
 * Event name (`<module>.<noun>-<past participle>`) → payload. A module adds its own in its `<module>.events.ts`:
 * `declare module '#platform/events/event-map.js' { interface EventMap { 'keys.key-changed': { keyId: string } } }`,
 * so that the platform knows no module.
 */
export interface EventMap {}

export type EventName = Extract<keyof EventMap, string>;
