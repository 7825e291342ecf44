/** Calls about the audit log, each held to the document of the API. */
import type { Asking } from './answers-on-structure.harness.js';

export async function answerOnAudit({ succeed, fail }: Asking): Promise<void> {
  const { id } = await succeed('createKey', {}, { body: { name: 'audited' } });
  const list = await succeed('listAuditEntries', { query: '?limit=1' });
  const [entry] = list.data as [{ id: string }];
  await fail('listAuditEntries', 400, { query: '?outcome=x' });
  await succeed('getAuditEntry', { id: entry.id });
  await fail('getAuditEntry', 400, { id: entry.id, query: '?organization_id=org_x' });
  await succeed('listKeyAudit', { id: id, query: '?event_types=permission_change' });
  await fail('listKeyAudit', 400, { id: id, query: '?event_types=x' });
  const { checkpoint } = await succeed('createAuditCheckpoint');
  await fail('createAuditCheckpoint', 400, { query: '?organization_id=org_x' });
  await succeed('listAuditCheckpoints', { query: '?limit=1' });
  await succeed('verifyAuditLog');
  await fail('verifyAuditLog', 400, { query: '?checkpoints=none' });
  const { note } = checkpoint as { note: string };
  await succeed('verifyAuditLogAgainst', {}, { body: { checkpoints: note } });
  await fail('verifyAuditLogAgainst', 400, {}, { body: { checkpoints: 'none' } });
}
