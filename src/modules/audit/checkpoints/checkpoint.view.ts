import type { CheckpointResponse } from '../dto/checkpoint.responses.js';
import type { StoredCheckpoint } from './checkpoint.repository.js';

export function viewCheckpoint(checkpoint: StoredCheckpoint): CheckpointResponse {
  return {
    size: checkpoint.size,
    root_hash: checkpoint.rootHash.toString('base64'),
    is_cut: checkpoint.removedAfter !== null,
    removed_after: checkpoint.removedAfter,
    note: checkpoint.note,
    created_at: checkpoint.createdAt.toISOString(),
  };
}
