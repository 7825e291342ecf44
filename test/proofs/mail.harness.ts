/** A mail server that does not take everything at once, and remembers what it was told to do. */
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';

/** Long enough that two workers with the same mail meet. */
const ANSWERS_AFTER_MS = 100;
/** RFC 5321 §4.2.3: local error in processing. */
const TRY_AGAIN = 451;

export type AcceptedMail = {
  readonly messageId: string;
  readonly recipients: readonly string[];
  readonly raw: string;
  /** With its quoted-printable undone (RFC 2045 §6.7). */
  readonly text: string;
};

export class FlakyMailServer {
  readonly accepted: AcceptedMail[] = [];
  /** Of all that was sent, also of what was not accepted. */
  readonly recipientsNamed = new Set<string>();
  refusals = 0;
  readonly #seen = new Set<string>();
  readonly #server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    logger: false,
    onRcptTo: ({ address }, _session, done) => {
      this.recipientsNamed.add(address);
      done();
    },
    onData: (stream, { envelope }, done) => {
      const recipients = envelope.rcptTo.map(({ address }) => address);
      this.#take(stream, recipients).then(() => done(), done);
    },
  });

  /** Refuses the first attempt of every other message for now. */
  static async start(): Promise<FlakyMailServer> {
    const mails = new FlakyMailServer();
    // A client that is killed leaves its connection broken.
    mails.#server.on('error', () => undefined);
    await new Promise<void>((resolve) => mails.#server.listen(0, '127.0.0.1', resolve));
    return mails;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.#server.server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #take(stream: SMTPServerDataStream, recipients: readonly string[]): Promise<void> {
    const raw = Buffer.concat(await stream.toArray()).toString('utf8');
    const messageId = /^Message-ID: *(\S+)/im.exec(raw)?.[1] ?? '';
    await sleep(ANSWERS_AFTER_MS);
    const isFirst = !this.#seen.has(messageId);
    this.#seen.add(messageId);
    if (isFirst && this.#seen.size % 2 === 0) {
      this.refusals++;
      throw Object.assign(new Error('Not now.'), { responseCode: TRY_AGAIN });
    }
    this.accepted.push({ messageId, recipients, raw, text: unquoted(raw) });
  }
}

function unquoted(raw: string): string {
  return raw
    .replaceAll('=\r\n', '')
    .replace(/=([0-9A-F]{2})/g, (_all, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
}
