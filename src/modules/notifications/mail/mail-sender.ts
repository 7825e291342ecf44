import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { createTransport } from 'nodemailer';

import type { Secret } from '#common/secret/secret.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';
import { scrubSecrets } from '#platform/observability/secret-patterns.js';

import type { OutgoingMessage, SendOutcome } from '../outgoing-message.js';
import { type RenderedMail, renderMail } from './render-mail.js';

const MAX_CONNECTIONS = 3;
const CONNECT_TIMEOUT_MS = 10_000;
/** Without a byte of the server’s. */
const SILENCE_TIMEOUT_MS = 30_000;
/** Of one mail in all, its wait for a connection included; less than a worker has for it. */
const SEND_TIMEOUT_MS = 45_000;
const MAX_ERROR_LENGTH = 300;
const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[?::1\]?)$/;

/** What nodemailer adds to its errors: the command that failed, and the server’s reply to it. */
type SmtpError = Error & {
  readonly code?: string;
  readonly command?: string;
  readonly responseCode?: number;
  readonly response?: string;
};

@Injectable()
export class MailSender implements OnApplicationShutdown {
  readonly #transport: ReturnType<typeof openPool> | null;
  readonly #from: string;

  constructor(
    @Inject(CONFIG) { mail }: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#transport = mail.smtpUrl && openPool(mail.smtpUrl);
    this.#from = mail.from;
  }

  /** Never rejects. Without a server the mail is logged, and that is all. */
  send(message: OutgoingMessage, address: string): Promise<SendOutcome> {
    const { id, type } = message;
    return this.sendRendered({ id, type, mail: renderMail(message) }, address);
  }

  /** As {@link send}. Of the mail nothing but the subject is logged. */
  async sendRendered(
    { id, type, mail }: { id: string; type: string; mail: RenderedMail },
    address: string,
  ): Promise<SendOutcome> {
    const { subject, text, html } = mail;
    const facts = { message_id: id, type, recipient: address };
    if (!this.#transport) {
      this.logger.info({ ...facts, subject }, 'A mail was not sent: LATCHKEY_SMTP_URL is not set');
      return { isSent: true, status: null };
    }
    try {
      const { response } = await this.#transport.sendMail({
        from: this.#from,
        // As an object, so that nothing takes it for a list.
        to: { name: '', address },
        subject,
        text,
        html,
        messageId: messageId(id, this.#from),
        headers: { 'Auto-Submitted': 'auto-generated' },
        signal: AbortSignal.timeout(SEND_TIMEOUT_MS),
      });
      return { isSent: true, status: Number.parseInt(response, 10) || null };
    } catch (error) {
      this.logger.warn({ ...facts, err: error }, 'A mail could not be sent');
      return outcomeOf(error as SmtpError);
    }
  }

  /** The workers have stopped by now: nobody waits for a mail any more. */
  onApplicationShutdown(): void {
    this.#transport?.close({ force: true });
  }
}

function openPool(smtpUrl: Secret) {
  const url = new URL(smtpUrl.reveal());
  const secure = url.protocol === 'smtps:';
  const user = decodeURIComponent(url.username);
  return createTransport({
    pool: true,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    ...(user !== '' && { auth: { user, pass: decodeURIComponent(url.password) } }),
    // A password goes over the network under TLS only, also where somebody in between hides that the server offers it.
    requireTLS: user !== '' && !LOOPBACK.test(url.hostname),
    maxConnections: MAX_CONNECTIONS,
    maxRequeues: 0,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    dnsTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

/** The same at each attempt, so that a mail that came twice can be known for one (RFC 5322 §3.6.4). */
function messageId(id: string, from: string): string {
  const domain = /@([^>]+)>?$/.exec(from)?.[1] ?? 'localhost';
  return `<${id}@${domain}>`;
}

/** What it says is shown to whoever owns the channel: nothing of where the server is. */
function outcomeOf({ code, command, responseCode, response }: SmtpError): SendOutcome {
  const isOfRecipient = command === 'RCPT TO';
  const said = isOfRecipient && response !== undefined ? `: ${scrubSecrets(response)}` : '';
  const error =
    responseCode === undefined
      ? `The mail server could not be used (${code ?? 'unknown'}).`
      : `The mail server answered ${responseCode} to ${command ?? 'the connection'}${said}`;
  return {
    isSent: false,
    status: responseCode ?? null,
    error: error.slice(0, MAX_ERROR_LENGTH),
    retryAfterMs: null,
    // Of what else the server refuses for good much is the operator’s to set right.
    isFinal: isOfRecipient && responseCode !== undefined && responseCode >= 500,
  };
}
