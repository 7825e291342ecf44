import type { PolicyDocument } from '../domain/policy/policy-document.js';
import type { PolicyInput } from '../domain/policy/read-policy.js';

/** What a template is at a time. */
export type TemplateContent = {
  readonly name: string;
  readonly description: string | null;
  /** The template that it is built upon. */
  readonly parentId: string | null;
  /** Its parts as they were given. */
  readonly input: PolicyInput;
};

export type PolicyTemplate = TemplateContent & {
  readonly id: string;
  readonly organizationId: string;
  /** Grows by one with each change; the `ETag`. */
  readonly version: number;
  /** The key that made it. */
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

export type TemplateVersion = TemplateContent & {
  readonly version: number;
  readonly changedBy: string;
  readonly changedAt: Date;
};

/** That a key is made from a template. */
export type KeyInheritance = {
  readonly keyId: string;
  readonly templateId: string;
  /** What the key says itself, in the canonical spelling. */
  readonly overrides: PolicyInput;
  /** What it can be at most, whatever its templates say. */
  readonly bound: PolicyDocument;
  /** Of its environment, as they were when it was made from the template, in the canonical spelling. */
  readonly defaults: PolicyInput;
};
