import { toPolicyDocument } from '../domain/policy/policy-document.js';
import type { PolicyInput } from '../domain/policy/read-policy.js';
import type { TemplateTree } from './domain/template-tree.js';
import type {
  EffectivePolicyResponse,
  PolicyResponse,
  PolicyVersionResponse,
} from './dto/policy-template.responses.js';
import type { PolicyTemplate, TemplateContent, TemplateVersion } from './policy-template.js';

export function viewPolicy(template: PolicyTemplate): PolicyResponse {
  return {
    id: template.id,
    ...viewContent(template),
    version: template.version,
    created_by: template.createdBy,
    created_at: template.createdAt.toISOString(),
    updated_at: template.updatedAt.toISOString(),
  };
}

export function viewVersion(version: TemplateVersion): PolicyVersionResponse {
  return {
    ...viewContent(version),
    version: version.version,
    changed_by: version.changedBy,
    changed_at: version.changedAt.toISOString(),
  };
}

export function viewEffective(
  { id, version }: PolicyTemplate,
  tree: TemplateTree,
): EffectivePolicyResponse {
  const { policy, sources } = tree.composed(id);
  return {
    id,
    version,
    policy: toPolicyDocument(policy),
    sources: Object.fromEntries(Object.entries(sources).map(([path, from]) => [path, [...from]])),
    set_by: tree.setBy(id),
  };
}

function viewContent({
  name,
  description,
  parentId,
  input,
}: TemplateContent): Omit<PolicyVersionResponse, 'version' | 'changed_by' | 'changed_at'> {
  return {
    name,
    description,
    inherit_from: parentId,
    permissions: partOf(input, 'permissions'),
    restrictions: partOf(input, 'restrictions'),
    rate_limits: partOf(input, 'rate_limits'),
    security: partOf(input, 'security'),
  };
}

function partOf(input: PolicyInput, part: keyof PolicyInput): Record<string, unknown> | null {
  return (input[part] as Record<string, unknown> | undefined) ?? null;
}
