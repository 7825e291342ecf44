import type { PolicyField } from './field-kinds.js';
import type { KeyPolicy } from './key-policy.js';
import { POLICY_FIELD_NAMES, POLICY_FIELDS, type PolicyFieldName } from './policy-fields.js';

/** A policy as people and PostgreSQL have it: each field at its path. */
export type PolicyDocument = Record<string, unknown>;

export function toPolicyDocument(policy: KeyPolicy): PolicyDocument {
  const document: PolicyDocument = {};
  for (const name of POLICY_FIELD_NAMES) {
    const field = POLICY_FIELDS[name] as PolicyField<unknown>;
    const value = policy[name];
    placeInDocument(document, field.path, field.document ? field.document.write(value) : value);
  }
  return document;
}

/** From what {@link toPolicyDocument} made, maybe before a field was added: that one then restricts nothing. */
export function fromPolicyDocument(document: PolicyDocument): KeyPolicy {
  const policy: Partial<Record<PolicyFieldName, unknown>> = {};
  for (const name of POLICY_FIELD_NAMES) {
    const field = POLICY_FIELDS[name] as PolicyField<unknown>;
    const written = find(document, field.path) ?? null;
    if (written === null) policy[name] = field.open;
    else policy[name] = field.document ? field.document.parse(written) : written;
  }
  return policy as KeyPolicy;
}

export function placeInDocument(document: PolicyDocument, path: string, value: unknown): void {
  const names = path.split('.');
  const last = names.pop() ?? '';
  let at = document;
  for (const name of names) at = (at[name] ??= {}) as PolicyDocument;
  at[last] = value;
}

function find(document: PolicyDocument, path: string): unknown {
  let at: unknown = document;
  for (const name of path.split('.')) at = (at as PolicyDocument | undefined)?.[name];
  return at;
}
