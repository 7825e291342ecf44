import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import {
  assertReachesAll,
  KeyAttributesReader,
  type KeyView,
  reachesAll,
} from '#modules/keys/index.js';

/**
 * Which of the log somebody gets to read. Who reaches only some keys, such as a key of a team, reads the logs of these, key by key;
 * what was done to anything else is for who reaches the whole organization.
 */
@Injectable()
export class ReachedEntries {
  constructor(private readonly keys: KeyAttributesReader) {}

  /** Whether the caller gets to see entries of a key's log; `null`: of none. */
  async areOpenTo(caller: KeyView, keyId: string | null): Promise<boolean> {
    return reachesAll(caller) || (keyId !== null && (await this.#has(caller, keyId)));
  }

  /**
   * @param keyId whose log is asked for; `undefined` or `null`: the organization's
   * @throws {AppError} `operation_not_allowed`, `not_found` for who does not reach the key
   */
  async assertIncludes(caller: KeyView, keyId: string | null | undefined): Promise<void> {
    if (keyId === undefined || keyId === null) {
      assertReachesAll(caller, 'Give key_id.');
      return;
    }
    if (!(await this.areOpenTo(caller, keyId))) throw noKey(keyId, 'key_id');
  }

  /** @throws {AppError} `not_found`, also for a key that the caller does not reach */
  async assertHasKey(caller: KeyView, keyId: string): Promise<void> {
    if (!(await this.#has(caller, keyId))) throw noKey(keyId);
  }

  async #has(caller: KeyView, keyId: string): Promise<boolean> {
    return (await this.keys.of(caller, [keyId], null)).has(keyId);
  }
}

function noKey(keyId: string, param?: string): AppError {
  return new AppError('not_found', {
    message: `There is no key ${keyId}.`,
    ...(param !== undefined && { param }),
  });
}
