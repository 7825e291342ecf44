import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { type WatchedKey, WatchedKeys } from '#modules/keys/index.js';
import { SuspiciousKeyPolicy } from '#modules/organizations/index.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import { ALERT_RULES } from './domain/alert-rules.js';
import { type Alert, type WatchedEvent, watchKey } from './domain/watch-key.js';
import { WatchRepository } from './watch.repository.js';

/** Looks at what became of keys, remembers it, and raises the alerts that follow: an entry, a notification, a disabled key. */
@Injectable()
export class RaiseAlertsService {
  constructor(
    private readonly watched: WatchRepository,
    private readonly keys: WatchedKeys,
    private readonly policies: SuspiciousKeyPolicy,
    private readonly trail: AuditTrail,
    private readonly clock: Clock,
  ) {}

  /** In the caller's transaction. @param events of keys of this organization, each key's in their order */
  async see(
    organizationId: string,
    events: ReadonlyMap<string, readonly WatchedEvent[]>,
  ): Promise<void> {
    if (events.size === 0) return;
    const keyIds = [...events.keys()].sort();
    const histories = await this.watched.holdHistories(organizationId, keyIds);
    for (const [keyId, before] of histories) {
      let history = before;
      for (const event of events.get(keyId) ?? []) {
        const seen = watchKey(ALERT_RULES, history, event);
        history = seen.history;
        for (const alert of seen.alerts) await this.#raise({ organizationId, keyId }, alert);
      }
      const now = new Date(this.clock.now());
      await this.watched.keepHistory(organizationId, keyId, history, now);
    }
  }

  async #raise(key: WatchedKey, { rule, at, disables, facts }: Alert): Promise<void> {
    const { organizationId, keyId } = key;
    const isToDisable =
      disables && (await this.policies.suspiciousKeysOf(organizationId)) === 'disable';
    const action = await this.keys.alert(key, { rule, at: new Date(at), facts }, isToDisable);
    await this.trail.append({
      organizationId,
      action: 'alert.raised',
      target: { type: 'key', id: keyId },
      details: { rule, at: new Date(at).toISOString(), action, ...facts },
    });
  }
}
