/** What the specs of tenants need to tell one organization's answers from another's. */
import { newId } from '#common/ids/prefixed-id.js';

import type { Answer } from '../support/app.js';
import type { FakeUpstream } from '../support/fake-upstream.js';

/** An organization with an administrator's key and one of everything. */
export type Tenant = {
  readonly name: string;
  readonly admin: string;
  readonly upstream: FakeUpstream;
  readonly ids: Readonly<
    Record<
      | 'organizations'
      | 'keys'
      | 'api-keys'
      | 'providers'
      | 'routes'
      | 'budgets'
      | 'requests'
      | 'webhooks'
      | 'notification-emails'
      | 'teams'
      | 'projects'
      | 'members'
      | 'users'
      | 'roles'
      | 'invitations'
      | 'policies'
      | 'service-accounts'
      | 'approvals'
      | 'audit'
      | 'exports',
      string
    >
  >;
};

/** An answer without what no two answers have in common, and without the id that the caller has named itself. */
export function comparable({ status, headers, body }: Answer, id: string): unknown {
  const requestId = headers.get('x-request-id') ?? '';
  const rest = [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id');
  const text = JSON.stringify({ status, headers: rest, body });
  return JSON.parse(text.replaceAll(requestId, '<request>').replaceAll(id, '<id>')) as unknown;
}

/** The same prefix and length as a real one, so that nothing but its existence differs. */
export function neverIssued(id: string): string {
  const kinds = {
    org: 'organization',
    key: 'key',
    prov: 'provider',
    rte: 'route',
    bud: 'budget',
    req: 'request',
    wh: 'webhook',
    ch: 'channel',
    team: 'team',
    sa: 'serviceAccount',
    project: 'project',
    user: 'user',
    role: 'role',
    inv: 'invitation',
    pol: 'policy',
    dlv: 'delivery',
    apr: 'approval',
    aud: 'auditEntry',
    exp: 'export',
  } as const;
  return newId(kinds[id.split('_')[0] as keyof typeof kinds]);
}

/** By operation; those that are not here have no body. */
export const BODIES: Readonly<Record<string, unknown>> = {
  updateProvider: { name: 'taken-over', api_key: 'another' },
  updateRoute: { model: 'taken-over' },
  updateOrganization: { leaked_keys: 'disable' },
  revokeKey: { reason: 'taken over' },
  updateKey: { name: 'taken over' },
  disableKey: { reason: 'taken over' },
  simulateRequest: { model: 'same-model' },
  updateTeam: { name: 'taken over' },
  updateProject: { name: 'taken over' },
  updateRole: { name: 'taken over', scopes: ['org:write'] },
  updateMember: { role: 'viewer' },
  putTeamMember: { user_id: 'user_x', role: 'viewer' },
  suspendUser: {},
  updateWebhook: { url: 'https://example.com' },
  rotateKey: { invalidate_old: true },
  moveKeyCutOff: { old_key_expires_at: new Date(Date.now() + 3_600_000).toISOString() },
  updatePolicy: { permissions: { models: ['taken-over'] } },
  foreseePolicyChange: { permissions: { models: ['taken-over'] } },
  exportKeyAudit: { format: 'ndjson' },
  setKeyRotation: { schedule: '0 3 1 * *', notification_channels: ['email:thief@example.com'] },
};

/** By operation; those that are not here have none. */
export const QUERIES: Readonly<Record<string, string>> = {
  // A link that nobody has made: one that was made is of one id.
  getExportFile: `?for=key_x&expires=9999999999&signature=${'A'.repeat(43)}`,
};
