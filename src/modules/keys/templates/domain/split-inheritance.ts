import { isDeepStrictEqual } from 'node:util';

import { invalid, isRecord } from '../../domain/policy/field-kinds.js';
import type { PolicyInput } from '../../domain/policy/read-policy.js';

const MAX_NAME_LENGTH = 200;

export type AskedInheritance = {
  /** The name or id of a template; `null`: of none any more; `undefined`: nothing is said. */
  readonly inheritFrom: string | null | undefined;
  readonly hasOverrides: boolean;
  /** All that is said besides, `permissions.overrides` among the other permissions. */
  readonly input: PolicyInput;
};

/**
 * Of the body of a key, which template it asks for and what it says itself.
 * @throws {AppError} `invalid_request` naming the path
 */
export function splitInheritance(body: PolicyInput): AskedInheritance {
  const input = {
    permissions: body.permissions,
    restrictions: body.restrictions,
    rate_limits: body.rate_limits,
    security: body.security,
  };
  const { permissions } = body;
  if (!isRecord(permissions)) return { inheritFrom: undefined, hasOverrides: false, input };
  const { inherit_from: inheritFrom, overrides, ...own } = permissions;
  return {
    inheritFrom: readName(inheritFrom),
    hasOverrides: isRecord(overrides),
    input: { ...input, permissions: { ...own, ...readOverrides(overrides, own) } },
  };
}

/** @throws {AppError} `invalid_request` */
export function assertNoOverrides({ hasOverrides }: AskedInheritance): void {
  if (hasOverrides) throw invalid('permissions.overrides', 'goes with permissions.inherit_from');
}

function readName(given: unknown): string | null | undefined {
  if (given === undefined || given === null) return given;
  if (typeof given === 'string' && given.length > 0 && given.length <= MAX_NAME_LENGTH)
    return given;
  throw invalid('permissions.inherit_from', 'must be the name or the id of a policy');
}

function readOverrides(given: unknown, own: Record<string, unknown>): Record<string, unknown> {
  if (given === undefined || given === null) return {};
  if (!isRecord(given)) throw invalid('permissions.overrides', 'must be an object');
  for (const [name, value] of Object.entries(given)) {
    const other = own[name];
    if (other !== undefined && !isDeepStrictEqual(other, value)) {
      const at = `permissions.overrides.${name}`;
      throw invalid(at, `says something else than permissions.${name}: give one of them`);
    }
  }
  return given;
}
