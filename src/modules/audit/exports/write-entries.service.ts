import { Inject, Injectable } from '@nestjs/common';

import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import { MakeCheckpointsService } from '../checkpoints/make-checkpoints.service.js';
import { exportedOf } from '../domain/exported-entry.js';
import type { AuditExport } from './domain/audit-export.js';
import { type Counted, HopelessError } from './export-lease.js';
import { ExportedEntriesRepository, type Stretch } from './exported-entries.repository.js';
import { ENCODERS } from './formats/encoders.js';
import { Pace } from './pace.js';

const MAX_ENTRIES = 20_000_000;
const MAX_BYTES = 20 * 1024 ** 3;
/** What is collected before it goes to the store. */
const CHUNK_BYTES = 256 * 1024;
/** Of the thread's time. Where calls are answered by the same process, they come first. */
const SHARE_OF_A_WORKER = 0.6;
const SHARE_BESIDE_CALLS = 0.25;

/** The content of an export, as it comes. */
@Injectable()
export class WriteEntriesService {
  readonly #share: number;

  constructor(
    private readonly entries: ExportedEntriesRepository,
    private readonly checkpoints: MakeCheckpointsService,
    @Inject(CONFIG) { role }: Config,
  ) {
    this.#share = role === 'worker' ? SHARE_OF_A_WORKER : SHARE_BESIDE_CALLS;
  }

  /** In chunks, and in constant memory. @throws {HopelessError} */
  async *chunksOf(
    one: AuditExport,
    counted: Counted,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const stretch = await this.#count(one, counted, signal);
    let waiting: Uint8Array[] = [];
    let size = 0;
    for await (const piece of this.#piecesOf(one, stretch, counted)) {
      signal.throwIfAborted();
      waiting.push(piece);
      size += piece.length;
      if (size < CHUNK_BYTES) continue;
      yield this.#counted(Buffer.concat(waiting), counted);
      waiting = [];
      size = 0;
    }
    yield this.#counted(Buffer.concat(waiting), counted);
  }

  #counted(chunk: Uint8Array, counted: Counted): Uint8Array {
    counted.bytes += chunk.length;
    if (counted.bytes > MAX_BYTES) throw new HopelessError('It is too big. Ask for less.');
    return chunk;
  }

  /** Of all that were written until now, sealed, and with a checkpoint of the last: so the export can be verified up to its end. */
  async #count(one: AuditExport, counted: Counted, signal: AbortSignal): Promise<Stretch> {
    const head = await this.checkpoints.sealNow(one.organizationId);
    let total = 0;
    const stretches: Stretch[] = [];
    for await (const part of this.entries.count(one, head)) {
      signal.throwIfAborted();
      if (part.entries === 0) continue;
      total += part.entries;
      stretches.splice(1, 1, part.stretch);
      if (total > MAX_ENTRIES) throw new HopelessError(`It has more than ${MAX_ENTRIES} entries.`);
    }
    counted.total = total;
    // The first and the last of them.
    const stretch = { after: stretches[0]?.after ?? 0, last: stretches.at(-1)?.last ?? 0 };
    await this.checkpoints.makeAt(one.organizationId, stretch.last);
    return stretch;
  }

  async *#piecesOf(
    one: AuditExport,
    stretch: Stretch,
    counted: Counted,
  ): AsyncGenerator<Uint8Array> {
    const encoder = ENCODERS[one.format]();
    const pace = new Pace(this.#share);
    yield encoder.head();
    for await (const page of this.entries.read(one, stretch)) {
      pace.resume();
      for (const entry of page) {
        for (const piece of encoder.add(exportedOf(entry, one.includePii))) {
          yield piece;
          await pace.turn();
        }
        counted.entries++;
      }
      await pace.turn();
    }
    yield* encoder.end();
  }
}
