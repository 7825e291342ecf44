import type { QueryDeepPartialEntity } from 'typeorm';

/** TypeORM's type of what may be written does not know that a JSON column takes any JSON. */
export function writable<Entity extends object>(
  columns: Partial<Entity>,
): QueryDeepPartialEntity<Entity> {
  return columns as QueryDeepPartialEntity<Entity>;
}
