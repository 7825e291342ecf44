import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional, type ApiPropertyOptions } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsDate,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateBy,
  type ValidationArguments,
} from 'class-validator';

import { formatUsd, NANOS_PER_USD, parseUsd, usdNumber } from '#common/money/money.js';

import { isMailAddress, MAX_MAIL_ADDRESS_LENGTH } from './mail-address.js';

/**
 * One decorator a field: its validation and its OpenAPI schema are the same statement, so they can't disagree. Every
 * text, list and number has bounds; there is no way to leave them out.
 */
type Common = {
  readonly description: string;
  readonly example?: unknown;
  /** It may be left out; `null` counts as left out. */
  readonly optional?: boolean;
  /** `null` means something of its own. Only together with `optional`. */
  readonly nullable?: boolean;
};

function document(common: Common, schema: Record<string, unknown>): PropertyDecorator {
  const { description, example, optional, nullable } = common;
  const options = {
    description,
    ...(example !== undefined && { example }),
    ...(nullable && { nullable }),
    ...schema,
  } as ApiPropertyOptions;
  return optional
    ? applyDecorators(IsOptional(), ApiPropertyOptional(options))
    : ApiProperty(options);
}

/** No control characters: a name ends up in logs, headers and spreadsheets. */
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const PRINTABLE = /^[^\u0000-\u001f\u007f\u2028\u2029]*$/;

export function Text(
  common: Common & { min?: number; max: number; pattern?: RegExp },
): PropertyDecorator {
  const { min = 1, max, pattern } = common;
  return applyDecorators(
    IsString(),
    Length(min, max),
    Matches(PRINTABLE, { message: '$property must not contain control characters' }),
    ...(pattern ? [Matches(pattern)] : []),
    document(common, {
      type: 'string',
      minLength: min,
      maxLength: max,
      ...(pattern && { pattern: pattern.source }),
    }),
  );
}

/** A bare mail address, without a name. */
export function MailAddress(common: Common): PropertyDecorator {
  return applyDecorators(
    ValidateBy({
      name: 'isMailAddress',
      validator: {
        validate: isMailAddress,
        defaultMessage: () => '$property must be a mail address such as ops@example.com',
      },
    }),
    document(common, {
      type: 'string',
      format: 'email',
      minLength: 3,
      maxLength: MAX_MAIL_ADDRESS_LENGTH,
    }),
  );
}

export function OneOf(common: Common & { values: readonly string[] }): PropertyDecorator {
  return applyDecorators(
    IsIn(common.values),
    document(common, { type: 'string', enum: [...common.values] }),
  );
}

export function TextList(
  common: Common & {
    minItems?: number;
    maxItems: number;
    maxLength?: number;
    values?: readonly string[];
    pattern?: RegExp;
  },
): PropertyDecorator {
  const { minItems = 0, maxItems, maxLength = 256, values, pattern } = common;
  const items = {
    type: 'string',
    ...(values ? { enum: [...values] } : { minLength: 1, maxLength }),
    ...(pattern && { pattern: pattern.source }),
  };
  return applyDecorators(
    IsArray(),
    ArrayMinSize(minItems),
    ArrayMaxSize(maxItems),
    ArrayUnique(),
    ...(values
      ? [IsIn(values, { each: true, message: (wrong) => unknownValue(wrong, values) })]
      : [IsString({ each: true }), Length(1, maxLength, { each: true })]),
    ...(pattern ? [Matches(pattern, { each: true })] : []),
    document(common, { type: 'array', items, minItems, maxItems, uniqueItems: true }),
  );
}

function unknownValue({ value }: ValidationArguments, known: readonly string[]): string {
  const unknown = [value as unknown].flat().find((one) => !known.includes(one as string));
  return `$property can’t hold ${JSON.stringify(unknown).slice(0, 64)}, only ${known.join(', ')}`;
}

export function Flag(common: Common): PropertyDecorator {
  return applyDecorators(IsBoolean(), document(common, { type: 'boolean' }));
}

/** What an organization calls something: it neither begins nor ends with a space. */
export function Name(common: Common): PropertyDecorator {
  return Text({ ...common, max: 128, pattern: /^\S(.*\S)?$/u });
}

export function Int(common: Common & { min: number; max: number }): PropertyDecorator {
  return applyDecorators(
    Type(() => Number),
    IsInt(),
    Min(common.min),
    Max(common.max),
    document(common, { type: 'integer', minimum: common.min, maximum: common.max }),
  );
}

export function IntList(
  common: Common & { maxItems: number; min: number; max: number },
): PropertyDecorator {
  const { maxItems, min, max } = common;
  const each = { each: true };
  return applyDecorators(
    IsArray(),
    ArrayMaxSize(maxItems),
    ArrayUnique(),
    IsInt(each),
    Min(min, each),
    Max(max, each),
    document(common, {
      type: 'array',
      items: { type: 'integer', minimum: min, maximum: max },
      maxItems,
      uniqueItems: true,
    }),
  );
}

/** An amount of USD from 0 to `max` with at most nine places, a decimal string or a number. Read it with `parseUsd`. */
export function Usd(common: Common & { max: number }): PropertyDecorator {
  const maxNanos = BigInt(common.max) * NANOS_PER_USD;
  return applyDecorators(
    IsUsd(maxNanos),
    document(common, {
      oneOf: [
        { type: 'number', minimum: 0, maximum: common.max },
        { type: 'string', pattern: String.raw`^\d{1,12}(\.\d{1,9})?$` },
      ],
    }),
  );
}

function IsUsd(maxNanos: bigint): PropertyDecorator {
  return ValidateBy({
    name: 'isUsd',
    validator: {
      validate: (value: unknown) => {
        const nanos =
          typeof value === 'string' || typeof value === 'number' ? parseUsd(value) : null;
        if (nanos === null || nanos > maxNanos) return false;
        // A number with more places than money has would otherwise be rounded without anybody being told.
        return typeof value === 'string' || usdNumber(nanos) === value;
      },
      defaultMessage: () =>
        `$property must be an amount of USD from 0 to ${formatUsd(maxNanos)} with at most nine places`,
    },
  });
}

/** A number, fractions allowed. */
export function NumberBetween(common: Common & { min: number; max: number }): PropertyDecorator {
  return applyDecorators(
    IsNumber(),
    Min(common.min),
    Max(common.max),
    document(common, { type: 'number', minimum: common.min, maximum: common.max }),
  );
}

/** A number above 0 and at most 1. */
export function Share(common: Common): PropertyDecorator {
  return applyDecorators(
    IsNumber(),
    IsPositive(),
    Max(1),
    document(common, { type: 'number', exclusiveMinimum: 0, maximum: 1 }),
  );
}

/** An ISO 8601 time; a `Date` once validated. */
export function Time(common: Common): PropertyDecorator {
  return applyDecorators(
    Type(() => Date),
    IsDate({ message: '$property must be an ISO 8601 time such as 2027-01-31T00:00:00Z' }),
    document(common, { type: 'string', format: 'date-time' }),
  );
}

/** A JSON object of at most `maxBytes` of JSON; a free one, unless `schema` documents what may stand in it. */
export function JsonObject(
  common: Common & { maxBytes: number; schema?: Readonly<Record<string, unknown>> },
): PropertyDecorator {
  return applyDecorators(
    IsObject(),
    MaxJsonBytes(common.maxBytes),
    document(common, common.schema ?? { type: 'object', additionalProperties: true }),
  );
}

function MaxJsonBytes(maxBytes: number): PropertyDecorator {
  return ValidateBy({
    name: 'maxJsonBytes',
    validator: {
      validate: (value: unknown) => Buffer.byteLength(JSON.stringify(value)) <= maxBytes,
      defaultMessage: () => `$property must have at most ${maxBytes} bytes of JSON`,
    },
  });
}
