import type { Type, ValueProvider } from '@nestjs/common';

import type { JobMap, JobName } from './job-map.js';

export type JobDefinition<P = object> = {
  /**
   * The payload's class with its class-validator rules: ids, never entities or secrets. A new field is optional until
   * the jobs of the release before are done.
   */
  readonly payload: Type<P>;
  /** How often a failing job is started in all. */
  readonly attempts?: number;
  /** How many jobs of its queue a process works on at once, where they do little but wait. Of several the most counts. */
  readonly concurrency?: number;
  /** It makes changes that are audited, as the job's own: {@link Actors} says so while it runs, so it must not take long. */
  readonly isAudited?: boolean;
};

type JobDefinitions = { readonly [N in JobName]?: JobDefinition<JobMap[N]> };

/** The names of jobs at run time, where {@link JobMap} is not. */
export class DeclaredJobs {
  constructor(readonly definitions: ReadonlyMap<string, JobDefinition>) {}
}

/**
 * Declares jobs of one module. The result is a provider: `providers: [USAGE_JOBS, MaintainPartitionsProcessor]`. A
 * worker does not start unless each declared job has exactly one processor.
 */
export function defineJobs(definitions: JobDefinitions): ValueProvider<DeclaredJobs> {
  const entries = Object.entries<JobDefinition>(definitions);
  return {
    provide: Symbol(`jobs: ${entries.map(([name]) => name).join(', ')}`),
    useValue: new DeclaredJobs(new Map(entries)),
  };
}
