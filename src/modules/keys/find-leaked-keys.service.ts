import { Inject, Injectable } from '@nestjs/common';

import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { Pepper } from '#platform/crypto/pepper.js';

import { ApiKeyRepository, isDigestOf, type SecretDigest } from './api-key.repository.js';
import { DeactivateLeakedKeyService } from './deactivate-leaked-key.service.js';
import { isWellFormedKey } from './domain/key-secret.js';
import type { LeakOutcome, LeakReport } from './domain/leaked-key.js';
import { LeakedKeys } from './leaked-keys.port.js';
import { digestsOf } from './secret-digests.js';

/** Keys in one query. */
const LOOK_UP_SIZE = 500;

@Injectable()
export class FindLeakedKeysService extends LeakedKeys {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly pepper: Pepper,
    private readonly leakedKey: DeactivateLeakedKeyService,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    super();
  }

  override async deactivate(reports: readonly LeakReport[]): Promise<LeakOutcome[]> {
    const wellFormed = this.#wellFormed(reports);
    const outcomes = new Map<string, LeakOutcome>();
    for (let at = 0; at < wellFormed.length; at += LOOK_UP_SIZE) {
      const byDigest = this.#byDigest(wellFormed.slice(at, at + LOOK_UP_SIZE));
      const digests = [...byDigest.keys()];
      for (const found of await this.keys.findByDigestsAcrossTenants(digests)) {
        const stored = digests.find((one) => isDigestOf(found.secret, one));
        const report = stored && byDigest.get(stored);
        if (!report) continue;
        // A transaction for each: if one fails, what is done stays done, and the whole can be reported again.
        outcomes.set(report.key.reveal(), await this.leakedKey.deactivate(found, report));
      }
    }
    return reports.map(({ key }) => outcomes.get(key.reveal()) ?? 'unknown');
  }

  /** The reports of what can be a key at all, once each: the rest costs no look-up. */
  #wellFormed(reports: readonly LeakReport[]): LeakReport[] {
    const byText = new Map(reports.map((report) => [report.key.reveal(), report]));
    return [...byText.values()].filter(({ key }) =>
      isWellFormedKey(key.reveal(), this.config.keyBrand),
    );
  }

  #byDigest(reports: readonly LeakReport[]): Map<SecretDigest, LeakReport> {
    return new Map(
      reports.flatMap((report) =>
        digestsOf(report.key.reveal(), this.pepper).map((digest) => [digest, report] as const),
      ),
    );
  }
}
