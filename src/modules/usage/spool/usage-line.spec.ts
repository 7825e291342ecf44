import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { jsonOfVersion1, sealed } from '../../../../test/support/usage-lines.js';
import type { UsageRecord } from '../usage-record.js';
import { LineBatch } from './line-batch.js';
import { LineBuffer } from './line-buffer.js';
import { type LineField, MAX_LINE_BYTES, readFields } from './usage-line.js';

const RECORD: UsageRecord = {
  id: 'req_0000000000000000000001',
  caller: { organizationId: 'org_1', keyId: 'key_1' },
  route: {
    model: 'gpt-5 "mini" é\t漢\n😀\\t',
    provider: 'openai',
    upstreamModel: 'gpt-5-mini-2026-01-01',
    priceVersion: 'rte_1@7',
  },
  occurredAtMs: 1_763_700_200_123,
  surface: 'chat.completions',
  status: 200,
  outcome: 'completed',
  stream: true,
  inputTokens: 12,
  cachedInputTokens: 3,
  outputTokens: 45,
  reasoningTokens: 6,
  usageSource: 'upstream',
  costNanos: 9_007_199_254_740_993n,
  latencyMs: 1_234,
  firstByteMs: 56,
  features: 3,
};

/** As the first lines of version 1 were written, before their time came first. */
const OLD_LINE =
  '{"v":1,"id":"req_0000000000000000000001","org":"org_1","key":"key_1","at":1763700200123' +
  ',"surface":"chat.completions","model":"gpt-5 \\"mini\\" é\\t漢\\n😀\\\\t","provider":"openai"' +
  ',"upstream":"gpt-5-mini-2026-01-01","status":200,"outcome":"completed","stream":true,"in":12' +
  ',"cached":3,"out":45,"reasoning":6,"source":"upstream","cost":"9007199254740993"' +
  ',"price":"rte_1@7","ms":1234,"first":56}';

function encode(record: UsageRecord): Buffer {
  const buffer = new LineBuffer(MAX_LINE_BYTES);
  buffer.add(record);
  return buffer.bytes.subarray(0, buffer.length);
}

/** What is wrong with the line, or what it says. */
function read(line: Buffer, end = line.length - 1): string | UsageRecord {
  const batch = new LineBatch(line, { segment: 1, offset: 0 });
  const reason = batch.add(0, end);
  if (reason !== null) return reason;
  const fields = readFields(batch.lineAt(0).fields);
  expect(batch.times).toEqual([fields.at === null ? NaN : Number(fields.at)]);
  return toRecord(fields);
}

function decode(line: Buffer): UsageRecord {
  const record = read(line);
  if (typeof record === 'string') throw new Error(record);
  return record;
}

/** Of records that went through one and the same buffer. */
function decodeAll(records: readonly UsageRecord[]): UsageRecord[] {
  const buffer = new LineBuffer(2 * MAX_LINE_BYTES);
  return records.map((record) => {
    if (!buffer.hasRoom) buffer.clear();
    const start = buffer.length;
    buffer.add(record);
    return decode(buffer.bytes.subarray(start, buffer.length));
  });
}

function toRecord(fields: Record<LineField, string | null>): UsageRecord {
  const text = (name: LineField): string => String(fields[name]);
  const figure = (name: LineField): number => Number(fields[name] ?? NaN);
  return {
    id: text('id'),
    caller: { organizationId: text('org'), keyId: text('key') },
    route: {
      model: text('model'),
      provider: text('provider'),
      upstreamModel: text('upstream'),
      priceVersion: fields.price,
    },
    occurredAtMs: figure('at'),
    surface: text('surface'),
    status: figure('status'),
    outcome: text('outcome') as UsageRecord['outcome'],
    stream: fields.stream === 'true',
    inputTokens: figure('in'),
    cachedInputTokens: figure('cached'),
    outputTokens: figure('out'),
    reasoningTokens: figure('reasoning'),
    usageSource: text('source') as UsageRecord['usageSource'],
    costNanos: BigInt(text('cost')),
    latencyMs: figure('ms'),
    firstByteMs: fields.first === null ? null : figure('first'),
    features: Number(fields.features ?? 0),
  };
}

function withModel(model: string): UsageRecord {
  return { ...RECORD, route: { ...RECORD.route, model } };
}

describe('a usage line', () => {
  it('gives back every field, money beyond 2^53 included', () => {
    expect(decode(encode(RECORD))).toEqual(RECORD);
    const route = { ...RECORD.route, priceVersion: null };
    const bare = { ...RECORD, route, firstByteMs: null };
    expect(decode(encode(bare))).toEqual(bare);
  });

  it('tells every way apart in which a call may end', () => {
    for (const outcome of ['completed', 'failed', 'aborted'] as const) {
      for (const usageSource of ['upstream', 'counted', 'none'] as const) {
        for (const stream of [true, false]) {
          const record = { ...RECORD, outcome, usageSource, stream };
          expect(decode(encode(record))).toEqual(record);
        }
      }
    }
  });

  it('is of the caller and the route that it was made with, remembered or not', () => {
    const callers = ['a', 'b'].map((name) => ({ organizationId: `org_${name}`, keyId: name }));
    const routes = ['a', 'b'].map((model) => ({ ...RECORD.route, model }));
    const surfaces = ['embeddings', 'chat.completions'];
    for (let round = 0; round < 16; round++) {
      const caller = callers[round & 1]!;
      const route = routes[(round >> 1) & 1]!;
      const record = { ...RECORD, caller, route, surface: surfaces[(round >> 2) & 1]! };
      expect(decode(encode(record))).toEqual(record);
      const fresh = { ...record, caller: { ...caller }, route: { ...route } };
      expect(encode(fresh)).toEqual(encode(record));
    }
  });

  it('survives more surfaces and statuses than there are', () => {
    const many = Array.from({ length: 600 }, (_, index) => index);
    const records = [
      ...many.map((status) => ({ ...RECORD, status })),
      ...many.slice(0, 100).map((number) => ({ ...RECORD, surface: `surface-${number}` })),
    ];
    expect(decodeAll(records)).toEqual(records);
  });

  it('has its own time, whichever the line before it had', () => {
    const second = 1_763_700_200_000;
    const near = fc.integer({ min: second - 1_500, max: second + 1_500 });
    const small = fc.integer({ min: -2_500, max: 2_500 });
    const far = fc.constantFrom(0, 999, 1_000, 2 ** 31, 1e9, 2 ** 53 - 1, 2 ** 53 - 2, -second);
    fc.assert(
      fc.property(fc.array(fc.oneof(near, small, far), { maxLength: 20 }), (times) => {
        const records = times.map((occurredAtMs) => ({ ...RECORD, occurredAtMs }));
        expect(decodeAll(records).map(({ occurredAtMs }) => occurredAtMs)).toEqual(times);
      }),
    );
  });

  it('is the checksum, a space, the fields in their order, and one newline at the end', () => {
    const line = encode(RECORD).toString();
    expect(line.slice(9)).toBe(
      '1763700200123\treq_0000000000000000000001\torg_1\tkey_1' +
        '\tgpt-5 "mini" é\\t漢\\n😀\\st\topenai\tgpt-5-mini-2026-01-01\trte_1@7' +
        '\tchat.completions\t200\tcompleted\ttrue\tupstream\t12\t3\t45\t6\t9007199254740993\t1234\t56\t3\n',
    );
    expect(line.slice(0, 8)).toBe(crc32Hex(line.slice(9, -1)));
  });

  it('tells what is NULL from what only looks like it', () => {
    for (const priceVersion of [null, '', '~', '\\~', '~~', 'null', '\\N']) {
      const record = {
        ...RECORD,
        id: priceVersion ?? '',
        route: { ...RECORD.route, priceVersion },
      };
      expect(decode(encode(record))).toEqual(record);
    }
  });

  it('does not decode with any one byte changed, or cut anywhere', () => {
    const line = encode(RECORD);
    for (let index = 0; index < line.length - 1; index++) {
      const damaged = Buffer.from(line);
      damaged[index] = (damaged[index] as number) ^ 0x04;
      expect(read(damaged)).toMatch(/torn|checksum/);
      expect(read(line, index)).toMatch(/torn|checksum/);
    }
    expect(
      read(Buffer.from(line.toString().replace(/^[0-9a-f]+/, (crc) => crc.toUpperCase()))),
    ).toBe('the checksum does not match');
  });

  it('is read by this version when a later one added a field', () => {
    const fields = encode(RECORD).toString().slice(9, -1);
    expect(decode(withChecksum(`${fields}\tlater`))).toEqual(RECORD);
  });

  it('of version 1 is read, in whatever order its fields are', () => {
    const old = { ...RECORD, features: 0 };
    expect(decode(withChecksum(OLD_LINE))).toEqual(old);
    expect(decode(withChecksum(OLD_LINE.replace('{', '{"later":[1],')))).toEqual(old);
  });

  it('of version 1 becomes, in its place, the line that this version writes', () => {
    const unit = fc.constantFrom('a', '~', '"', '\\', '\t', '\n', 'N', '\0', '\ud800', 'é', '😀');
    const text = fc.string({ unit, maxLength: 300 });
    const figure = fc.nat();
    fc.assert(
      fc.property(
        text,
        text,
        fc.option(text),
        fc.option(figure),
        (id, model, price, firstByteMs) => {
          const route = { ...RECORD.route, model, priceVersion: price };
          const record = { ...RECORD, id, route, firstByteMs, surface: model };
          const line = withChecksum(jsonOfVersion1(record));
          const batch = new LineBatch(line, { segment: 1, offset: 0 });
          expect(batch.add(0, line.length - 1)).toBeNull();
          const ours = encode(record).toString().slice(9, -1);
          expect(`${batch.lineAt(0).fields}\t${record.features}`).toBe(ours);
          expect(batch.toRows(new Set()).text.toString()).toBe(batch.lineAt(0).fields);
        },
      ),
    );
  });

  it('that is no record is corrupt even if its checksum is right', () => {
    const bodies = [
      '{"v":1}',
      'nonsense',
      '{"v":1,"at":,',
      OLD_LINE.replace(',"ms":1234', ''),
      '12',
      '~',
      '-',
    ];
    for (const body of [...bodies, '{', '\t1', `${'1'.repeat(17)}\treq_1`, ' 12\treq_1']) {
      expect(read(withChecksum(body))).toMatch('not a record');
    }
    const noText = Buffer.from(OLD_LINE.replace('openai', '\xff'), 'latin1');
    expect(read(Buffer.concat([sealed(noText), Buffer.from('\n')]))).toMatch('not a record');
  });

  it('tells a time that is none, negative, or far away', () => {
    for (const at of [
      0, -1, -1_763_700_200_123, 999_999_999, 1_000_000_000, 9_999_999_999_999_998,
    ]) {
      expect(decode(encode({ ...RECORD, occurredAtMs: at })).occurredAtMs).toBe(at);
    }
    const batch = new LineBatch(encode({ ...RECORD, occurredAtMs: NaN }), {
      segment: 1,
      offset: 0,
    });
    expect(batch.add(0, encode({ ...RECORD, occurredAtMs: NaN }).length - 1)).toBeNull();
    expect(batch.times).toEqual([NaN]);
  });

  it('keeps a record whose model name PostgreSQL could not store', () => {
    const stored = decode(encode(withModel(`a\0b\ud800c${'x'.repeat(10_000)}`))).route.model;
    expect(stored.startsWith('a\uFFFDb\uFFFDcx')).toBe(true);
    expect(stored.length).toBeLessThanOrEqual(256);
  });

  it('keeps a record whose durations are fractions, negative or none', () => {
    const record = { ...RECORD, latencyMs: 12.6, firstByteMs: -3 };
    expect(decode(encode(record))).toMatchObject({ latencyMs: 13, firstByteMs: 0 });
    expect(decode(encode({ ...RECORD, latencyMs: NaN })).latencyMs).toBe(0);
    expect(decode(encode({ ...RECORD, latencyMs: 1e12 })).latencyMs).toBe(2 ** 31 - 1);
  });

  it('says each figure as it is, whatever that is', () => {
    const whole = fc.oneof(fc.nat(), fc.maxSafeInteger(), fc.constantFrom(0, 9, 10, 999_999_999));
    const figure = fc.oneof(whole, fc.double(), fc.constantFrom(1e9, 2 ** 53 - 1, -0, NaN, 1e300));
    const money = fc.oneof(fc.bigInt(), fc.bigInt({ min: 0n, max: 2n ** 54n }));
    fc.assert(
      fc.property(figure, figure, money, (status, inputTokens, costNanos) => {
        const read = decode(encode({ ...RECORD, status, inputTokens, costNanos }));
        // What is no number is NULL, and a zero has no sign.
        const expected = [status, inputTokens].map((value) =>
          Number.isFinite(value) ? value + 0 : NaN,
        );
        expect([read.status, read.inputTokens]).toEqual(expected);
        expect(read.costNanos).toBe(costNanos);
      }),
    );
  });

  it('never exceeds its bound and has no newline inside, whatever the texts', () => {
    const special = ['~', '"', '\\', '\t', '\n', '\0', '\ud800', '\u2028', '\x7f'];
    const unit = fc.constantFrom('a', 's', 't', 'n', 'é', '😀', ...special);
    const text = fc.string({ unit, maxLength: 300 });
    fc.assert(
      fc.property(text, text, text, (model, provider, priceVersion) => {
        const route = { ...RECORD.route, model, provider, priceVersion };
        const line = encode({ ...RECORD, id: model, surface: provider, route });
        expect(line.indexOf(0x0a)).toBe(line.length - 1);
        const record = decode(line);
        expect(record.id).toBe(record.route.model);
        expect(record.id).toBe(
          Buffer.from(model.slice(0, 256)).toString().replaceAll('\0', '\uFFFD'),
        );
      }),
      { numRuns: 50 },
    );
    const worst = '漢'.repeat(300);
    const caller = { organizationId: worst, keyId: worst };
    const route = { model: worst, provider: worst, upstreamModel: worst, priceVersion: worst };
    const texts = { id: worst, surface: worst, caller, route };
    const line = encode({ ...RECORD, ...texts, costNanos: 10n ** 5_000n });
    expect(line.length).toBeLessThan(MAX_LINE_BYTES);
    decode(line);
  });
});

function withChecksum(body: string): Buffer {
  return Buffer.from(`${crc32Hex(body)} ${body}\n`);
}

/** CRC-32 (IEEE 802.3, reflected, 0xEDB88320), written out so that the test does not trust the code's own. */
function crc32Hex(text: string): string {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0');
}
