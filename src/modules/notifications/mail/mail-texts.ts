import type { NotificationType } from '../notifier.port.js';

/**
 * `{key}` is the name of the key that it is about; `{whose}` is who or what it is about, such as `the team Research`; `{what}` is what
 * waits for approval.
 */
export type MailText = {
  readonly subject: string;
  readonly happened: string;
  /** What whoever reads it may want to do. */
  readonly advice: string;
};

export const MAIL_TEXTS: Readonly<Record<NotificationType, MailText>> = {
  'key.created': {
    subject: 'Key {key} was made',
    happened: 'A new API key, {key}, was made.',
    advice: 'If nobody of yours made it, revoke it, and the key that made it.',
  },
  'key.rotated': {
    subject: 'Key {key} was rotated',
    happened: 'The key {key} has a new secret.',
    advice:
      'Give the new secret to all that use the key before the old one ends. Secrets are never sent by mail.',
  },
  'key.rotation_due': {
    subject: 'Key {key} is due for rotation',
    happened: 'The key {key} will be rotated soon.',
    advice: 'See to it that whatever uses the key can take the new secret in time.',
  },
  'key.rotation_skipped': {
    subject: 'Key {key} was not rotated',
    happened: 'The key {key} should have been rotated by its schedule, and was not.',
    advice: 'Look at why, set it right, and rotate the key by hand.',
  },
  'key.secret_unclaimed': {
    subject: 'The new secret of key {key} is unclaimed',
    happened: 'The key {key} was rotated, and nobody has claimed its new secret yet.',
    advice: 'Claim it before the old secret ends. Secrets are never sent by mail.',
  },
  'key.expiring': {
    subject: 'Key {key} expires soon',
    happened: 'The key {key} will expire soon. All its requests are refused from then on.',
    advice: 'Give it a later expiry, or replace it by another key before then.',
  },
  'key.expired': {
    subject: 'Key {key} has expired',
    happened: 'The key {key} has expired. All its requests are refused.',
    advice: 'If it is still needed, give it a later expiry, or replace it by another key.',
  },
  'key.disabled': {
    subject: 'Key {key} was disabled',
    happened: 'The key {key} was disabled. All its requests are refused until it is enabled.',
    advice: 'Look at the reason before you enable it again.',
  },
  'key.enabled': {
    subject: 'Key {key} was enabled',
    happened: 'The key {key}, which was disabled, can be used again.',
    advice: 'If that is not what you want, disable or revoke it.',
  },
  'key.revoked': {
    subject: 'Key {key} was revoked',
    happened: 'The key {key} was revoked. All its requests are refused, for good.',
    advice: 'Whatever still uses it needs another key.',
  },
  'key.unused': {
    subject: 'Key {key} is not used',
    happened: 'The key {key} has not been used for a long time.',
    advice: 'Revoke it if nobody needs it: a key that is not there can’t leak.',
  },
  'approval.requested': {
    subject: '{what} waits for approval',
    happened: '{what}, or something more for it, was asked for and waits for approval.',
    advice: 'Approve or reject it, unless it was you who asked. After its time it is off.',
  },
  'budget.threshold_reached': {
    subject: 'A budget of {whose} is nearly spent',
    happened: 'The spending has reached the alert threshold of a budget of {whose}.',
    advice: 'Raise the budget, or expect calls to be refused once all of it is spent.',
  },
  'budget.reached': {
    subject: 'A budget of {whose} is spent',
    happened:
      'A budget of {whose} is spent. Calls that it binds are refused until its next window begins.',
    advice: 'Raise the budget if they must go on.',
  },
  'credit.low': {
    subject: 'Credit is low',
    happened: 'The credit of your organization is nearly used up.',
    advice: 'Add credit, or expect calls to be refused.',
  },
  'security.suspicious_activity': {
    subject: 'Suspicious activity around {whose}',
    happened: 'Something happened around {whose} that should be looked at.',
    advice:
      'Find out what it was. If a key may be known to others, revoke it; if a password may be, have it changed.',
  },
  'export.ready': {
    subject: 'An export is ready',
    happened: 'An export that was asked for is ready.',
    advice: 'Download it over the API before it is deleted.',
  },
  'deployment.state_changed': {
    subject: 'A deployment has changed its state',
    happened: 'A deployment has changed its state.',
    advice: 'Look at it if that is not what you expect.',
  },
  'invoice.issued': {
    subject: 'An invoice was issued',
    happened: 'A new invoice was issued to your organization.',
    advice: 'Look at it over the API.',
  },
};

/** The fields of `data` that mails show, by their labels and in this order. What is not listed is in no mail. */
export const MAIL_FACTS: readonly (readonly [field: string, label: string])[] = [
  ['key_id', 'Key'],
  ['name', 'Name'],
  ['environment', 'Environment'],
  ['reason', 'Reason'],
  ['by', 'By key'],
  ['action', 'What was done'],
  ['source', 'Reported by'],
  ['days', 'Days'],
  ['expires_at', 'Expires'],
  ['last_used_at', 'Last used'],
  ['old_key_expires_at', 'Old secret ends'],
  ['next_rotation_at', 'Next rotation'],
  ['enable_at', 'Enabled again'],
  ['locked_until', 'Locked until'],
  ['approval_id', 'Approval'],
  ['budget_id', 'Budget'],
  ['scope', 'Scope'],
  ['window', 'Window'],
  ['model', 'Model'],
  ['limit', 'Limit (USD)'],
  ['used', 'Spent (USD)'],
  ['threshold', 'Threshold'],
  ['balance', 'Balance (USD)'],
  ['export_id', 'Export'],
  ['deployment_id', 'Deployment'],
  ['state', 'State'],
  ['invoice_id', 'Invoice'],
  ['total', 'Total (USD)'],
  ['due_at', 'Due'],
];
