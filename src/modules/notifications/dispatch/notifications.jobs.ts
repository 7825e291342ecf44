import { IsInt, IsString, Length, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

const MAX_ID_LENGTH = 64;
/** Sending is waiting, up to 15 s for each receiver that hangs. */
const SENDING_AT_ONCE = 32;

export class DispatchNotificationJob {
  /** Of the notification. */
  @IsString()
  @Length(1, MAX_ID_LENGTH)
  id: string;
}

export class SendDeliveryJob {
  /** Of the delivery. */
  @IsString()
  @Length(1, MAX_ID_LENGTH)
  id: string;
}

export class SweepNotificationsJob {
  /** How many rows of each kind one run takes on at the most. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  maxRecords = 1_000;
}

export class PurgeNotificationsJob {
  /** Rows that one statement deletes at the most. */
  @IsInt()
  @Min(1)
  @Max(100_000)
  maxRecords = 5_000;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'notifications.dispatch': DispatchNotificationJob;
    'notifications.sweep': SweepNotificationsJob;
    'notifications.purge': PurgeNotificationsJob;
    'deliveries.send': SendDeliveryJob;
  }
}

/** What is sent has a queue of its own: a receiver that takes its time must not hold up the rest. */
export const NOTIFICATIONS_JOBS = defineJobs({
  'notifications.dispatch': { payload: DispatchNotificationJob },
  'notifications.sweep': { payload: SweepNotificationsJob },
  'notifications.purge': { payload: PurgeNotificationsJob },
  'deliveries.send': { payload: SendDeliveryJob, concurrency: SENDING_AT_ONCE },
});
