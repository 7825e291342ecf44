import { Injectable } from '@nestjs/common';

import type { LimitState } from '#modules/limits/index.js';
import { Notifier } from '#modules/notifications/index.js';
import type { EventMap } from '#platform/events/event-map.js';
import { EventBus } from '#platform/events/event-bus.js';

import { SubjectNames } from './subject-names.service.js';

/** People are told of money that nears its end, or has reached it: once in a window, of all instances. */
@Injectable()
export class TellOfBudgets {
  constructor(
    private readonly notifier: Notifier,
    private readonly names: SubjectNames,
    events: EventBus,
  ) {
    events.on('limits.allowance-reached', (reached) => this.#tell(reached));
  }

  async #tell({
    organizationId,
    reached,
    state,
  }: EventMap['limits.allowance-reached']): Promise<void> {
    if (state.metric === 'credit') await this.#tellOfCredit(organizationId, reached, state);
    if (state.metric !== 'cost') return;
    const { subject, subject_id: subjectId, window, model, resets_at: resetsAt } = state;
    const names = [subject, subjectId, window, resetsAt, model ?? ''];
    const { name, teamId } = await this.names.of(organizationId, subject, subjectId);
    await this.notifier.notify({
      organizationId,
      type: reached === 'limit' ? 'budget.reached' : 'budget.threshold_reached',
      keyId: subject === 'key' ? subjectId : null,
      teamId,
      data: { ...state, name },
      deduplicationId: `budget:${reached}:${names.join(':')}`,
    });
  }

  /** Once for all that was ever paid in: the next payment makes another sum of it. */
  async #tellOfCredit(
    organizationId: string,
    reached: 'threshold' | 'limit',
    { limit, used, reserved, remaining }: LimitState,
  ): Promise<void> {
    await this.notifier.notify({
      organizationId,
      type: 'credit.low',
      keyId: null,
      teamId: null,
      data: { reached, limit, used, reserved, remaining },
      deduplicationId: `credit:${reached}:${organizationId}:${limit}`,
    });
  }
}
