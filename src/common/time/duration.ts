const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const DURATION = /^([1-9]\d{0,5})([smhd])$/;

/** `30m`, `1h`, `7d` in milliseconds; `null` for what is none. */
export function parseDuration(text: string): number | null {
  const [, count, unit = ''] = DURATION.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  return unitMs === undefined ? null : Number(count) * unitMs;
}
