import type { LimitState } from './limit-state.js';

declare module '#platform/events/event-map.js' {
  interface EventMap {
    /** An allowance has reached the share at which somebody is to be told, or its end: each once in a window, of all instances. */
    'limits.allowance-reached': {
      readonly organizationId: string;
      readonly reached: 'threshold' | 'limit';
      readonly state: LimitState;
    };
  }
}
