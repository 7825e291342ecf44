import { Injectable } from '@nestjs/common';

import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';
import { Clock } from '#common/time/clock.js';

import { InvitationRepository } from '../members/invitation.repository.js';
import type { InvitationResponse } from './dto/invitation.responses.js';
import { viewInvitation } from './invitation.view.js';

@Injectable()
export class ReadInvitationsService {
  constructor(
    private readonly invitations: InvitationRepository,
    private readonly clock: Clock,
  ) {}

  async list(
    organizationId: string,
    { limit, cursor }: PageQuery,
  ): Promise<Page<InvitationResponse>> {
    const rows = await this.invitations.list(organizationId, decodeCursor(cursor), limit);
    const now = this.clock.now();
    return toPage(rows, limit, (row) => viewInvitation(row, now));
  }
}
