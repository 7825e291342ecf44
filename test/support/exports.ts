import type { TestApp } from './app.js';

export type ExportBody = {
  readonly id: string;
  readonly state: string;
  readonly bytes: number;
  readonly failure: string | null;
  readonly progress: { readonly entries_done: number; readonly entries_total: number | null };
  readonly download_url: string | null;
};

const WAIT_MS = 30_000;
const LOOK_MS = 50;

/** Waits until it is neither queued nor running. */
export async function finishedExport(app: TestApp, id: string, key?: string): Promise<ExportBody> {
  const until = Date.now() + WAIT_MS;
  for (;;) {
    const { body } = await app.call('GET', `/v1/exports/${id}`, key === undefined ? {} : { key });
    const one = body as ExportBody;
    if (!['queued', 'running'].includes(one.state)) return one;
    if (Date.now() > until) throw new Error(`The export is not finished: ${JSON.stringify(one)}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

export async function askForExport(
  app: TestApp,
  body: Record<string, unknown>,
  { key, path = '/v1/audit/export' }: { readonly key?: string; readonly path?: string } = {},
): Promise<ExportBody> {
  const asked = await app.call('POST', path, { body, ...(key !== undefined && { key }) });
  if (asked.status !== 202) throw new Error(`No export: ${JSON.stringify(asked.body)}`);
  return asked.body as ExportBody;
}

/** The bytes of a finished export, without a credential. */
export async function exportedBytes(app: TestApp, one: ExportBody): Promise<Buffer> {
  const response = await fetch(app.origin + (one.download_url ?? ''));
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return Buffer.from(await response.arrayBuffer());
}

/** Of an NDJSON export. */
export function entriesIn(bytes: Buffer): Record<string, unknown>[] {
  const lines = bytes.toString('utf8').split('\n');
  return lines.filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>);
}
