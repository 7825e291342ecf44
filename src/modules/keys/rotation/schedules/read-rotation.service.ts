import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { KeyChannels } from '#modules/notifications/index.js';

import { ApiKeyRepository } from '../../api-key.repository.js';
import { reachOf } from '../../domain/key-reach.js';
import type { KeyView } from '../../domain/key-view.js';
import { KeySecretRepository } from '../key-secret.repository.js';
import { viewSecrets } from '../secrets.view.js';
import type { RotationResponse } from './dto/rotation.responses.js';
import { KeyRotationRepository } from './key-rotation.repository.js';
import { RotationObstacles } from './rotation-obstacles.service.js';
import { viewRotation } from './rotation.view.js';

@Injectable()
export class ReadRotationService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly rotations: KeyRotationRepository,
    private readonly obstacles: RotationObstacles,
    private readonly channels: KeyChannels,
    private readonly secrets: KeySecretRepository,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `not_found`, also for another organization's key */
  async get(caller: KeyView, keyId: string): Promise<RotationResponse> {
    const { organizationId } = caller;
    const found = await this.keys.find(reachOf(caller), keyId);
    if (!found) throw new AppError('not_found', { message: `There is no key ${keyId}.` });
    const rotation = await this.rotations.find(organizationId, keyId);
    const now = this.clock.now();
    const secrets = await this.secrets.listShown(organizationId, keyId, new Date(now));
    const channels = await this.channels.list(organizationId, keyId);
    return {
      ...viewRotation(keyId, rotation, channels),
      blocked_by: rotation?.enabled ? await this.obstacles.find(found.key, rotation, now) : null,
      ...viewSecrets(secrets, now),
    };
  }
}
