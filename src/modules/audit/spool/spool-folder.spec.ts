import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QueryFailedError } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createLogger } from '#platform/observability/logger.js';

import type { AuditEntryRepository } from '../trail/audit-entry.repository.js';
import type { EntryLine } from '../trail/entry-line.js';
import { ShipEntriesService } from './ship-entries.service.js';
import { SpoolFolder } from './spool-folder.js';
import { readLine, writeLine } from './spool-line.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-audit-spool-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const entry = (id: string): EntryLine => ({ id, reason: 'a\nb' });

/** PostgreSQL, that can be away, and refuses some. */
class FakeTable {
  isAway = false;
  readonly ids: string[] = [];

  insert(lines: readonly EntryLine[]): Promise<void> {
    if (this.isAway) return Promise.reject(new Error('It is away.'));
    if (lines.some(({ id }) => id === 'bad')) {
      const refusal = Object.assign(new Error('bad'), { code: '22P05' });
      return Promise.reject(new QueryFailedError('INSERT', [], refusal));
    }
    this.ids.push(...lines.map(({ id }) => id).filter((id) => !this.ids.includes(id)));
    return Promise.resolve();
  }
}

function shipperOf(folder: SpoolFolder, table: FakeTable): ShipEntriesService {
  const entries = table as unknown as AuditEntryRepository;
  return new ShipEntriesService(folder, entries, createLogger('silent'));
}

describe('a line', () => {
  it('is read as it was written, and no other is', () => {
    const line = writeLine(entry('aud_1')).toString();
    expect(readLine(line.trimEnd())).toEqual(entry('aud_1'));
    expect(readLine(line.trimEnd().replace('aud_1', 'aud_2'))).toBeNull();
    expect(readLine('')).toBeNull();
  });
});

describe('what is spooled', () => {
  it('is shipped once it can be, and its files are gone then', async () => {
    const folder = new SpoolFolder(directory);
    const table = new FakeTable();
    const shipper = shipperOf(folder, table);
    folder.append(writeLine(entry('aud_1')));
    table.isAway = true;
    await expect(shipper.flush()).rejects.toThrow('It is away.');
    folder.append(writeLine(entry('aud_2')));
    table.isAway = false;
    await shipper.flush();
    expect(table.ids).toEqual(['aud_1', 'aud_2']);
    expect(readdirSync(directory)).toEqual([]);
    expect(folder.unshippedBytes).toBe(0);
  });

  it('is there for the next process, but for a line that was never written to its end', async () => {
    const first = new SpoolFolder(directory);
    first.append(writeLine(entry('aud_1')));
    const [name] = readdirSync(directory);
    appendFileSync(join(directory, name ?? ''), writeLine(entry('aud_2')).subarray(0, 20));
    const table = new FakeTable();
    const next = new SpoolFolder(directory);
    next.append(writeLine(entry('aud_3')));
    await shipperOf(next, table).flush();
    expect(table.ids).toEqual(['aud_1', 'aud_3']);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is put aside where it is damaged, or refused for what it is, and all else is shipped', async () => {
    const folder = new SpoolFolder(directory);
    const table = new FakeTable();
    folder.append(writeLine(entry('aud_1')));
    folder.append(Buffer.from('deadbeef {"id":"aud_2"}\n'));
    folder.append(writeLine(entry('bad')));
    folder.append(writeLine(entry('aud_3')));
    await shipperOf(folder, table).flush();
    expect(table.ids).toEqual(['aud_1', 'aud_3']);
    expect(readdirSync(directory).sort()).toEqual(['corrupt.log', 'rejected.log']);
    expect(readFileSync(join(directory, 'corrupt.log'), 'utf8')).toContain('aud_2');
    expect(readFileSync(join(directory, 'rejected.log'), 'utf8')).toContain('"bad"');
  });
});
