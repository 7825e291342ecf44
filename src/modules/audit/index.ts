export { AuditAlertsModule } from './audit-alerts.module.js';
export { AuditSecurityModule } from './audit-security.module.js';
export { AuditTrailModule } from './audit-trail.module.js';
