import { PageQuery } from '#common/pagination/page.query.js';
import { OneOf, Text, Time, Usd } from '#common/validation/fields.js';

import { GRANT_KINDS, type GrantKind, MAX_CREDIT_USD } from '../credit-grant.js';

export class CreateGrantDto {
  @Text({
    description: 'Who gets it; the calling key’s organization unless said.',
    example: 'org_4fTqV0mZx1sLwq8nE2bYcA',
    max: 64,
    optional: true,
  })
  organization_id?: string | null;

  @Usd({
    description: 'USD, above 0. Write it as text where a number would not be exact.',
    example: '25.00',
    max: MAX_CREDIT_USD,
  })
  amount: string | number;

  @Text({
    description: 'What it is for; it stands in the audit log.',
    example: 'Invoice 2026-118 paid',
    max: 512,
  })
  reason: string;

  @OneOf({
    description: '`prepaid`, unless said: somebody paid for it. `promotional`: nobody did.',
    example: 'prepaid',
    values: GRANT_KINDS,
    optional: true,
  })
  kind?: GrantKind | null;

  @Time({
    description: 'From then on nothing of it is spent; never unless said.',
    example: '2027-01-31T00:00:00Z',
    optional: true,
  })
  expires_at?: Date | null;
}

export class ListGrantsQuery extends PageQuery {
  @Text({
    description: 'Whose; the calling key’s organization unless said. Another takes a master key.',
    max: 64,
    optional: true,
  })
  organization_id?: string;
}
