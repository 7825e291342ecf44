// @ts-check
import { BENCH_MODEL } from './latchkey.mjs';

const MANY = 1_000_000_000;
const USD = 1_000_000;

/** 13 limits, none of which the bench reaches; with the budget that is set for the key a call takes of 14. */
export const LIMITED_POLICY = {
  permissions: {
    models: {
      allowed: [BENCH_MODEL],
      cost_limits: { [BENCH_MODEL]: { max_requests_per_day: MANY, max_cost_per_day: USD } },
    },
  },
  rate_limits: {
    requests: {
      per_second: 1_000_000,
      per_minute: MANY,
      per_hour: MANY,
      per_day: MANY,
      burst_size: 1_000_000,
    },
    tokens: {
      input_per_minute: MANY * 1_000,
      output_per_minute: MANY * 1_000,
      total_per_day: MANY * 1_000,
    },
    costs: { per_hour_max: USD, per_day_max: USD, per_month_max: USD },
    concurrency: { max_parallel_requests: 10_000 },
  },
};
