import { Inject, Injectable } from '@nestjs/common';

import { newId } from '#common/ids/prefixed-id.js';
import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { Pepper } from '#platform/crypto/pepper.js';

import { ApiKeyEntity } from './api-key.entity.js';
import type { KeyWithSecret } from './api-key.repository.js';
import { InsertKeyService } from './approvals/insert-key.service.js';
import type { Requester } from './approvals/open-approval.service.js';
import { ApiKeySecretEntity, UNUSED } from './api-key-secret.entity.js';
import type { Belonging, KeyMember } from './domain/belonging.js';
import type { Grant } from './domain/grant.js';
import { generateKeySecret, visibleParts } from './domain/key-secret.js';
import type { KeyView } from './domain/key-view.js';
import { toPolicyDocument } from './domain/policy/policy-document.js';
import type { SourcedPolicy } from './domain/policy/policy-within.js';
import type { CreateKeyDto } from './dto/create-key.dto.js';
import { NO_SURROUNDINGS } from './key-surroundings.js';
import { SettleNewKeyService } from './settle-new-key.service.js';
import { SigningSecrets } from './signing-secrets.js';

/** What is written of a new key. */
export type NewKey = {
  readonly organizationId: string;
  readonly name: string;
  readonly grant: Grant;
  readonly belonging: Belonging;
  readonly members: readonly KeyMember[];
  readonly metadata: Record<string, unknown>;
  /** `null` for what nobody asked for. */
  readonly creator: Requester | null;
  readonly secret: Secret;
};

/** A key that was just made; a key that must sign has another secret for that, which is shown this once. */
type WrittenKey = KeyWithSecret & {
  readonly members: readonly KeyMember[];
  readonly signingSecret: Secret | null;
};

/** A new key, and its secret, which nobody can find out any more. */
export type IssuedKey = { readonly issued: WrittenKey; readonly secret: Secret };

@Injectable()
export class IssueKeyService {
  constructor(
    private readonly inserted: InsertKeyService,
    private readonly pepper: Pepper,
    private readonly newKeys: SettleNewKeyService,
    private readonly signingSecrets: SigningSecrets,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Makes a key within what `creator` may do itself.
   * @param inherited its policy where that is worked out already, from templates
   * @throws {AppError} `escalation_denied`; `invalid_request` for a policy that is none, an expiry in the past, or what it is
   * to belong to and is not there
   */
  async issue(
    creator: KeyView,
    dto: CreateKeyDto,
    inherited: SourcedPolicy | null = null,
  ): Promise<IssuedKey> {
    const settled = await this.newKeys.settle(creator, dto, inherited);
    const secret = generateKeySecret(this.config.keyBrand, settled.grant.environment);
    const issued = await this.write({
      organizationId: creator.organizationId,
      name: dto.name,
      ...settled,
      metadata: dto.metadata ?? {},
      creator,
      secret,
    });
    return { issued, secret };
  }

  /** Writes a key whose rights somebody has already decided on. */
  async write(newKey: NewKey): Promise<WrittenKey> {
    const now = new Date(this.clock.now());
    const { grant } = newKey;
    const id = newId('key');
    const signing = grant.policy.requiresSignature ? this.signingSecrets.issue(id) : null;
    const made = Object.assign(new ApiKeyEntity(), {
      id,
      organizationId: newKey.organizationId,
      name: newKey.name,
      environment: grant.environment,
      ...newKey.belonging,
      projectIds: [...newKey.belonging.projectIds],
      accessLevel: grant.accessLevel,
      scopes: [...grant.scopes],
      policy: toPolicyDocument(grant.policy),
      policySources: grant.policySources,
      metadata: newKey.metadata,
      createdBy: newKey.creator?.keyId ?? null,
      createdAt: now,
      updatedAt: now,
      expiresAt: grant.expiresAt === null ? null : new Date(grant.expiresAt),
      disabledAt: null,
      disabledReason: null,
      enableAt: null,
      revokedAt: null,
      revokedReason: null,
      awaitsApproval: false,
      sealedSigningSecret: signing?.sealed ?? null,
      version: 1,
    });
    const secret = Object.assign(new ApiKeySecretEntity(), {
      id: newId('secret'),
      keyId: id,
      digest: Buffer.from(this.pepper.digest(newKey.secret.reveal()), 'latin1'),
      scheme: this.pepper.scheme,
      ...visibleParts(newKey.secret),
      createdAt: now,
      expiresAt: null,
      ...UNUSED,
    });
    const { members, creator } = newKey;
    const key = await this.inserted.insert(made, secret, members, creator);
    // Its maker, whose own it may be, may do all that it may.
    return {
      key,
      secret,
      ...NO_SURROUNDINGS,
      members,
      signingSecret: signing?.secret ?? null,
    };
  }
}
