import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

import { GRANT_KINDS, type GrantKind } from '../credit-grant.js';

const USD = 'USD, up to nine places.';
const NULLABLE_NUMBER = { type: Number, nullable: true } as const;

export class CreditGrantResponse {
  @ApiProperty({ example: 'grant_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'org_4fTqV0mZx1sLwq8nE2bYcA' })
  organization_id: string;

  @ApiProperty({ enum: GRANT_KINDS })
  kind: GrantKind;

  @ApiProperty({ example: 25, description: USD })
  amount: number;

  @ApiProperty({
    example: 19.25,
    description: 'What nobody has spent of it. Nothing is, once it has expired.',
  })
  remaining: number;

  @ApiProperty({ example: 'Invoice 2026-118 paid' })
  reason: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  expires_at: string | null;

  @ApiProperty({
    example: 'key_4fTqV0mZx1sLwq8nE2bYcA',
    description: 'The id of who granted it, or `sign-up`.',
  })
  granted_by: string;

  @ApiProperty({ type: String, format: 'date-time' })
  created_at: string;
}

export class GrantedCreditResponse extends CreditGrantResponse {
  @ApiProperty({
    example: 30,
    description: 'What the organization can spend now; below 0 where it owes something.',
  })
  balance: number;
}

export class CreditGrantListResponse {
  @ApiProperty({ type: [CreditGrantResponse] })
  data: CreditGrantResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

class Balance {
  @ApiProperty({ example: 30, description: 'USD; below 0 where the organization owes something.' })
  credits: number;

  @ApiProperty({ example: 'USD' })
  currency: string;
}

class UsedTokens {
  @ApiProperty()
  prompt: number;

  @ApiProperty()
  completion: number;

  @ApiProperty()
  total: number;
}

export class CreditUsage {
  @ApiProperty({ example: 0.75, description: 'What it cost, in USD.' })
  credits_used: number;

  @ApiProperty()
  requests: number;

  @ApiProperty({ type: UsedTokens })
  tokens: UsedTokens;
}

class CreditUsages {
  @ApiProperty({ type: CreditUsage, description: 'Of the UTC day.' })
  daily: CreditUsage;

  @ApiProperty({ type: CreditUsage, description: 'Of the UTC month.' })
  monthly: CreditUsage;
}

class CreditRateLimit {
  @ApiProperty({ ...NULLABLE_NUMBER, description: '`null`: keys have limits, organizations none.' })
  requests_per_minute: number | null;

  @ApiProperty(NULLABLE_NUMBER)
  tokens_per_minute: number | null;
}

class CreditDailyLimit {
  @ApiProperty({ ...NULLABLE_NUMBER, description: '`null`: none.' })
  credits: number | null;

  @ApiProperty(NULLABLE_NUMBER)
  remaining: number | null;
}

class CreditLimits {
  @ApiProperty({ type: CreditRateLimit })
  rate_limit: CreditRateLimit;

  @ApiProperty({ type: CreditDailyLimit })
  daily_limit: CreditDailyLimit;
}

class AutoRecharge {
  @ApiProperty({ example: false })
  enabled: boolean;

  @ApiProperty(NULLABLE_NUMBER)
  threshold: number | null;

  @ApiProperty(NULLABLE_NUMBER)
  amount: number | null;
}

class CreditBilling {
  @ApiProperty({ example: 'prepaid' })
  plan: string;

  @ApiProperty({ type: AutoRecharge })
  auto_recharge: AutoRecharge;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  next_billing_date: string | null;
}

/** What is optional is left out for keys that may not read usage, and keys of teams. */
export class CreditBalanceResponse {
  @ApiProperty({ enum: ['credit_balance'] })
  object: 'credit_balance';

  @ApiProperty({ type: Balance })
  balance: Balance;

  @ApiPropertyOptional({ type: CreditUsages })
  usage?: CreditUsages;

  @ApiPropertyOptional({ type: CreditLimits })
  limits?: CreditLimits;

  @ApiPropertyOptional({ type: CreditBilling })
  billing?: CreditBilling;
}

export class UserBalanceResponse {
  @ApiProperty({ example: 30, description: 'Below 0 where the organization owes something.' })
  current_balance: number;

  @ApiProperty({ example: 'USD' })
  currency: string;
}
