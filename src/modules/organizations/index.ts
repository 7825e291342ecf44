export { DefaultOrganization } from './default-organization.port.js';
export { LeakedKeyPolicy } from './leaked-key-policy.port.js';
export { OrganizationsModule } from './organizations.module.js';
