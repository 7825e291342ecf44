import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { NotificationsModule } from '#modules/notifications/index.js';
import { OrganizationSettingsModule } from '#modules/organizations/index.js';

import { AlertOnKeyService } from './alert-on-key.service.js';
import { AnnounceKeyChanges } from './announce-key-changes.js';
import { ApiKeyEntity } from './api-key.entity.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { ApiKeySecretEntity } from './api-key-secret.entity.js';
import { ApprovalRequestEntity } from './approvals/approval-request.entity.js';
import { ApprovalRequestRepository } from './approvals/approval-request.repository.js';
import { RecordApprovalService } from './approvals/record-approval.service.js';
import { KeyMemberRepository } from './belonging/key-member.repository.js';
import { RevokeOwnerlessKeysService } from './belonging/revoke-ownerless-keys.service.js';
import { ChangeableKeys } from './changeable-keys.js';
import { KeyAuditRetentions } from './key-audit-retentions.port.js';
import { ReadAuditRetentionsService } from './read-audit-retentions.service.js';
import { ReadSubjectRightsService } from './read-subject-rights.service.js';
import { RecordKeyChange } from './record-key-change.js';
import { SubjectRights } from './subject-rights.port.js';
import { TellOfKeys } from './tell-of-keys.js';
import { WatchedKeys } from './watched-keys.port.js';
import { WriteKeyService } from './write-key.service.js';

/** Keys as they are stored and changed, apart from the routes: workers, which have none, change keys as well. */
@Module({
  imports: [
    TypeOrmModule.forFeature([ApiKeyEntity, ApiKeySecretEntity, ApprovalRequestEntity]),
    // Its table is one that the keys' refers to.
    OrganizationSettingsModule,
    NotificationsModule,
  ],
  providers: [
    AnnounceKeyChanges,
    ApiKeyRepository,
    ApprovalRequestRepository,
    ChangeableKeys,
    KeyMemberRepository,
    RecordApprovalService,
    RecordKeyChange,
    RevokeOwnerlessKeysService,
    TellOfKeys,
    WriteKeyService,
    { provide: KeyAuditRetentions, useClass: ReadAuditRetentionsService },
    { provide: WatchedKeys, useClass: AlertOnKeyService },
    { provide: SubjectRights, useClass: ReadSubjectRightsService },
  ],
  exports: [
    ApiKeyRepository,
    ApprovalRequestRepository,
    ChangeableKeys,
    KeyAuditRetentions,
    KeyMemberRepository,
    RecordApprovalService,
    RevokeOwnerlessKeysService,
    SubjectRights,
    TellOfKeys,
    WatchedKeys,
    WriteKeyService,
  ],
})
export class KeyStoreModule {}
