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
  'key.revocation_planned': 'key_lifecycle',
  'key.revoked': 'key_lifecycle',
  'key.used': 'usage',
  'request.served': 'usage',
  'request.refused': 'usage',
  'access.denied': 'security_alert',
  'authentication.failed': 'security_alert',
  'alert.raised': 'security_alert',
  'key.expired': 'key_lifecycle',
  'key.policy_followed': 'permission_change',
  'key.inheritance_changed': 'permission_change',
  'key.signing_secret_reissued': 'key_lifecycle',
  'key.rotated': 'key_lifecycle',
  'key.cut_off_moved': 'key_lifecycle',
  'key.rolled_back': 'key_lifecycle',
  'key.secret_claimed': 'key_lifecycle',
  'key.rotation_set': 'key_lifecycle',
  'key.rotation_ended': 'key_lifecycle',
  'approval.requested': 'permission_change',
  'approval.approved': 'permission_change',
  'approval.rejected': 'permission_change',
  'approval.withdrawn': 'permission_change',
  'approval.expired': 'permission_change',
  'policy.created': 'permission_change',
  'policy.updated': 'permission_change',
  'policy.deleted': 'permission_change',
  'environment.updated': 'configuration_change',
  'budget.created': 'billing_change',
  'budget.updated': 'billing_change',
  'budget.deleted': 'billing_change',
} as const satisfies Record<string, AuditEventType>;
export type AuditAction = keyof typeof AUDIT_ACTIONS;
