const USER = {
  id: 'user_4fTqV0mZx1sLwq8nE2bYcA',
  email: 'ada@example.com',
  name: 'Ada',
  created_at: '2026-11-21T09:00:00.000Z',
};
const ORGANIZATION = { id: 'org_4fTqV0mZx1sLwq8nE2bYcA', name: 'Analytical Engines' };
const CSRF_TOKEN = 'EXAMPLEonlyEXAMPLEonlyEXAMPLEonlyEXAMPLEonl';
const EXPIRES_AT = '2026-11-28T09:00:00.000Z';
const PASSWORD = 'a long password of yours';

export const SIGN_UP_EXAMPLE = {
  email: USER.email,
  password: PASSWORD,
  name: USER.name,
  organization_name: ORGANIZATION.name,
};

export const LOG_IN_EXAMPLE = { email: USER.email, password: PASSWORD };

export const CHANGE_PASSWORD_EXAMPLE = {
  current_password: PASSWORD,
  new_password: 'another long password',
};

export const CONFIRM_RESET_EXAMPLE = {
  token: `lkr_${'EXAMPLE'.repeat(6)}0`,
  password: 'another long password',
};

export const ACCEPT_EXAMPLE = { name: USER.name, password: PASSWORD };

export const SESSION_EXAMPLE = {
  user: USER,
  token: `lks_${'EXAMPLE'.repeat(6)}0`,
  expires_at: EXPIRES_AT,
  csrf_token: CSRF_TOKEN,
};

export const ORGANIZATION_SESSION_EXAMPLE = { ...SESSION_EXAMPLE, organization: ORGANIZATION };

export const CALLING_USER_EXAMPLE = {
  user: USER,
  organization: ORGANIZATION,
  role: 'viewer',
  scopes: ['keys:read', 'usage:read', 'models:read'],
  memberships: [
    {
      organization_id: ORGANIZATION.id,
      organization_name: ORGANIZATION.name,
      role: 'viewer',
      suspended: false,
    },
  ],
  csrf_token: CSRF_TOKEN,
  expires_at: EXPIRES_AT,
};
