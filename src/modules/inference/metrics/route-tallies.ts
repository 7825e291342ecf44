import type { BucketHistogram, Buckets } from '#platform/observability/bucket-histogram.js';
import type { UsageRecord, UsageRoute } from '#modules/usage/index.js';

import type { UsageFigures } from '../metering/usage-figures.js';
import type { Surface } from '../surface.js';
import type { Target } from '../upstream/provider-adapter.js';
import { type RouteLabels, RouteNames } from './route-labels.js';

/** A call that has ended, as far as it is counted. */
export type EndedCall = {
  readonly status: number;
  readonly outcome: UsageRecord['outcome'];
  readonly usage: UsageFigures;
  readonly costNanos: bigint;
  readonly latencyMs: number;
  readonly firstByteMs: number | null;
};

/** All calls of one surface and route since the process began. */
export class RouteTally {
  /** By hundreds of the status. */
  readonly byClass = [0, 0, 0, 0, 0, 0];
  /** Failed calls by the status that the client got. */
  readonly failures = new Map<number, number>();
  readonly byOutcome = { completed: 0, failed: 0, aborted: 0 };
  readonly tokens = { input: 0, cached_input: 0, output: 0, reasoning: 0 };
  costNanos = 0;

  constructor(
    readonly labels: RouteLabels & { readonly surface: string },
    private readonly duration: Buckets,
    private readonly firstByte: Buckets,
  ) {}

  add(call: EndedCall): void {
    const { status, outcome, usage, firstByteMs } = call;
    const ofClass = Math.floor(status / 100);
    this.byClass[ofClass] = (this.byClass[ofClass] ?? 0) + 1;
    this.byOutcome[outcome]++;
    if (outcome === 'failed') this.failures.set(status, (this.failures.get(status) ?? 0) + 1);
    const { tokens } = this;
    tokens.input += usage.inputTokens;
    tokens.cached_input += usage.cachedInputTokens;
    tokens.output += usage.outputTokens;
    tokens.reasoning += usage.reasoningTokens;
    this.costNanos += Number(call.costNanos);
    this.duration.observe(call.latencyMs / 1_000);
    if (firstByteMs !== null) this.firstByte.observe(firstByteMs / 1_000);
  }
}

export type LatencyHistograms = {
  readonly duration: BucketHistogram;
  readonly firstByte: BucketHistogram;
};

/** Finds the tally of a call: by the object of its route, which is the same for all its calls. */
export class RouteTallies {
  readonly #byRoute = new WeakMap<UsageRoute, Map<Surface, RouteTally>>();
  /** By name: a route that was read anew goes on with its tally. Bounded by the names. */
  readonly #byName = new Map<string, RouteTally>();
  readonly #names = new RouteNames();

  constructor(private readonly histograms: LatencyHistograms) {}

  get all(): Iterable<RouteTally> {
    return this.#byName.values();
  }

  of(surface: Surface, target: Target): RouteTally {
    // Each call to the sandbox has a route object of its own.
    if (target.endpoint === null) return this.#named(surface, target);
    let ofRoute = this.#byRoute.get(target.route);
    const known = ofRoute?.get(surface);
    if (known) return known;
    if (!ofRoute) this.#byRoute.set(target.route, (ofRoute = new Map<Surface, RouteTally>()));
    const tally = this.#named(surface, target);
    ofRoute.set(surface, tally);
    return tally;
  }

  #named({ name: surface }: Surface, target: Target): RouteTally {
    const { provider, model } = this.#names.labelsOf(target);
    const name = `${surface} ${provider} ${model}`;
    let tally = this.#byName.get(name);
    if (!tally) {
      const labels = { surface, provider, model };
      const { duration, firstByte } = this.histograms;
      tally = new RouteTally(labels, duration.open(labels), firstByte.open(labels));
      this.#byName.set(name, tally);
    }
    return tally;
  }
}
