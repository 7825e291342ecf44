import type { WatchedKey, WatchedKeys } from '#modules/keys/index.js';

/** All watched keys, organization by organization. @param pageSize that are read in one go */
export async function* watchedKeys(
  keys: WatchedKeys,
  pageSize: number,
): AsyncGenerator<WatchedKey> {
  let after: WatchedKey | null = null;
  do {
    const page: WatchedKey[] = await keys.listAcrossTenants(after, pageSize);
    yield* page;
    after = page.length === pageSize ? (page.at(-1) ?? null) : null;
  } while (after !== null);
}
