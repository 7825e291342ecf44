import type { Actor } from '#platform/audit-trail/actor.js';
import type { AuditEvent } from '#platform/audit-trail/audit-trail.port.js';

const INTERVAL_MS = 60_000;
/** Of different ones in a minute. Beyond, each of them is let through as it comes. */
const MAX_KNOWN = 10_000;

type Known = { readonly event: AuditEvent; actor: Actor; more: number };

/**
 * Lets the first of like events through at once, and tells of those that follow within the minute in one, as
 * `details.repeated`: whoever guesses keys must not be able to fill the log.
 */
export class RepeatedEvents {
  #known = new Map<string, Known>();
  #timer: NodeJS.Timeout | null = null;

  constructor(private readonly write: (event: AuditEvent, actor: Actor) => void) {}

  /** @param likeness the same for events that are alike */
  add(likeness: string, event: AuditEvent, actor: Actor): void {
    const known = this.#known.get(likeness);
    if (known) {
      known.more++;
      known.actor = actor;
      return;
    }
    this.write(event, actor);
    if (this.#known.size >= MAX_KNOWN) return;
    this.#known.set(likeness, { event, actor, more: 0 });
    this.#timer ??= setTimeout(() => this.flush(), INTERVAL_MS).unref();
  }

  /** Tells of what was repeated, and begins anew. */
  flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const known = this.#known;
    this.#known = new Map();
    for (const { event, actor, more } of known.values()) {
      if (more > 0) this.write({ ...event, details: { ...event.details, repeated: more } }, actor);
    }
  }
}
