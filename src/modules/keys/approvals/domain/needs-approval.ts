import type { KeyPolicy } from '../../domain/policy/key-policy.js';

/**
 * Whether somebody else has to approve a key of this policy, and whatever gives it more.
 * @param environmentDemands that the key's environment wants it of all of its keys
 */
export function needsApproval(
  { requiresApproval }: Pick<KeyPolicy, 'requiresApproval'>,
  environmentDemands: boolean,
): boolean {
  return requiresApproval || environmentDemands;
}
