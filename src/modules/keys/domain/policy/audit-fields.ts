import { escalation, placed, type PolicyField, toggle } from './field-kinds.js';
import type { KeyPolicy } from './key-policy.js';
import { whole } from './number-kinds.js';

const AUDIT = 'security.audit';
const MAX_RETENTION_DAYS = 3_650;
const DAYS = whole(1, MAX_RETENTION_DAYS);

/** What is written to the audit log of a key's calls. A child is never watched less than its creator. */
export const AUDIT_FIELDS = {
  logsAllRequests: toggle(
    {
      path: `${AUDIT}.log_all_requests`,
      about:
        'Write each of the key’s requests to the audit log. Where that can’t be done it is refused.',
    },
    false,
  ),
  logsFailures: toggle(
    { path: `${AUDIT}.log_failures`, about: 'Write each request that fails to the audit log.' },
    false,
  ),
  alertsOnSuspicious: toggle(
    {
      path: `${AUDIT}.alert_on_suspicious`,
      about: 'Tell people when the key is used in a way that looks like somebody else’s.',
    },
    false,
  ),
  auditRetentionDays: retention(`${AUDIT}.retention_days`),
} as const satisfies { readonly [Name in keyof KeyPolicy]?: PolicyField<KeyPolicy[Name]> };

/** A child's entries may be kept for longer than its creator's, not for less. */
function retention(path: string): PolicyField<number | null> {
  const about =
    'Days that the key’s entries of the audit log are kept, if that is longer than its organization’s are.';
  return {
    ...placed({ path, about }),
    open: null,
    schema: { ...DAYS.schema, description: about },
    read: (given, at) => DAYS.read(given, at),
    within: (own, asked, at) => {
      if (own === null || asked === null) return asked ?? own;
      if (asked >= own) return asked;
      throw escalation(at, `This key’s own entries are kept for ${own} days, and so for no less.`);
    },
  };
}
