import { Module } from '@nestjs/common';

import { NotificationsModule } from '#modules/notifications/index.js';
import { OrganizationSettingsModule } from '#modules/organizations/index.js';

import { KeyStoreModule } from '../key-store.module.js';
import { ClaimSecretService } from './claims/claim-secret.service.js';
import { HandOutSecretService } from './claims/hand-out-secret.service.js';
import { RemindOfRotationService } from './claims/remind-of-rotation.service.js';
import { KeySecretRepository } from './key-secret.repository.js';
import { ReplaceSecretService } from './replace-secret.service.js';
import { RotatableKeys } from './rotatable-keys.js';
import { RotateKeyService } from './rotate-key.service.js';
import { AttendToRotationService } from './schedules/attend-to-rotation.service.js';
import { KeyRotationRepository } from './schedules/key-rotation.repository.js';
import { ReadRotationService } from './schedules/read-rotation.service.js';
import { RecordRotationService } from './schedules/record-rotation.service.js';
import { RotateOnScheduleService } from './schedules/rotate-on-schedule.service.js';
import { RotationObstacles } from './schedules/rotation-obstacles.service.js';
import { ROTATION_JOBS } from './schedules/rotation.jobs.js';
import {
  RemindOfRotationProcessor,
  RotateKeyProcessor,
  SweepRotationsProcessor,
} from './schedules/rotation.processors.js';
import { SetRotationService } from './schedules/set-rotation.service.js';
import { SetterRights } from './schedules/setter-rights.service.js';
import { SecretChanges } from './secret-changes.service.js';
import { WaitingSecrets } from './waiting-secrets.js';

/** Without routes, since workers have it too. */
@Module({
  imports: [KeyStoreModule, NotificationsModule, OrganizationSettingsModule],
  providers: [
    AttendToRotationService,
    ClaimSecretService,
    HandOutSecretService,
    KeyRotationRepository,
    KeySecretRepository,
    ROTATION_JOBS,
    ReadRotationService,
    RecordRotationService,
    RemindOfRotationProcessor,
    RemindOfRotationService,
    ReplaceSecretService,
    RotatableKeys,
    RotateKeyProcessor,
    RotateKeyService,
    RotateOnScheduleService,
    RotationObstacles,
    SecretChanges,
    SetRotationService,
    SetterRights,
    SweepRotationsProcessor,
    WaitingSecrets,
  ],
  exports: [
    ClaimSecretService,
    KeySecretRepository,
    ReadRotationService,
    RotateKeyService,
    SetRotationService,
  ],
})
export class KeyRotationModule {}
