import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import {
  assertReachesAll,
  KeyAttributesReader,
  type KeyView,
  reachesAll,
} from '#modules/keys/index.js';
import type { UsageEvent } from '#modules/usage/index.js';

/** Calls are reached by who reaches their key. */
@Injectable()
export class ReachedCalls {
  constructor(private readonly keys: KeyAttributesReader) {}

  /** By key: whose own it is now. */
  async ownersOf(
    caller: KeyView,
    events: readonly UsageEvent[],
  ): Promise<ReadonlyMap<string, string | null>> {
    const ids = [...new Set(events.map(({ keyId }) => keyId))];
    const keys = await this.keys.of(caller, ids, null);
    return new Map([...keys].map(([id, { ownerId }]) => [id, ownerId]));
  }

  /** Whether the caller gets to see the calls of a key; also of one that is not there, where it is not limited. */
  async isOpenTo(caller: KeyView, keyId: string): Promise<boolean> {
    return reachesAll(caller) || (await this.keys.of(caller, [keyId], null)).has(keyId);
  }

  /**
   * @param keyId whose calls are asked for; `undefined` or `null`: those of all keys
   * @throws {AppError} `operation_not_allowed`, `not_found` for who does not reach the key
   */
  async assertIncludes(caller: KeyView, keyId: string | null | undefined): Promise<void> {
    if (keyId === undefined || keyId === null) {
      assertReachesAll(caller, 'Give key_id.');
      return;
    }
    if (await this.isOpenTo(caller, keyId)) return;
    throw new AppError('not_found', { message: `There is no key ${keyId}.`, param: 'key_id' });
  }
}
