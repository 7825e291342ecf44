import { Injectable } from '@nestjs/common';

import { scopeMask, scopesOf } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';
import { isGiven } from '#common/validation/given.js';
import { type ServiceAccount, ServiceAccounts } from '#modules/organizations/index.js';

import type { Belonging } from '../domain/belonging.js';
import type { Grant } from '../domain/grant.js';
import { reachesAll } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import type { BelongingDto } from '../dto/belonging.dto.js';

const PARAM = 'scope.service_account_id';

/** Decides of which service account a key is, and that it may do no more than that. */
@Injectable()
export class SettleServiceAccountService {
  constructor(private readonly accounts: ServiceAccounts) {}

  /**
   * @param current what the key belongs to that is changed; `null` for a new one
   * @returns `null` for a key that is no service account's
   * @throws {AppError} `invalid_request` naming the field; `escalation_denied` for an account that the caller has no say over
   */
  async settle(
    caller: KeyView,
    { type, scope }: BelongingDto,
    current: Belonging | null,
  ): Promise<ServiceAccount | null> {
    const asked = scope?.service_account_id;
    const before = current ? current.serviceAccountId : caller.serviceAccountId;
    const id = asked === undefined ? before : asked;
    assertStays(caller, current?.serviceAccountId ?? null, id);
    if (id === null) return null;
    const account = await this.accounts.resolve(caller.organizationId, id);
    if (!account) throw unknown(id);
    assertHasSay(caller, account);
    if (isGiven(type) && type !== 'service') {
      throw invalid('type', 'A key of a service account is of type service.');
    }
    return account;
  }

  /**
   * @param serviceAccountId whose the key is; `null`: no service account's
   * @throws {AppError} `escalation_denied` naming the field by which the key would do more than its account;
   * `invalid_request` where the account is gone by now
   */
  async assertWithin(
    organizationId: string,
    serviceAccountId: string | null,
    { accessLevel, scopes }: Pick<Grant, 'accessLevel' | 'scopes'>,
  ): Promise<void> {
    if (serviceAccountId === null) return;
    if (accessLevel === 'master') {
      throw denied('access_level', 'A master key is no service account’s.');
    }
    const account = await this.accounts.resolve(organizationId, serviceAccountId);
    // It was there, and may have been deleted meanwhile.
    if (!account) throw unknown(serviceAccountId);
    const missing = scopeMask(scopes) & ~scopeMask(account.scopes);
    if (missing === 0) return;
    throw denied(
      accessLevel === null ? 'scopes' : 'access_level',
      `The role of the service account ${serviceAccountId} does not have: ${scopesOf(missing).join(', ')}.`,
    );
  }
}

/**
 * Else an account's key could make others that stay when the account is suspended or deleted, and whoever has no say over the
 * account could bring back one of its keys.
 */
function assertStays(caller: KeyView, before: string | null, id: string | null): void {
  const { serviceAccountId: own } = caller;
  if (own !== null && id !== own) {
    throw denied(
      PARAM,
      `This key is of the service account ${own}, and so are those that it makes.`,
    );
  }
  if (before === null || id === before || reachesAll(caller)) return;
  throw denied(PARAM, 'You reach only some keys, so you take none from its service account.');
}

/** Whoever reaches only some keys makes keys of their teams' accounts, and an account's key those of its own. */
function assertHasSay(caller: KeyView, { id, teamId }: ServiceAccount): void {
  if (id === caller.serviceAccountId || teamId !== null || reachesAll(caller)) return;
  throw denied(PARAM, `The service account ${id} is in no team, and you reach only some keys.`);
}

function unknown(id: string): AppError {
  return invalid(PARAM, `There is no service account ${id}.`);
}

function invalid(param: string, message: string): AppError {
  return new AppError('invalid_request', { param, message });
}

function denied(param: string, message: string): AppError {
  return new AppError('escalation_denied', { param, message });
}
