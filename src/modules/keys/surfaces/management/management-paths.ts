/** Clients of the Management API differ in whether their base URL ends in `/v1`. */
export const PREFIXES = ['manage', 'v1/manage'] as const;
