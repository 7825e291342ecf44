import type { Metric, Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;
type Value = { readonly metricName: string; readonly labels: Labels; readonly value: number };

/** The observations of one set of labels. Whoever observes keeps it, so an observation is a few comparisons. */
export class Buckets {
  readonly counts: number[];
  sum = 0;

  constructor(
    readonly labels: Labels,
    private readonly bounds: readonly number[],
  ) {
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    counts[at] = (counts[at] as number) + 1;
    this.sum += value;
  }
}

/**
 * A histogram for what is observed with every call: prom-client's own looks the labels up anew each time, which takes
 * about a microsecond.
 */
export class BucketHistogram {
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly name: string;
  readonly help: string;
  readonly #bounds: readonly number[];
  readonly #children: Buckets[] = [];

  /** @param options.buckets upper bounds, rising; there is one more without a bound */
  constructor(
    options: { readonly name: string; readonly help: string; readonly buckets: readonly number[] },
    registry: Registry,
  ) {
    this.name = options.name;
    this.help = options.help;
    this.#bounds = options.buckets;
    // All that the registry asks of a metric is its name and `get`.
    registry.registerMetric(this as unknown as Metric);
  }

  /** Call it once for each set of labels. */
  open(labels: Labels): Buckets {
    const child = new Buckets(labels, this.#bounds);
    this.#children.push(child);
    return child;
  }

  get(): { name: string; help: string; type: string; aggregator: string; values: Value[] } {
    const { name, help, type, aggregator } = this;
    return {
      name,
      help,
      type,
      aggregator,
      values: this.#children.flatMap((child) => this.#valuesOf(child)),
    };
  }

  #valuesOf({ labels, counts, sum }: Buckets): Value[] {
    let count = 0;
    const values: Value[] = counts.map((own, at) => {
      count += own;
      const le = at < this.#bounds.length ? String(this.#bounds[at]) : '+Inf';
      return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count };
    });
    values.push({ metricName: `${this.name}_sum`, labels, value: sum });
    values.push({ metricName: `${this.name}_count`, labels, value: count });
    return values;
  }
}
