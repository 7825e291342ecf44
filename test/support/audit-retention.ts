/** The job that removes entries of the audit log, on a log of {@link openAuditLog}. */
import type { KeyAuditRetention } from '#modules/keys/index.js';

import { CutSegmentsService } from '../../src/modules/audit/retention/cut-segments.service.js';
import { FindSegmentsService } from '../../src/modules/audit/retention/find-segments.service.js';
import { FollowRetentionService } from '../../src/modules/audit/retention/follow-retention.service.js';
import { RemovalRepository } from '../../src/modules/audit/retention/removal.repository.js';
import { RemoveEntriesService } from '../../src/modules/audit/retention/remove-entries.service.js';
import { RetentionRepository } from '../../src/modules/audit/retention/retention.repository.js';
import { VerificationRepository } from '../../src/modules/audit/verification/verification.repository.js';
import type { AuditLog } from './audit-log.js';

export const DAY_MS = 86_400_000;
const NEVER = new AbortController().signal;

/** What the rest of the system says of the time that entries are kept. */
export type Wanted = { days: number; keys: Record<string, number> };

/** @param wanted may be changed between runs */
export function removalsOf(log: AuditLog, wanted: Wanted = { days: 90, keys: {} }) {
  const { actors, checkpoints, logger, macs, publishing, seals, trail } = log.parts;
  const removals = new RemovalRepository(log.transactions);
  const following = new FollowRetentionService(
    { auditRetentionDaysOf: () => Promise.resolve(wanted.days) },
    { list: (_, afterId, limit) => Promise.resolve(pageOf(wanted.keys, afterId, limit)) },
    new RetentionRepository(log.transactions),
    removals,
    log.transactions,
  );
  const reading = new VerificationRepository(log.transactions);
  const segments = new FindSegmentsService(
    removals,
    checkpoints,
    log.signer,
    reading,
    macs,
    logger,
  );
  const cutting = new CutSegmentsService(
    seals,
    removals,
    checkpoints,
    log.signer,
    trail,
    log.transactions,
  );
  const removing = new RemoveEntriesService(
    checkpoints,
    following,
    segments,
    cutting,
    publishing,
    actors,
  );
  return {
    wanted,
    run: (maxEntries = 5_000) => removing.removeAll({ now: log.now(), maxEntries }, NEVER),
    /** So that what is wanted of the log counts already. */
    giveNotice: async (): Promise<void> => {
      await removing.removeAll({ now: log.now() - 8 * DAY_MS, maxEntries: 5_000 }, NEVER);
    },
  };
}

function pageOf(
  keys: Readonly<Record<string, number>>,
  afterId: string,
  limit: number,
): KeyAuditRetention[] {
  return Object.entries(keys)
    .map(([keyId, days]) => ({ keyId, days }))
    .filter(({ keyId }) => keyId > afterId)
    .sort((one, other) => (one.keyId < other.keyId ? -1 : 1))
    .slice(0, limit);
}
