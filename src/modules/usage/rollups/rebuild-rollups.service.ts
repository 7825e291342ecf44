import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { PartitionKeeperService } from '../partition-keeper.service.js';
import { type Days, RollupRebuild } from './rollup-rebuild.port.js';
import { clearDay, GRAINS, resumWeek, ROLLED_UP_COLUMNS, rollUp } from './rollup-sql.js';

const DAY_MS = 86_400_000;

@Injectable()
export class RebuildRollupsService extends RollupRebuild {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly partitions: PartitionKeeperService,
  ) {
    super();
  }

  override async rebuild({ from, to }: Days, rebuilt: (day: string) => void): Promise<void> {
    // Of days whose records are gone the sums are all that is left.
    const days = await this.partitions.daysWithEvents();
    for (const day of days.filter((one) => one >= from && one <= to)) {
      const start = new Date(day);
      const range = [start, new Date(start.getTime() + DAY_MS)];
      // Sums of minutes may be gone before the records are; a day that is to be dropped gets none any more.
      const refused = await this.partitions.prepare([start.getTime()]);
      if (refused.size > 0) continue;
      await this.transactions.run(() => this.#rebuild(range));
      rebuilt(day);
    }
  }

  /** Shippers wait meanwhile, and the records in their spools: every statement that adds to roll-ups writes to that table. */
  async #rebuild(range: readonly Date[]): Promise<void> {
    const { transactions } = this;
    await transactions.sql('LOCK TABLE usage_rollup_hour IN SHARE ROW EXCLUSIVE MODE');
    for (const grain of GRAINS) {
      for (const statement of clearDay(grain)) await transactions.sql(statement, range);
    }
    await transactions.sql(
      `WITH events AS MATERIALIZED (
         SELECT ${ROLLED_UP_COLUMNS} FROM usage_events WHERE occurred_at >= $1 AND occurred_at < $2
       ), ${rollUp('events')} SELECT`,
      range,
    );
    for (const statement of resumWeek()) await transactions.sql(statement, range.slice(0, 1));
  }
}
