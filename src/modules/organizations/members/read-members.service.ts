import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';

import type { MemberResponse } from './dto/member.responses.js';
import { type MemberProfile, MemberRepository } from './member.repository.js';
import { viewMember } from './member.view.js';

@Injectable()
export class ReadMembersService {
  constructor(private readonly members: MemberRepository) {}

  async list(organizationId: string, { limit, cursor }: PageQuery): Promise<Page<MemberResponse>> {
    const rows = await this.members.listProfiles(organizationId, decodeCursor(cursor), limit);
    return toPage(
      rows.map((row) => ({ ...row, id: row.userId })),
      limit,
      viewMember,
    );
  }

  /** @throws {AppError} `not_found`, also for who is a member of another organization alone */
  async get(organizationId: string, userId: string): Promise<MemberProfile> {
    return memberOr404(await this.members.findProfile(organizationId, userId), userId);
  }
}

export function memberOr404<Found>(found: Found | null, id: string): Found {
  if (found === null) throw new AppError('not_found', { message: `There is no member ${id}.` });
  return found;
}
