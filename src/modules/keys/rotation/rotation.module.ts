import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { NotificationsModule } from '#modules/notifications/index.js';

import { ApiKeyEntity } from '../api-key.entity.js';
import { ApiKeyRepository } from '../api-key.repository.js';
import { ApiKeySecretEntity } from '../api-key-secret.entity.js';
import { KeySecretRepository } from './key-secret.repository.js';
import { ReplaceSecretService } from './replace-secret.service.js';
import { RotateKeyService } from './rotate-key.service.js';
import { SecretChanges } from './secret-changes.service.js';
import { WaitingSecrets } from './waiting-secrets.js';

/** Without routes, since workers have it too: those are in the module of keys. */
@Module({
  imports: [TypeOrmModule.forFeature([ApiKeyEntity, ApiKeySecretEntity]), NotificationsModule],
  providers: [
    ApiKeyRepository,
    KeySecretRepository,
    ReplaceSecretService,
    RotateKeyService,
    SecretChanges,
    WaitingSecrets,
  ],
  exports: [ApiKeyRepository, KeySecretRepository, RotateKeyService],
})
export class KeyRotationModule {}
