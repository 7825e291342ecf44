import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { AppendEntryService } from '#modules/audit/trail/append-entry.service.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import type { TransactionRunner } from '#platform/database/transaction-runner.js';
import { createLogger } from '#platform/observability/logger.js';

import { type MailServer, startMailServer } from '../support/mail-server.js';
import type { AppRoute } from './app-routes.js';
import { effectsWithoutLog, type Lists, missingEntries } from './audit-walk.harness.js';
import { mutatingRoutes, nameOf } from './audited-calls.harness.js';
import { World } from './matrix/world.harness.js';

/** Whoever adds to this says why nobody will ask who has done it. */
const CHANGES_NOTHING: Lists['changesNothing'] = {
  'POST /v1/keys/verify': 'says what a key may do',
  'POST /v1/keys/:id/simulate': 'says what would become of a call',
  'POST /v1/policies/:id/impact': 'says what a change would do',
  'POST /v1/audit/verify': 'says whether the log is as it was',
  'POST /v1/audit/checkpoints': 'signs what the log is already',
  'POST /v1/keys/:id/usage/tickets': 'another form of the caller’s own credential, for a minute',
};

const BY_JOBS: Lists['byJobs'] = {
  'POST /v1/auth/password-reset':
    'its answer and its time must not tell whether there is such an account',
};
const LISTS: Lists = { changesNothing: CHANGES_NOTHING, byJobs: BY_JOBS };
const WALK_TIMEOUT_MS = 180_000;

let mail: MailServer;
let world: World;
beforeAll(async () => {
  mail = await startMailServer();
  // Each refusal is logged as an error, as it should be.
  const logger = createLogger('fatal');
  world = await World.found({ env: { LATCHKEY_SMTP_URL: mail.url }, logger });
}, WALK_TIMEOUT_MS);
afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  await world.close();
  await mail.close();
});

describe('each route that changes something', () => {
  it('leaves an entry in the log of whose it is', { timeout: WALK_TIMEOUT_MS }, async () => {
    const routes = mutatingRoutes(world.routes);
    expect(await missingEntries(world, routes, LISTS)).toEqual([]);
  });

  it('does nothing where it can’t be written down', { timeout: WALK_TIMEOUT_MS }, async () => {
    const routes = mutatingRoutes(world.routes);
    expect(await effectsWithoutLog(world, routes, LISTS, mail.mails)).toEqual([]);
  });

  it('stands on no list that it is not on itself', () => {
    const names = new Set(mutatingRoutes(world.routes).map(nameOf));
    const listed = [...Object.keys(CHANGES_NOTHING), ...Object.keys(BY_JOBS)];
    expect(listed.filter((name) => !names.has(name))).toEqual([]);
    expect(new Set(listed).size).toBe(listed.length);
  });
});

/** What these specs are for is found by them. */
describe('a route', () => {
  const named = (name: string): AppRoute[] => world.routes.filter((one) => nameOf(one) === name);

  it('that writes nothing down is found', async () => {
    insteadOfAppending('team.created', () => Promise.resolve());
    expect(await missingEntries(world, named('POST /v1/teams'), LISTS)).toEqual([
      'POST /v1/teams: no entry',
    ]);
  });

  it('that writes it down once its change is made is found', async () => {
    insteadOfAppending('invitation.created', (append, transactions) => {
      transactions.afterCommit(() => void append().catch(() => undefined));
      return Promise.resolve();
    });
    const routes = named('POST /v1/invitations');
    expect(await effectsWithoutLog(world, routes, LISTS, mail.mails)).toEqual([
      'POST /v1/invitations: 201',
      'POST /v1/invitations: has changed invitations',
      'POST /v1/invitations: has sent a mail',
    ]);
  });
});

function insteadOfAppending(
  action: AuditAction,
  bug: (append: () => Promise<void>, transactions: TransactionRunner) => Promise<void>,
): void {
  const append = AppendEntryService.prototype.append;
  vi.spyOn(AppendEntryService.prototype, 'append').mockImplementation(function (
    this: AppendEntryService,
    event,
  ) {
    const appendIt = (): Promise<void> => append.call(this, event);
    if (event.action !== action) return appendIt();
    const { entries } = this as unknown as { entries: { transactions: TransactionRunner } };
    return bug(appendIt, entries.transactions);
  });
}
