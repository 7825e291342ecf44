import { IsOptional, IsString, Length } from 'class-validator';

export class SpecJob {
  @IsOptional()
  @IsString()
  @Length(1, 64)
  id?: string;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'spec.work': SpecJob;
    'spec.tick': SpecJob;
    'spec.beat': SpecJob;
    'spec-other.work': SpecJob;
  }
}
