import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  CorruptLineError,
  decodeLine,
  encodeLine,
  MAX_LINE_BYTES,
  type UsageRecord,
} from './usage-record.js';

const RECORD: UsageRecord = {
  id: 'req_0000000000000000000001',
  organizationId: 'org_1',
  keyId: 'key_1',
  occurredAtMs: 1_763_700_200_123,
  surface: 'chat.completions',
  model: 'gpt-5 "mini" é 漢 😀',
  provider: 'openai',
  upstreamModel: 'gpt-5-mini-2026-01-01',
  status: 200,
  outcome: 'completed',
  stream: true,
  inputTokens: 12,
  cachedInputTokens: 3,
  outputTokens: 45,
  reasoningTokens: 6,
  usageSource: 'upstream',
  costNanos: 9_007_199_254_740_993n,
  priceVersion: 'rte_1@7',
  latencyMs: 1_234,
  firstByteMs: 56,
};

function encode(record: UsageRecord): Buffer {
  const buffer = Buffer.alloc(MAX_LINE_BYTES);
  return buffer.subarray(0, encodeLine(record, buffer));
}

const decode = (line: Buffer): UsageRecord => decodeLine(line, 0, line.length - 1).record;

describe('a usage line', () => {
  it('gives back every field, money beyond 2^53 included', () => {
    expect(decode(encode(RECORD))).toEqual(RECORD);
    const bare = { ...RECORD, priceVersion: null, firstByteMs: null };
    expect(decode(encode(bare))).toEqual(bare);
  });

  it('is the checksum, a space, JSON with a version, and one newline at the end', () => {
    const line = encode(RECORD).toString();
    expect(line).toMatch(/^[0-9a-f]{8} \{"v":1,.*\}\n$/);
    expect(line.indexOf('\n')).toBe(line.length - 1);
  });

  it('does not decode with any one byte changed, or cut anywhere', () => {
    const line = encode(RECORD);
    for (let index = 0; index < line.length - 1; index++) {
      const damaged = Buffer.from(line);
      damaged[index] = (damaged[index] as number) ^ 0x04;
      expect(() => decode(damaged)).toThrow(CorruptLineError);
      expect(() => decodeLine(line, 0, index)).toThrow(CorruptLineError);
    }
  });

  it('is read by this version when a later one added a field', () => {
    const buffer = Buffer.alloc(MAX_LINE_BYTES);
    const extended = Object.assign({}, RECORD, { toJSON: undefined });
    const end = encodeLine(extended, buffer);
    const json = buffer.toString('utf8', 9, end - 1).replace('{"v":1,', '{"v":2,"later":[1],');
    expect(decode(withChecksum(json))).toEqual(RECORD);
  });

  it('that is no record is corrupt even if its checksum is right', () => {
    expect(() => decode(withChecksum('{"v":1}'))).toThrow(CorruptLineError);
    expect(() => decode(withChecksum('nonsense'))).toThrow(CorruptLineError);
  });

  it('keeps a record whose model name PostgreSQL could not store', () => {
    const model = `a\0b\ud800c${'x'.repeat(10_000)}`;
    const stored = decode(encode({ ...RECORD, model })).model;
    expect(stored.startsWith('a\uFFFDb\uFFFDcx')).toBe(true);
    expect(stored.length).toBeLessThanOrEqual(256);
  });

  it('keeps a record whose durations are fractions, negative or none', () => {
    const record = { ...RECORD, latencyMs: 12.6, firstByteMs: -3 };
    expect(decode(encode(record))).toMatchObject({ latencyMs: 13, firstByteMs: 0 });
    expect(decode(encode({ ...RECORD, latencyMs: NaN })).latencyMs).toBe(0);
  });

  it('never exceeds its bound and has no newline inside, whatever the texts', () => {
    const unit = fc.constantFrom('a', '"', '\\', '\n', '\0', '\ud800', 'é', '😀', '\u2028', '\x7f');
    const text = fc.string({ unit, maxLength: 300 });
    fc.assert(
      fc.property(text, text, text, (model, provider, priceVersion) => {
        const line = encode({ ...RECORD, id: model, model, provider, priceVersion });
        expect(line.indexOf(0x0a)).toBe(line.length - 1);
        decode(line);
      }),
      { numRuns: 25 },
    );
    const worst = '\u0001'.repeat(300);
    const texts = { id: worst, organizationId: worst, keyId: worst, surface: worst, model: worst };
    const more = { provider: worst, upstreamModel: worst, priceVersion: worst };
    expect(encode({ ...RECORD, ...texts, ...more }).length).toBeLessThan(MAX_LINE_BYTES);
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
