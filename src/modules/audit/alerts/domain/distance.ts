import { COUNTRY_BOXES } from './country-boxes.js';

const EARTH_KM = 6_371;
const RADIANS = Math.PI / 180;

/**
 * Kilometres that lie between two countries at least: 0 for neighbours, and for what is not known. A lower bound, since of a caller
 * only the country is known.
 */
export function kmBetween(one: string, other: string): number {
  const [a, b] = [COUNTRY_BOXES[one], COUNTRY_BOXES[other]];
  if (!a || !b) return 0;
  const latitudes = gap([a[0], a[2]], [b[0], b[2]]);
  const longitudes = Math.min(...[-360, 0, 360].map((turn) => gap(east(a), east(b, turn))));
  // Nearer to a pole the same degrees are fewer kilometres: those of the latitude farthest from the equator count.
  const farthest = Math.max(...[a[0], a[2], b[0], b[2]].map(Math.abs));
  return haversine(latitudes * RADIANS, longitudes * RADIANS, Math.cos(farthest * RADIANS));
}

/** From west to east, as a growing pair. */
function east([, west, , end]: readonly number[], turn = 0): [number, number] {
  const [from, to] = [west ?? 0, end ?? 0];
  return [from + turn, (to < from ? to + 360 : to) + turn];
}

/** Between two intervals; 0 where they meet. */
function gap(one: readonly [number, number], other: readonly [number, number]): number {
  return Math.max(0, one[0] - other[1], other[0] - one[1]);
}

/** Great-circle distance over those angles, where a degree of longitude counts `cosine` of one of latitude. */
function haversine(latitudes: number, longitudes: number, cosine: number): number {
  const half = Math.sin(latitudes / 2) ** 2 + cosine ** 2 * Math.sin(longitudes / 2) ** 2;
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(half)));
}
