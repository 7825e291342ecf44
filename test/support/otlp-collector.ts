import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type AttributeValue = {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
};
type AttributeList = readonly { readonly key: string; readonly value: AttributeValue }[];

export type CollectedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number };
  readonly attributes: AttributeList;
};

export type CollectedPoint = {
  readonly attributes: AttributeList;
  readonly count: number;
  readonly sum: number;
  readonly explicitBounds: readonly number[];
};

type Export = {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: AttributeList };
    readonly scopeSpans: readonly { readonly spans: readonly CollectedSpan[] }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly histogram?: { readonly dataPoints: readonly CollectedPoint[] };
      }[];
    }[];
  }[];
};

/** How a collector answers. */
export type Manner = (response: ServerResponse) => void;

export const takes: Manner = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
};
export const refuses: Manner = (response) => void response.writeHead(400).end();
export const isSilent: Manner = () => undefined;

/** An OpenTelemetry collector for OTLP over HTTP as JSON, on a free loopback port. */
export class OtlpCollector {
  readonly exports: Export[] = [];
  /** What came, as it came. */
  readonly bodies: { readonly path: string; readonly type: string; readonly text: string }[] = [];
  #manner = takes;

  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('latin1');
      const type = request.headers['content-type'] ?? '';
      this.bodies.push({ path: request.url ?? '', type, text });
      if (type === 'application/json' && this.#manner === takes) {
        this.exports.push(JSON.parse(text) as Export);
      }
      this.#manner(response);
    });
  });

  static async start(): Promise<OtlpCollector> {
    const collector = new OtlpCollector();
    await new Promise<void>((resolve) => collector.#server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  behave(manner: Manner): void {
    this.#manner = manner;
  }

  get spans(): CollectedSpan[] {
    return this.exports
      .flatMap(({ resourceSpans = [] }) => resourceSpans)
      .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
  }

  /** The service that the spans are of. */
  get services(): unknown[] {
    return this.exports
      .flatMap(({ resourceSpans = [] }) => resourceSpans)
      .map(({ resource }) => attributesOf(resource)['service.name']);
  }

  /** Of the last export of metrics. */
  points(name: string): readonly CollectedPoint[] {
    const last = this.exports.findLast(({ resourceMetrics }) => resourceMetrics);
    return (last?.resourceMetrics ?? [])
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
      .flatMap((metric) => (metric.name === name ? (metric.histogram?.dataPoints ?? []) : []));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function attributesOf({
  attributes,
}: {
  readonly attributes: AttributeList;
}): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, Object.values(value)[0] as unknown]),
  );
}
