import type { UsageRecord } from './usage-record.js';

/** Writes usage down so that it outlives this process. */
export abstract class UsageRecorder {
  /**
   * Call it once per request, and hold the response's last byte back until `written` is called: then a `kill -9` no
   * longer loses the record, and it reaches PostgreSQL within about 200 ms, exactly once. That is at the end of the
   * current turn of the event loop, so that calls which end together share one write. The record itself is done with
   * when `record` returns; its `caller` and `route` are best the same objects for each call of the same key and route.
   * @param written gets `null`, or why it could not be written (disk full, I/O error). It must not throw.
   */
  abstract record(record: UsageRecord, written: (error: Error | null) => void): void;

  /**
   * Whether a record could be written now. Ask before an upstream is called, and refuse when it is `false`. Costs
   * nothing. It turns `false` while there is still room for the records of calls in flight.
   */
  abstract get isHealthy(): boolean;
}
