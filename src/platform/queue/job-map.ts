/**
 * Job name (`<queue>.<verb>`) → payload class. A module adds its own in its `<module>.jobs.ts`:
 * `declare module '#platform/queue/job-map.js' { interface JobMap { 'keys.expire': ExpireKeysJob } }`,
 * so that the platform knows no module.
 */
export interface JobMap {}

export type JobName = Extract<keyof JobMap, string>;
