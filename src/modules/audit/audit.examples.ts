export const CHECKPOINT_EXAMPLE = {
  size: 1204,
  root_hash: 'qLUZ3vGLvTmcr1ZcSM8Ek4hMzCZ2ZCpBzIpu4gJyjcQ=',
  is_cut: false,
  removed_after: null,
  note: 'latchkey.audit/org_4fTqV0mZx1sLwq8nE2bYcA\n1204\nqLUZ3vGLvTmcr1ZcSM8Ek4hMzCZ2ZCpBzIpu4gJyjcQ=\n\n— latchkey.audit Hww6e2…\n',
  created_at: '2026-11-28T10:01:00.000Z',
};

export const PUBLIC_KEY_EXAMPLE =
  'latchkey.audit+1f0c3a7b+AQ3G0Jq7a8nlV3nKb5OS1vYHf6G7CTp1XkVrWm9Ns8Qy';

export const VERIFICATION_EXAMPLE = {
  valid: true,
  entries: 1204,
  unsealed: 0,
  first_invalid: null,
  checkpoint: CHECKPOINT_EXAMPLE,
};
