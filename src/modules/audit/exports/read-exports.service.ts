import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';
import { type KeyView, reachesAll } from '#modules/keys/index.js';

import type { AuditExport } from './domain/audit-export.js';
import type { ExportResponse } from './dto/export.responses.js';
import { ExportLinks } from './export-links.js';
import { ExportRepository } from './export.repository.js';
import { viewExport } from './export.view.js';
import { ExporterRights } from './exporter-rights.service.js';

@Injectable()
export class ReadExportsService {
  constructor(
    private readonly exports: ExportRepository,
    private readonly rights: ExporterRights,
    private readonly links: ExportLinks,
  ) {}

  /** The newest first; their own, for who reaches only some keys. */
  async list(caller: KeyView, query: PageQuery): Promise<Page<ExportResponse>> {
    const rows = await this.exports.list(caller.organizationId, {
      requestedBy: reachesAll(caller) ? null : caller.keyId,
      after: decodeCursor(query.cursor),
      limit: query.limit + 1,
    });
    return toPage(rows, query.limit, (one) => this.view(caller, one));
  }

  /** @throws {AppError} `not_found`, also for one that the caller does not get to see */
  async find(caller: KeyView, id: string): Promise<AuditExport> {
    const one = await this.exports.find(caller.organizationId, id);
    if (one && (await this.rights.reaches(caller, one))) return one;
    throw new AppError('not_found', { message: `There is no export ${id}.` });
  }

  view(caller: KeyView, one: AuditExport): ExportResponse {
    return viewExport(one, this.links.pathOf(one, caller.keyId));
  }
}
