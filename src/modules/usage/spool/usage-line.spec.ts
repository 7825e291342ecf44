import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { UsageRecord } from '../usage-record.js';
import { LineBatch } from './line-batch.js';
import { LineBuffer } from './line-buffer.js';
import { MAX_LINE_BYTES, type UsageLine } from './usage-line.js';

const RECORD: UsageRecord = {
  id: 'req_0000000000000000000001',
  caller: { organizationId: 'org_1', keyId: 'key_1' },
  route: {
    model: 'gpt-5 "mini" é 漢 😀',
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
};

/** As lines were written before their time stood at a fixed place. */
const OLD_LINE =
  '{"v":1,"id":"req_0000000000000000000001","org":"org_1","key":"key_1","at":1763700200123' +
  ',"surface":"chat.completions","model":"gpt-5 \\"mini\\" é 漢 😀","provider":"openai"' +
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
  const wire = JSON.parse(batch.lineAt(0).json) as UsageLine;
  expect(batch.times).toEqual([wire.at]);
  return toRecord(wire);
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

function toRecord(wire: UsageLine): UsageRecord {
  return {
    id: wire.id,
    caller: { organizationId: wire.org, keyId: wire.key },
    route: {
      model: wire.model,
      provider: wire.provider,
      upstreamModel: wire.upstream,
      priceVersion: wire.price,
    },
    occurredAtMs: wire.at,
    surface: wire.surface,
    status: wire.status,
    outcome: wire.outcome,
    stream: wire.stream,
    inputTokens: wire.in,
    cachedInputTokens: wire.cached,
    outputTokens: wire.out,
    reasoningTokens: wire.reasoning,
    usageSource: wire.source,
    costNanos: BigInt(wire.cost),
    latencyMs: wire.ms,
    firstByteMs: wire.first,
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

  it('is the checksum, a space, JSON with a version and then the time, and one newline at the end', () => {
    const line = encode(RECORD).toString();
    expect(line).toMatch(/^[0-9a-f]{8} \{"v":1,"at":1763700200123,.*\}\n$/);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(line.slice(0, 8)).toBe(crc32Hex(line.slice(9, -1)));
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

  it('is read when its fields are in another order, as older versions had them', () => {
    expect(decode(withChecksum(OLD_LINE))).toEqual(RECORD);
  });

  it('is read by this version when a later one added a field', () => {
    const json = encode(RECORD).toString().slice(9, -1);
    const later = json.replace('{"v":1,', '{"v":2,"later":[1],');
    expect(decode(withChecksum(later))).toEqual(RECORD);
  });

  it('that is no record is corrupt even if its checksum is right', () => {
    for (const json of [
      '{"v":1}',
      'nonsense',
      '{"v":1,"at":,',
      '{"v":1,"at":12}',
      '{"v":1,"at":12',
    ]) {
      expect(read(withChecksum(json))).toMatch('not a record');
    }
    expect(read(withChecksum(`{"v":1,"at":${'1'.repeat(17)},"id":""}`))).toMatch('not a record');
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
        const asJson = (value: number): unknown => JSON.parse(JSON.stringify(value));
        expect([read.status, read.inputTokens]).toEqual([asJson(status), asJson(inputTokens)]);
        expect(read.costNanos).toBe(costNanos);
      }),
    );
  });

  it('never exceeds its bound and has no newline inside, whatever the texts', () => {
    const unit = fc.constantFrom('a', '"', '\\', '\n', '\0', '\ud800', 'é', '😀', '\u2028', '\x7f');
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
    const worst = '\u0001'.repeat(300);
    const caller = { organizationId: worst, keyId: worst };
    const route = { model: worst, provider: worst, upstreamModel: worst, priceVersion: worst };
    const texts = { id: worst, surface: worst, caller, route };
    const line = encode({ ...RECORD, ...texts, costNanos: 10n ** 5_000n });
    expect(line.length).toBeLessThan(MAX_LINE_BYTES);
    decode(line);
  });
});

function withChecksum(json: string): Buffer {
  return Buffer.from(`${crc32Hex(json)} ${json}\n`);
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
