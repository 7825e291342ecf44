import { IsInt, IsISO8601, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class SendPasswordResetJob {
  @IsString()
  @Length(1, 64)
  userId: string;

  /** Of the request that has asked for it. Jobs of before do not know. */
  @IsOptional()
  @IsString()
  @Length(1, 64)
  requestId?: string;
}

export class TellLockOutJob {
  @IsString()
  @Length(1, 64)
  userId: string;

  @IsISO8601({ strict: true })
  @Length(1, 64)
  lockedUntil: string;
}

export class PurgeAccountsJob {
  /** Rows that one statement deletes at the most. */
  @IsInt()
  @Min(1)
  @Max(100_000)
  maxRecords = 5_000;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'accounts.send-password-reset': SendPasswordResetJob;
    'accounts.tell-lock-out': TellLockOutJob;
    'accounts.purge': PurgeAccountsJob;
  }
}

export const ACCOUNTS_JOBS = defineJobs({
  'accounts.send-password-reset': { payload: SendPasswordResetJob },
  'accounts.tell-lock-out': { payload: TellLockOutJob },
  'accounts.purge': { payload: PurgeAccountsJob },
});
