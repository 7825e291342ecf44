import { Injectable } from '@nestjs/common';

import { KeyUsageTotalsRepository } from './key-usage-totals.repository.js';
import { UsageShipper } from './usage-shipper.service.js';
import { type KeyUsageTotals, UsageTotals } from './usage-totals.port.js';

/** How long a reader waits for its own writes. */
const FLUSH_MS = 1_000;
const NO_USAGE: KeyUsageTotals = {
  requests: 0,
  inputTokens: 0,
  outputTokens: 0,
  costNanos: 0n,
  lastUsedAt: null,
};

@Injectable()
export class ReadKeyUsageService extends UsageTotals {
  constructor(
    private readonly shipper: UsageShipper,
    private readonly totals: KeyUsageTotalsRepository,
  ) {
    super();
  }

  override async ofKey(organizationId: string, keyId: string): Promise<KeyUsageTotals> {
    await this.shipper.flush(FLUSH_MS);
    return (await this.totals.findOfKey(organizationId, keyId)) ?? NO_USAGE;
  }

  override lastUsedAt(
    organizationId: string,
    keyIds: readonly string[],
  ): Promise<Map<string, Date>> {
    return this.totals.findLastUsedAt(organizationId, keyIds);
  }
}
