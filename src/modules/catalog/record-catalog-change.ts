import { Injectable } from '@nestjs/common';

import { type AuditFacts, AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { EventBus } from '#platform/events/event-bus.js';

import type { ProviderEntity } from './providers/provider.entity.js';
import { viewProvider } from './providers/provider.view.js';
import type { RouteEntity } from './routes/route.entity.js';
import { viewRoute } from './routes/route.view.js';

type Thing = ProviderEntity | RouteEntity;

/** What became of providers and routes, for the audit log and for whoever keeps them. Each in the transaction that makes it so. */
@Injectable()
export class RecordCatalogChange {
  constructor(
    private readonly trail: AuditTrail,
    private readonly events: EventBus,
  ) {}

  /** @param kind says the same as the class of the thing, which a row that was changed has not */
  async created(kind: 'provider' | 'route', things: readonly Thing[]): Promise<void> {
    for (const thing of things) {
      const { organizationId, id } = thing;
      const action = `${kind}.created` as const;
      const after = factsOf(thing);
      await this.trail.append({ organizationId, action, target: { type: kind, id }, after });
      this.#tell(thing);
    }
  }

  /** The credential itself is written nowhere, only that there is another. */
  async providerChanged(before: ProviderEntity, after: ProviderEntity): Promise<void> {
    const { organizationId, id } = after;
    const isReplaced = before.sealedCredential !== after.sealedCredential;
    await this.trail.appendChange(
      {
        organizationId,
        action: 'provider.updated',
        target: { type: 'provider', id },
        details: { api_key_replaced: isReplaced },
      },
      factsOf(before),
      factsOf(after),
    );
    this.#tell(after);
  }

  async routeChanged(before: RouteEntity, after: RouteEntity): Promise<void> {
    const { organizationId, id } = after;
    await this.trail.appendChange(
      { organizationId, action: 'route.updated', target: { type: 'route', id } },
      factsOf(before),
      factsOf(after),
    );
    this.#tell(after);
  }

  async deleted(kind: 'provider' | 'route', thing: Thing): Promise<void> {
    const { organizationId, id } = thing;
    const action = `${kind}.deleted` as const;
    const before = factsOf(thing);
    await this.trail.append({ organizationId, action, target: { type: kind, id }, before });
    this.#tell(thing);
  }

  #tell({ organizationId }: Thing): void {
    this.events.emit('catalog.changed', { organizationId });
  }
}

function factsOf(thing: Thing): AuditFacts {
  return 'baseUrl' in thing ? { ...viewProvider(thing) } : { ...viewRoute(thing) };
}
