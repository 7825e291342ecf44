import { Injectable, type Type } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';

import { DeclaredJobs, type JobDefinition } from './job-definitions.js';
import { type JobHandler, type JobSchedule, ProcessorMark } from './job-processor.decorator.js';
import { CONCURRENCY, DEFAULT_ATTEMPTS } from './queue-settings.js';

export type RunnableJob = {
  readonly name: string;
  readonly payload: Type<object>;
  readonly attempts: number;
  readonly concurrency: number;
  readonly isAudited: boolean;
  readonly schedule: JobSchedule | null;
  readonly handler: JobHandler<object>;
};

type FoundProcessor = Pick<RunnableJob, 'schedule' | 'handler'> & {
  readonly job: string;
  readonly className: string;
};

const JOB_NAME = /^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/;

/** `usage.maintain-partitions` → `usage`. */
export function queueOf(job: string): string {
  return job.slice(0, job.indexOf('.'));
}

/** Lists every mistake at once, one a line. */
export class InvalidJobsError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The jobs are not wired up:\n${problems.map((line) => `  - ${line}`).join('\n')}`);
    this.name = 'InvalidJobsError';
  }
}

/** The jobs that this process's modules declare, and their processors, found by looking at all providers. */
@Injectable()
export class JobRegistry {
  #definitions: ReadonlyMap<string, JobDefinition> | null = null;

  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws InvalidJobsError when two modules declare one job, or its name has not the form `<queue>.<verb>` */
  definitions(): ReadonlyMap<string, JobDefinition> {
    return (this.#definitions ??= this.#findDefinitions());
  }

  /** @throws InvalidJobsError unless each declared job has exactly one processor and each processor's job is declared */
  runnable(): ReadonlyMap<string, RunnableJob> {
    const definitions = this.definitions();
    const processors = this.#findProcessors();
    const problems = processors
      .filter(({ job }) => !definitions.has(job))
      .map(({ job, className }) => `${job}: processed by ${className} but declared nowhere`);
    const runnable = new Map<string, RunnableJob>();
    for (const [name, definition] of definitions) {
      const {
        payload,
        attempts = DEFAULT_ATTEMPTS,
        concurrency = CONCURRENCY,
        isAudited = false,
      } = definition;
      const [first, ...others] = processors.filter(({ job }) => job === name);
      if (!first) {
        problems.push(`${name}: no processor`);
      } else if (others.length > 0) {
        const classes = [first, ...others].map(({ className }) => className).join(', ');
        problems.push(`${name}: more than one processor (${classes})`);
      } else {
        const { schedule, handler } = first;
        runnable.set(name, { name, payload, attempts, concurrency, isAudited, schedule, handler });
      }
    }
    if (problems.length > 0) throw new InvalidJobsError(problems);
    return runnable;
  }

  #findDefinitions(): ReadonlyMap<string, JobDefinition> {
    const found = new Map<string, JobDefinition>();
    const problems: string[] = [];
    for (const { instance } of this.discovery.getProviders()) {
      if (!(instance instanceof DeclaredJobs)) continue;
      for (const [name, definition] of instance.definitions) {
        if (!JOB_NAME.test(name)) problems.push(`${name}: not of the form <queue>.<verb>`);
        if (found.has(name)) problems.push(`${name}: declared twice`);
        found.set(name, definition);
      }
    }
    if (problems.length > 0) throw new InvalidJobsError(problems);
    return found;
  }

  #findProcessors(): FoundProcessor[] {
    return this.discovery.getProviders({ metadataKey: ProcessorMark.KEY }).flatMap((wrapper) => {
      const mark = this.discovery.getMetadataByDecorator(ProcessorMark, wrapper);
      if (!mark) return [];
      return {
        job: mark.job,
        className: String(wrapper.name),
        schedule: mark.schedule ?? null,
        handler: wrapper.instance as JobHandler<object>,
      };
    });
  }
}
