export { DefaultOrganization } from './default-organization.port.js';
export { OrganizationsModule } from './organizations.module.js';
