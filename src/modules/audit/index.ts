export { AuditAlertsModule } from './audit-alerts.module.js';
export { AuditSecurityModule } from './audit-security.module.js';
export { AuditJobsModule } from './audit-jobs.module.js';
export { AuditModule } from './audit.module.js';
export { AuditTrailModule } from './audit-trail.module.js';
export { type FilesToVerify, verifyFiles } from './offline/verify-files.js';
export { CheckpointSigner } from './checkpoints/checkpoint-signer.js';
