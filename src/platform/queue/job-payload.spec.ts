import { IsInt, IsOptional, IsString, Length } from 'class-validator';
import { describe, expect, it } from 'vitest';

import { assertPayloadSize, InvalidJobPayloadError, parsePayload } from './job-payload.js';

class RevokeJob {
  @IsString()
  @Length(1, 20)
  keyId: string;

  @IsOptional()
  @IsInt()
  attempt?: number;
}

class RollUpJob {
  readonly withoutRules?: string;
}

describe('parsePayload', () => {
  it('answers an instance of the class, without fields of a newer release', () => {
    const job = parsePayload('keys.revoke', RevokeJob, { keyId: 'key_1', addedLater: true });
    expect(job).toBeInstanceOf(RevokeJob);
    expect(job).toEqual({ keyId: 'key_1' });
  });

  it('takes an empty payload where the class has no rules', () => {
    expect(parsePayload('usage.roll-up', RollUpJob, {})).toBeInstanceOf(RollUpJob);
  });

  it.each([null, 'key_1', 7, ['key_1']])('refuses %j, which is no object', (data) => {
    expect(() => parsePayload('keys.revoke', RevokeJob, data)).toThrow(InvalidJobPayloadError);
  });

  it('names the wrong fields and their rules but not their values', () => {
    const parse = (): RevokeJob =>
      parsePayload('keys.revoke', RevokeJob, { keyId: 'k'.repeat(21), attempt: 'secret' });
    expect(parse).toThrow('The payload of keys.revoke is not valid: keyId isLength; attempt isInt');
  });
});

describe('assertPayloadSize', () => {
  it('takes 4 KiB of JSON and not a byte more', () => {
    const ofBytes = (bytes: number): object => ({ id: 'x'.repeat(bytes - '{"id":""}'.length) });
    expect(() => assertPayloadSize('keys.revoke', ofBytes(4_096))).not.toThrow();
    expect(() => assertPayloadSize('keys.revoke', ofBytes(4_097))).toThrow(RangeError);
  });
});
