import { AppError } from '#common/errors/app-error.js';
import { normalizeAddress } from '#common/net/cidr.js';
import { isGiven } from '#common/validation/given.js';
import { toCountryCode } from '#platform/geoip/country-code.js';
import type { CountryLookup } from '#platform/geoip/country-lookup.port.js';

import { type Feature, type FeatureMask, featureMask, FEATURES } from '../domain/features.js';
import type { ClientDescription } from '../domain/request-facts.js';
import type { DescribedRequestDto } from './dto/described-request.dto.js';

/** A request that nobody has sent, as far as it is said. */
export type ReadRequest = {
  readonly method: string;
  readonly path: string;
  readonly model: string | undefined;
  /** `null` where it is not said. */
  readonly features: FeatureMask | null;
  readonly client: ClientDescription;
  readonly inputTokens: number | undefined;
  readonly maxTokens: number | undefined;
};

/**
 * @param at where the description stands in the body: `''`, or such as `request.`
 * @throws {AppError} `invalid_request` naming a field of it
 */
export function readDescribedRequest(
  dto: DescribedRequestDto,
  at: string,
  countries: CountryLookup,
): ReadRequest {
  return {
    method: dto.method ?? 'POST',
    path: readPath(dto.path ?? '/v1/chat/completions', `${at}path`),
    model: dto.model ?? undefined,
    features: dto.features ? readFeatures(dto.features, `${at}features`) : null,
    client: readClient(dto, at, countries),
    inputTokens: dto.input_tokens ?? undefined,
    maxTokens: dto.max_tokens ?? undefined,
  };
}

/** A path that can't be decoded reaches no route at all. */
function readPath(path: string, param: string): string {
  try {
    decodeURI(path.split(/[?#]/, 1)[0] ?? '');
    return path;
  } catch (cause) {
    throw invalid(param, 'has a % that begins no encoded character', cause);
  }
}

function readFeatures(names: readonly string[], param: string): FeatureMask {
  const isKnown = (name: string): name is Feature => FEATURES.includes(name as Feature);
  const unknown = names.findIndex((name) => !isKnown(name));
  if (unknown !== -1)
    throw invalid(`${param}[${unknown}]`, `must be one of ${FEATURES.join(', ')}`);
  return featureMask(names.filter(isKnown));
}

/** As with real requests, a country that is told goes before the one that the address is looked up with. */
function readClient(
  dto: DescribedRequestDto,
  at: string,
  countries: CountryLookup,
): ClientDescription {
  const { ip, country, https, origin, referrer, user_agent: userAgent } = dto;
  const address = isGiven(ip) ? readAddress(ip, `${at}ip`) : undefined;
  return {
    ...(address !== undefined && { address }),
    ...((address !== undefined || isGiven(country)) && {
      country:
        toCountryCode(country) ?? (address === undefined ? null : countries.countryOf(address)),
    }),
    ...(isGiven(https) && { isHttps: https }),
    ...(origin !== undefined && { origin }),
    ...(referrer !== undefined && { referrer }),
    ...(userAgent !== undefined && { userAgent }),
  };
}

function readAddress(text: string, param: string): string {
  const address = normalizeAddress(text);
  if (address === null) throw invalid(param, 'must be an IPv4 or IPv6 address');
  return address;
}

function invalid(param: string, message: string, cause?: unknown): AppError {
  return new AppError('invalid_request', { message: `${param} ${message}.`, param, cause });
}
