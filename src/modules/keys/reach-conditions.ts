import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';

import type { KeyReach } from './domain/key-reach.js';

const IS_IN_TEAM = `key.team_id IN (
  SELECT team_id FROM team_members WHERE organization_id = :organizationId AND user_id = :reachUser`;
const IS_MEMBER = `EXISTS (
  SELECT FROM key_members WHERE key_members.key_id = key.id AND key_members.user_id = :reachUser`;
const SEES = `(key.owner_id = :reachUser OR ${IS_IN_TEAM}) OR ${IS_MEMBER}))`;
const MANAGES = `(key.owner_id = :reachUser OR ${IS_IN_TEAM} AND can_manage_keys) OR ${IS_MEMBER} AND can_manage_key))`;

/** Leaves of a query over keys, named `key`, those that somebody gets to see. The one place where that is decided. */
export function seenFrom<Row extends ObjectLiteral>(
  query: SelectQueryBuilder<Row>,
  reach: KeyReach,
): SelectQueryBuilder<Row> {
  return within(query, reach, SEES);
}

/** As {@link seenFrom}, those that they may change as well. */
export function managedFrom<Row extends ObjectLiteral>(
  query: SelectQueryBuilder<Row>,
  reach: KeyReach,
): SelectQueryBuilder<Row> {
  return within(query, reach, MANAGES);
}

function within<Row extends ObjectLiteral>(
  query: SelectQueryBuilder<Row>,
  { organizationId, userId, teamId }: KeyReach,
  ofPerson: string,
): SelectQueryBuilder<Row> {
  query.andWhere('key.organization_id = :organizationId', { organizationId });
  if (userId !== null) query.andWhere(ofPerson, { reachUser: userId });
  if (teamId !== null) query.andWhere('key.team_id = :reachTeam', { reachTeam: teamId });
  return query;
}
