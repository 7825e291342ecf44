import { Injectable } from '@nestjs/common';

import { compileRules } from './domain/compile-rules.js';
import { ProjectConfigRepository } from './project-config.repository.js';
import { type RoutingRules, RoutingSettingsReader } from './routing-settings.port.js';

@Injectable()
export class ReadRoutingSettingsService extends RoutingSettingsReader {
  constructor(private readonly configs: ProjectConfigRepository) {
    super();
  }

  override async rulesOf(organizationId: string): Promise<RoutingRules | null> {
    return compileRules(await this.configs.listAll(organizationId));
  }
}
