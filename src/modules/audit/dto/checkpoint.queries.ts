import { PageQuery } from '#common/pagination/page.query.js';
import type { INSTALLATION } from '#platform/audit-trail/audit-trail.port.js';

import { InstallationLog } from './asked-log.js';

export class ListCheckpointsQuery extends PageQuery {
  @InstallationLog()
  organization_id?: typeof INSTALLATION;
}
