import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { SystemClock } from '#common/time/clock.js';
import { CallJournal, JOURNAL_LIMITS } from '#modules/limits/journal/call-journal.js';
import type { JournalOptions } from '#modules/limits/journal/call-journal.js';
import type { Amounts, JournaledLease, UsedLease } from '#modules/limits/journal/journal-lines.js';
import { createLogger } from '#platform/observability/logger.js';

const NEVER_MS = 2 ** 31 - 1;
/** What is staged is written with beginnings only, and nobody looks at the disk. */
const QUIET = { ...JOURNAL_LIMITS, checkIntervalMs: NEVER_MS, endDelayMs: NEVER_MS };

type Settings = Partial<Omit<JournalOptions, 'limits'>> & {
  readonly limits?: Partial<JournalOptions['limits']>;
};

/** Opens the journal. To leave one without closing it is what a crash does. */
export function openJournal(dataDir: string, { limits, ...others }: Settings = {}): CallJournal {
  return CallJournal.open(dataDir, {
    clock: new SystemClock(),
    logger: createLogger('silent'),
    limits: { ...QUIET, ...limits },
    ...others,
  });
}

/** Begins a call; its ticket, once it may be let out. */
export function begin(
  journal: CallJournal,
  leases: readonly JournaledLease[],
  reserved: Amounts,
): Promise<number> {
  return new Promise((resolve, reject) => {
    journal.begin(leases, reserved, (error, ticket) => (error ? reject(error) : resolve(ticket)));
  });
}

/** A lease of a month's window that is not over in the life of any test. */
export function lease(allowance: string, metric: number, startsAt = 0): JournaledLease {
  return { allowance, metric, startsAt, endsAt: 4_102_444_800_000 };
}

/** What was used of each lease, by its allowance; of several windows the sum. Those of which nothing was used are left out. */
export function usedOf(leases: readonly UsedLease[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { allowance, used } of leases) {
    if (used > 0) sums[allowance] = (sums[allowance] ?? 0) + used;
  }
  return sums;
}

/** The files of the live segment and what else lies beside it. */
export function segmentsOf(dataDir: string, { holderId }: CallJournal): string[] {
  const directory = join(dataDir, 'limits', holderId);
  return readdirSync(directory)
    .sort()
    .map((name) => join(directory, name));
}
