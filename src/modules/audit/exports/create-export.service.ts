import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import { assertReachesAll, type KeyView, SubjectRights } from '#modules/keys/index.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { AuditExport } from './domain/audit-export.js';
import { timeSpanOf } from './domain/export-period.js';
import type { CreateExportDto } from './dto/create-export.dto.js';
import { ExportRepository } from './export.repository.js';
import { ExportQueue } from './export-queue.js';
import { eventOf } from './record-export.js';

/** Queued and running ones of an organization. */
const MAX_AT_ONCE = 5;

@Injectable()
export class CreateExportService {
  constructor(
    private readonly exports: ExportRepository,
    private readonly queue: ExportQueue,
    private readonly rights: SubjectRights,
    private readonly trail: AuditTrail,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * @param keyId whose log is asked for; `null`: the whole organization's
   * @throws {AppError} `not_found` for a key that the caller does not reach, `operation_not_allowed` for who reaches only some keys
   * and names none, `invalid_request`, `concurrency_limit_exceeded`
   */
  async create(caller: KeyView, keyId: string | null, dto: CreateExportDto): Promise<AuditExport> {
    await this.#assertReached(caller, keyId);
    const now = this.clock.now();
    const asked: AuditExport = {
      id: newId('export'),
      organizationId: caller.organizationId,
      keyId,
      requestedBy: caller.keyId,
      format: dto.format,
      includePii: dto.include_pii ?? false,
      eventTypes: dto.event_types ?? null,
      ...timeSpanOf(dto, now),
      state: 'queued',
      failure: null,
      attempt: 0,
      entriesDone: 0,
      entriesTotal: null,
      bytes: 0,
      storedIn: null,
      createdAt: new Date(now),
      expiresAt: null,
    };
    await this.transactions.run(async () => {
      await this.exports.lockOrganization(asked.organizationId);
      await this.#assertRoom(asked.organizationId);
      await this.exports.insert(asked);
      await this.trail.append(eventOf('export.created', asked));
      this.transactions.afterCommit(() => this.queue.add(asked));
    });
    return asked;
  }

  async #assertReached(caller: KeyView, keyId: string | null): Promise<void> {
    if (keyId === null) assertReachesAll(caller, 'Use POST /v1/keys/{id}/audit/export.');
    else if (!(await this.rights.reaches(caller, keyId)))
      throw new AppError('not_found', { message: `There is no key ${keyId}.` });
  }

  async #assertRoom(organizationId: string): Promise<void> {
    if ((await this.exports.countUnfinished(organizationId)) < MAX_AT_ONCE) return;
    throw new AppError('concurrency_limit_exceeded', {
      message: `${MAX_AT_ONCE} exports of your organization are not finished yet. Wait for one, or cancel it.`,
    });
  }
}
