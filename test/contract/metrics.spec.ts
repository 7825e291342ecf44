import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { MODEL, type Stage, startStage } from '../api/inference/inference.harness.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What Prometheus adds by itself. */
const ADDED_LABELS = ['instance', 'job'];

type Shown = { readonly kind: string; readonly labels: ReadonlySet<string> };

let stage: Stage;
/** All that `/metrics` shows after some traffic, by name; the labels are those of the samples. */
const shown = new Map<string, Shown>();
beforeAll(async () => {
  stage = await startStage();
  await causeTraffic();
  const text = (await stage.app.call('GET', '/metrics')).body as string;
  for (const [, name = '', kind = ''] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const labels = new Set<string>();
    const samples = new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\} `, 'gm');
    for (const [, list = ''] of text.matchAll(samples)) {
      for (const [, label = ''] of list.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) labels.add(label);
    }
    shown.set(name, { kind, labels });
  }
});
afterAll(() => stage.close());

/** So that metrics with labels have samples. */
async function causeTraffic(): Promise<void> {
  const { app, upstream, chat } = stage;
  const key = await app.keyWith({ rate_limits: { requests: { per_minute: 1 } } });
  await chat({}, { key });
  await chat({}, { key });
  upstream.behave((response) => void response.writeHead(500).end());
  await chat();
}

/** The metric that a series belongs to. */
function metricOf(series: string): string {
  const base = series.replace(/_(?:bucket|sum|count)$/, '');
  return shown.get(base)?.kind === 'histogram' ? base : series;
}

describe('docs/operations.md', () => {
  type Row = { readonly name: string; readonly kind: string; readonly labels: string[] };
  const rows: Row[] = [
    ...readFileSync(join(ROOT, 'docs/operations.md'), 'utf8').matchAll(
      /^\| `(latchkey_\w+)`\s*\| (\w+)\s*\|([^|]*)\|/gm,
    ),
  ].map(([, name = '', kind = '', labels = '']) => ({
    name,
    kind,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
  }));

  it('lists each metric of our own with its kind, in order, and no other', () => {
    const own = [...shown]
      .filter(([name]) => name.startsWith('latchkey_'))
      .map(([name, { kind }]) => [name, kind])
      .sort();
    expect(rows.map(({ name, kind }) => [name, kind])).toEqual(own);
  });

  it('names the labels that they have', () => {
    for (const { name, labels } of rows) {
      const found = [...(shown.get(name)?.labels ?? [])].filter((label) => label !== 'le');
      if (found.length > 0) expect([name, found.sort()]).toEqual([name, labels.sort()]);
    }
    expect(rows.length).toBeGreaterThan(15);
  });
});

describe('deploy/grafana/latchkey.json', () => {
  type Panel = {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly datasource?: { readonly uid: string };
    readonly gridPos: { readonly x: number; readonly w: number };
    readonly targets?: readonly { readonly expr: string }[];
  };
  type Dashboard = {
    readonly panels: readonly Panel[];
    readonly templating: { readonly list: readonly { readonly name: string; type: string }[] };
  };
  const text = readFileSync(join(ROOT, 'deploy/grafana/latchkey.json'), 'utf8');
  const dashboard = JSON.parse(text) as Dashboard;
  const graphs = dashboard.panels.filter(({ type }) => type !== 'row');
  const queries = [
    ...graphs.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    // Of the variables.
    ...[...text.matchAll(/"query": "label_values\((\w+),/g)].map(([, name]) => `${name}{}`),
  ];

  it('asks for metrics that there are, by labels that they have', () => {
    expect(queries.length).toBeGreaterThan(25);
    for (const query of queries) {
      const selectors = [...query.matchAll(/\b(\w+)\{([^}]*)\}/g)];
      expect([query, selectors.length]).toEqual([query, 1]);
      const [, series = '', matchers = ''] = selectors[0] ?? [];
      const metric = shown.get(metricOf(series));
      expect([query, metric !== undefined]).toEqual([query, true]);
      const grouped = /\bby \(([^)]*)\)/.exec(query)?.[1]?.split(', ') ?? [];
      const matched = [...matchers.matchAll(/(\w+)=~?"/g)].map(([, label = '']) => label);
      const unknown = [...grouped, ...matched].filter(
        (label) => !ADDED_LABELS.includes(label) && !metric?.labels.has(label),
      );
      // What has no sample yet shows no labels.
      if (metric?.labels.size) expect([query, unknown]).toEqual([query, []]);
    }
  });

  it('works with any data source: each graph takes that of the variable', () => {
    expect(dashboard.templating.list).toContainEqual(
      expect.objectContaining({ name: 'datasource', type: 'datasource', query: 'prometheus' }),
    );
    for (const { title, datasource } of graphs) {
      expect([title, datasource?.uid]).toEqual([title, '${datasource}']);
    }
  });

  it('has panels with ids of their own, inside its 24 columns', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    for (const { gridPos } of dashboard.panels)
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });
});

it('no model that a caller of the sandbox thinks of becomes a label', async () => {
  const { app } = stage;
  const key = await app.keyWith({ environment: 'development' });
  await stage.chat({ model: 'thought-up' }, { key });
  const text = (await app.call('GET', '/metrics')).body as string;
  expect(text).toContain(`model="${MODEL}"`);
  expect(text).not.toContain('thought-up');
  expect(text).toContain('model="other"');
});
