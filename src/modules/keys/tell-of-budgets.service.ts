import { Injectable } from '@nestjs/common';

import { Notifier } from '#modules/notifications/index.js';
import type { EventMap } from '#platform/events/event-map.js';
import { EventBus } from '#platform/events/event-bus.js';

import { ApiKeyRepository } from './api-key.repository.js';

/** People are told of money that nears its end, or has reached it: once in a window, of all instances. */
@Injectable()
export class TellOfBudgets {
  constructor(
    private readonly notifier: Notifier,
    private readonly keys: ApiKeyRepository,
    events: EventBus,
  ) {
    events.on('limits.allowance-reached', (reached) => this.#tell(reached));
  }

  async #tell({
    organizationId,
    reached,
    state,
  }: EventMap['limits.allowance-reached']): Promise<void> {
    if (state.metric !== 'cost') return;
    const { subject, subject_id: subjectId, window, model, resets_at: resetsAt } = state;
    const names = [subject, subjectId, window, resetsAt, model ?? ''];
    const keyId = subject === 'key' ? subjectId : null;
    const [key] = keyId === null ? [] : await this.keys.findAll(organizationId, [keyId]);
    const teamId = subject === 'team' ? subjectId : (key?.teamId ?? null);
    await this.notifier.notify({
      organizationId,
      type: reached === 'limit' ? 'budget.reached' : 'budget.threshold_reached',
      keyId,
      teamId,
      data: { ...state },
      deduplicationId: `budget:${reached}:${names.join(':')}`,
    });
  }
}
