import { Injectable } from '@nestjs/common';

import { RootKey } from '#platform/crypto/root-key.js';
import { SealedBox, type SealedPlace } from '#platform/crypto/sealed-box.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { BodyKind } from './body-log.port.js';
import type { BodySelection, StoredBody } from './stored-bodies.port.js';

/** A body that is to be stored. */
export type KeptBody = {
  readonly organizationId: string;
  readonly keyId: string;
  readonly requestId: string;
  readonly kind: BodyKind;
  readonly occurredAtMs: number;
  /** As much of it as is kept. */
  readonly content: Buffer;
  /** Of the whole body. */
  readonly bytes: number;
};

type BodyRow = {
  readonly kind: BodyKind;
  readonly sealed: Buffer;
  readonly bytes: string;
  readonly truncated: boolean;
};

const INSERT = `
INSERT INTO request_bodies (organization_id, key_id, request_id, kind, occurred_at, sealed, bytes, truncated)
SELECT organization_id, key_id, request_id, kind, timestamptz 'epoch' + at * interval '1 millisecond', sealed, bytes, truncated
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[], $7::bigint[], $8::boolean[])
       AS body (organization_id, key_id, request_id, kind, at, sealed, bytes, truncated)
ON CONFLICT DO NOTHING`;

/** The only place where bodies are sealed and opened. Those from before `since` are as good as gone. */
@Injectable()
export class RequestBodiesRepository {
  readonly #box: SealedBox;

  constructor(
    private readonly transactions: TransactionRunner,
    rootKey: RootKey,
  ) {
    this.#box = new SealedBox(rootKey, 'request-bodies');
  }

  async insertAcrossTenants(bodies: readonly KeptBody[]): Promise<void> {
    await this.transactions.sql(INSERT, [
      bodies.map(({ organizationId }) => organizationId),
      bodies.map(({ keyId }) => keyId),
      bodies.map(({ requestId }) => requestId),
      bodies.map(({ kind }) => kind),
      bodies.map(({ occurredAtMs }) => occurredAtMs),
      bodies.map((body) => this.#box.seal(textOf(body.content), placeOf(body))),
      bodies.map(({ bytes }) => bytes),
      bodies.map(({ bytes, content }) => bytes > content.length),
    ]);
  }

  findKinds(
    organizationId: string,
    requestIds: readonly string[],
    since: Date,
  ): Promise<{ request_id: string; kind: BodyKind }[]> {
    return this.transactions.sql(
      `SELECT request_id, kind FROM request_bodies
        WHERE organization_id = $1 AND request_id = ANY($2) AND occurred_at >= $3`,
      [organizationId, requestIds, since],
    );
  }

  async find(organizationId: string, requestId: string, since: Date): Promise<StoredBody[]> {
    const rows = await this.transactions.sql<BodyRow>(
      `SELECT kind, sealed, bytes, truncated FROM request_bodies
        WHERE organization_id = $1 AND request_id = $2 AND occurred_at >= $3`,
      [organizationId, requestId, since],
    );
    return rows.map(({ kind, sealed, bytes, truncated }) => ({
      kind,
      content: this.#box.open(sealed, placeOf({ organizationId, requestId, kind })),
      bytes: Number(bytes),
      isTruncated: truncated,
    }));
  }

  async delete(organizationId: string, requestId: string): Promise<number> {
    const rows = await this.transactions.sql(
      'DELETE FROM request_bodies WHERE organization_id = $1 AND request_id = $2 RETURNING 1',
      [organizationId, requestId],
    );
    return rows.length;
  }

  /** The oldest first. */
  async deleteSelected(
    organizationId: string,
    { keyId, before }: BodySelection,
    limit: number,
  ): Promise<number> {
    const rows = await this.transactions.sql(
      `DELETE FROM request_bodies WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM request_bodies
          WHERE organization_id = $1 AND occurred_at < $2 AND ($3::text IS NULL OR key_id = $3)
          ORDER BY occurred_at LIMIT $4 FOR UPDATE SKIP LOCKED)) RETURNING 1`,
      [organizationId, before, keyId, limit],
    );
    return rows.length;
  }

  async deleteAcrossTenants(before: Date, limit: number): Promise<number> {
    const rows = await this.transactions.sql(
      `DELETE FROM request_bodies WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM request_bodies WHERE occurred_at < $1
          ORDER BY occurred_at LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING 1`,
      [before, limit],
    );
    return rows.length;
  }
}

function placeOf({
  organizationId,
  requestId,
  kind,
}: Pick<KeptBody, 'organizationId' | 'requestId' | 'kind'>): SealedPlace {
  const row = `${organizationId}/${requestId}/${kind}`;
  return { table: 'request_bodies', column: 'sealed', row };
}

/** Without the character that may be cut in two at the end. */
function textOf(content: Buffer): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(content, { stream: true });
}
