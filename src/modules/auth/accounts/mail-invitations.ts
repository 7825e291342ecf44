import { Injectable } from '@nestjs/common';

import { newId } from '#common/ids/prefixed-id.js';
import { PersonalMail } from '#modules/notifications/index.js';
import { EventBus } from '#platform/events/event-bus.js';
import type { EventMap } from '#platform/events/event-map.js';

import { AccountAttempts } from './account-attempts.js';

type Invited = EventMap['organizations.member-invited'];

/**
 * Mails an invitation to whom it is for, from the process that made it: its token is stored nowhere, so no job can. A mail that
 * fails is logged and not tried again; the answer to who invites has the token as well.
 */
@Injectable()
export class MailInvitations {
  constructor(
    private readonly mail: PersonalMail,
    private readonly attempts: AccountAttempts,
    events: EventBus,
  ) {
    events.on('organizations.member-invited', (invited) => this.#send(invited));
  }

  /** Inviting is open to whoever has an organization, and must not flood anybody: it counts with the mails to reset a password. */
  async #send({ email, organizationName, token, expiresAt }: Invited): Promise<void> {
    if (!(await this.attempts.mayMail(email))) return;
    await this.mail.send({
      id: newId('message'),
      type: 'account.invitation',
      to: email,
      subject: 'You are invited',
      lines: [
        `You are invited to the organization ${organizationName}. With this token you join it, once, until ${expiresAt.toISOString()}:`,
        token.reveal(),
        'Send your password, or the one that your new account is to have, to POST /v1/invitations/{token}/accept.',
        'If you do not know who invites you, do nothing.',
      ],
    });
  }
}
