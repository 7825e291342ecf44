/** What an entry is about, as `event_type`: what an auditor asks for first. */
export const AUDIT_EVENT_TYPES = [
  'usage',
  'permission_change',
  'key_lifecycle',
  'organization_change',
  'configuration_change',
  'billing_change',
  'authentication',
  'security_alert',
  'export',
] as const;
export type AuditEventType = (typeof AUDIT_EVENT_TYPES)[number];

/**
 * Everything that is written to the audit log, by the name that it has there. The names are a public contract, which customers'
 * systems search for: only add (docs/audit.md lists them).
 */
export const AUDIT_ACTIONS = {
  'key.created': 'permission_change',
  'key.updated': 'permission_change',
  'key.disabled': 'key_lifecycle',
  'key.enabled': 'key_lifecycle',
  'key.revoked': 'key_lifecycle',
  'key.used': 'usage',
  'request.served': 'usage',
  'request.refused': 'usage',
  'access.denied': 'security_alert',
  'authentication.failed': 'security_alert',
  'alert.raised': 'security_alert',
} as const satisfies Record<string, AuditEventType>;
export type AuditAction = keyof typeof AUDIT_ACTIONS;
