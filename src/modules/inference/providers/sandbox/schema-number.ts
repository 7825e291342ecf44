import { type JsonObject } from './request-fields.js';

type Bounds = {
  readonly min: number;
  readonly max: number;
  readonly above: number;
  readonly below: number;
  /** What the number must be a multiple of; 0 when anything goes. */
  readonly step: number;
};

/** The most modest number within a JSON schema's bounds: zero, else near a bound. Zero too when nothing simple fits. */
export function numberInstance(schema: JsonObject, isInteger: boolean): number {
  const bounds = boundsOf(schema, isInteger);
  const low = Math.max(bounds.min, bounds.above);
  const high = Math.min(bounds.max, bounds.below);
  const step = bounds.step === 0 ? 1 : bounds.step;
  const fromLow = withoutNoise(Math.ceil(low / step) * step);
  const fromHigh = withoutNoise(Math.floor(high / step) * step);
  const candidates = [
    0,
    fromLow,
    fromLow + step,
    fromHigh,
    fromHigh - step,
    low,
    high,
    (low + high) / 2,
  ];
  return candidates.find((candidate) => fits(candidate, bounds)) ?? 0;
}

/** 3 × 0.1 is 0.30000000000000004 as a double, where 0.3 is meant. */
function withoutNoise(number: number): number {
  return Number(number.toPrecision(15));
}

function boundsOf(schema: JsonObject, isInteger: boolean): Bounds {
  const numberOr = (keyword: string, fallback: number): number => {
    const value = schema[keyword];
    return typeof value === 'number' ? value : fallback;
  };
  const multiple = numberOr('multipleOf', 0);
  return {
    min: numberOr('minimum', -Infinity),
    max: numberOr('maximum', Infinity),
    above: numberOr('exclusiveMinimum', -Infinity),
    below: numberOr('exclusiveMaximum', Infinity),
    step: isInteger && (multiple <= 0 || !Number.isInteger(multiple)) ? 1 : Math.max(0, multiple),
  };
}

function fits(value: number, { min, max, above, below, step }: Bounds): boolean {
  const quotient = step === 0 ? 0 : value / step;
  const isMultiple = Math.abs(quotient - Math.round(quotient)) < 1e-9;
  return (
    Number.isFinite(value) &&
    isMultiple &&
    value >= min &&
    value <= max &&
    value > above &&
    value < below
  );
}
