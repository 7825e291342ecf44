import type { UsageRecord } from '../usage-record.js';

/** One call, as it is stored. */
export type UsageEvent = Omit<UsageRecord, 'caller' | 'route' | 'occurredAtMs'> & {
  readonly keyId: string;
  readonly occurredAt: Date;
  readonly model: string;
  /** Empty, as the next one, when no provider was reached. */
  readonly provider: string;
  readonly upstreamModel: string;
  readonly priceVersion: string | null;
};

/** What calls must have to be found. Absent: anything. */
export type EventFilter = {
  readonly keyId?: string;
  readonly model?: string;
  readonly provider?: string;
  /** Both included. */
  readonly statuses?: readonly [from: number, to: number];
  readonly outcome?: UsageRecord['outcome'];
  readonly minCostNanos?: bigint;
  readonly minLatencyMs?: number;
  /** A bit mask: all of them. */
  readonly features?: number;
};

/** Behind the call of this time and id, in an order that begins with the newest. */
export type EventPosition = { readonly createdAt: Date; readonly id: string };

export type EventSearch = {
  readonly filter: EventFilter;
  /** Included. */
  readonly from: Date;
  /** Excluded. */
  readonly to: Date;
  readonly after: EventPosition | null;
  readonly limit: number;
};

export type FoundEvents = {
  /** Newest first. */
  readonly events: UsageEvent[];
  /** Where to go on when it was given up early, since few calls match; `null` when it was not. */
  readonly reached: EventPosition | null;
};

/** The calls that were recorded. Includes those of this instance, unless PostgreSQL takes longer than a second to store them. */
export abstract class UsageEvents {
  /** @throws {AppError} `invalid_request` when the search is too broad to get anywhere */
  abstract search(organizationId: string, search: EventSearch): Promise<FoundEvents>;

  /** @param occurredAt where it is known, to the second; else the id says about when it was */
  abstract find(
    organizationId: string,
    id: string,
    occurredAt: Date | null,
  ): Promise<UsageEvent | null>;
}
