import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';

import { AppError } from '#common/errors/app-error.js';
import type { KeyView } from '#modules/keys/index.js';
import { MissingObjectError, ObjectStore } from '#platform/object-store/object-store.port.js';

import { type AuditExport, objectNameOf } from './domain/audit-export.js';
import type { SignedFileQuery } from './dto/export.queries.js';
import { ExportLinks } from './export-links.js';
import { ExportRepository } from './export.repository.js';
import { ExporterRights } from './exporter-rights.service.js';
import { ReadExportsService } from './read-exports.service.js';
import { RecordDownload } from './record-download.js';

export type ExportFile = { readonly of: AuditExport; readonly content: Readable };

@Injectable()
export class DownloadExportService {
  constructor(
    private readonly readExports: ReadExportsService,
    private readonly links: ExportLinks,
    private readonly rights: ExporterRights,
    private readonly exports: ExportRepository,
    private readonly store: ObjectStore,
    private readonly record: RecordDownload,
  ) {}

  /** @throws {AppError} `not_found`, `conflict` unless it is ready, `service_unavailable` where another instance has the file */
  async download(caller: KeyView, id: string): Promise<ExportFile> {
    return this.#open(await this.readExports.find(caller, id), caller.keyId);
  }

  /** With a signed link. @throws {AppError} as {@link download}; `not_found` for every link that does not do */
  async downloadSigned(exportId: string, query: SignedFileQuery): Promise<ExportFile> {
    const { for: subject, expires, signature } = query;
    const one = await this.exports.findAcrossTenants(exportId);
    const isOpened = one && this.links.opens(one, { exportId, subject, expires }, signature);
    if (!isOpened || !(await this.rights.mayHave(subject, one)))
      throw new AppError('not_found', {
        message: 'This link is not valid any more. GET /v1/exports/{id} answers a new one.',
      });
    return this.#open(one, subject);
  }

  async #open(one: AuditExport, subject: string): Promise<ExportFile> {
    this.record.assertReady(one);
    if (one.storedIn !== (await this.store.location()))
      throw new AppError('service_unavailable', {
        message: `This export is in the data folder of another instance (${one.storedIn}). Ask that one. With LATCHKEY_S3_BUCKET on all instances each of them has every export.`,
      });
    const content = await this.#read(one);
    try {
      await this.record.record(one, subject);
    } catch (error) {
      content.destroy();
      throw error;
    }
    return { of: one, content };
  }

  async #read(one: AuditExport): Promise<Readable> {
    try {
      return await this.store.read(objectNameOf(one, one.attempt));
    } catch (error) {
      if (!(error instanceof MissingObjectError)) throw error;
      throw new AppError('conflict', {
        message: `The file of the export ${one.id} is gone. Ask for another.`,
        cause: error,
      });
    }
  }
}
