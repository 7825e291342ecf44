import { Injectable } from '@nestjs/common';

import { PersonalMail, type PersonalMailMessage } from '../personal-mail.port.js';
import { MailSender } from './mail-sender.js';
import { renderParagraphs } from './render-mail.js';

@Injectable()
export class SendPersonalMailService extends PersonalMail {
  constructor(private readonly sender: MailSender) {
    super();
  }

  override async send({ id, type, to, subject, lines }: PersonalMailMessage): Promise<void> {
    const mail = { subject, ...renderParagraphs(lines) };
    const outcome = await this.sender.sendRendered({ id, type, mail }, to);
    // An address that the server refuses for good is refused again.
    if (!outcome.isSent && !outcome.isFinal) throw new Error(outcome.error);
  }
}
