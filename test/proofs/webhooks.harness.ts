/** Receivers of webhooks that fail on purpose and remember what they were sent, and somebody whom nobody may be made to call. */
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { Webhook } from 'standardwebhooks';

const FAILING_SHARE = 0.3;
/** Of one message: there are ten attempts, and one must be left that is not made to fail. */
const MAX_FAILURES = 6;
const RETRY_AFTER_MS = 1_000;
/** So that several are on their way at once, and one that is sent twice is seen. */
const ANSWERS_AFTER_MS = 5;
/**
 * At least once is the promise: a sender that hears nothing for 15 s, or can't write down what it has heard, sends again
 * later than that. On a machine that is busy enough it happens, so it is counted and is no fault.
 */
const SENDER_TIMEOUT_MS = 15_000;

type Asked = { readonly id: string; readonly body: string; readonly headers: Headers };
type Headers = Readonly<Record<string, string>>;
type Listening = { readonly url: string; close(): Promise<void> };

async function listen(server: Server, host = '127.0.0.1'): Promise<Listening> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

/** A web server that gives each message to `take` once it is all there. */
async function receive(take: (asked: Asked, response: ServerResponse) => void): Promise<Listening> {
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (data: Buffer) => chunks.push(data));
    request.on('end', () => {
      const headers = request.headers as Headers;
      take(
        { id: headers['webhook-id'] ?? '', body: Buffer.concat(chunks).toString(), headers },
        response,
      );
    });
  });
  const { url, close } = await listen(server);
  return {
    url,
    close: async () => {
      server.closeAllConnections();
      await close();
    },
  };
}

/** Counts who connects to it. */
export class Canary {
  connections = 0;

  private constructor(
    readonly url: string,
    readonly close: () => Promise<void>,
  ) {}

  static async start(): Promise<Canary> {
    let canary: Canary | null = null;
    const server = createTcpServer((socket) => {
      if (canary) canary.connections++;
      socket.on('error', () => undefined).resume();
      socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
    });
    // Under all addresses of this machine: some are private in another way than the loopback.
    const { url, close } = await listen(server, '0.0.0.0');
    canary = new Canary(url, close);
    return canary;
  }
}

/** Answers each message alike, and counts them. */
export class SteadyReceiver {
  asked = 0;

  private constructor(private readonly server: Listening) {}

  static async start(status: number, headers: Headers = {}): Promise<SteadyReceiver> {
    const server = await receive((_, response) => {
      receiver.asked++;
      response.writeHead(status, headers).end();
    });
    const receiver = new SteadyReceiver(server);
    return receiver;
  }

  get url(): string {
    return this.server.url;
  }

  close(): Promise<void> {
    return this.server.close();
  }
}

type Known = {
  failures: number;
  isBeingSent: boolean;
  isAccepted: boolean;
  notBefore: number;
  sentAt: number;
};

/** Fails at random, remembers each message by its id, and counts what a sender must not do. */
export class FlakyReceiver {
  /** Of its webhook; what comes before it is known is not verified. */
  secret = '';
  attempts = 0;
  failures = 0;
  /** Messages that came again after they were accepted, when their sender had lost the answer. */
  answersLost = 0;
  readonly faults = {
    'not verified': 0,
    'sent after it was accepted': 0,
    'sent while it was being sent': 0,
    'sent before its Retry-After': 0,
  };
  /** Of each message that was accepted, the key that it tells of. */
  readonly accepted = new Map<string, string>();
  readonly #known = new Map<string, Known>();
  readonly #failing: readonly ((response: ServerResponse, known: Known) => void)[];

  private constructor(
    private readonly random: () => number,
    redirectTo: string,
    private server: Listening | null = null,
  ) {
    this.#failing = [
      (response) => void response.writeHead(500).end('Not now.'),
      (response) => void response.writeHead(503).end(),
      (response) => void response.writeHead(302, { location: redirectTo }).end(),
      (response) => void response.destroy(),
      (response, known) => {
        known.notBefore = Date.now() + RETRY_AFTER_MS;
        response.writeHead(429, { 'retry-after': String(RETRY_AFTER_MS / 1_000) }).end();
      },
    ];
  }

  /** @param random from 0 to 1 @param redirectTo where some answers point to */
  static async start(random: () => number, redirectTo: string): Promise<FlakyReceiver> {
    const receiver = new FlakyReceiver(random, redirectTo);
    receiver.server = await receive((asked, response) => receiver.#take(asked, response));
    return receiver;
  }

  get url(): string {
    return this.server?.url ?? '';
  }

  get hasSeenFault(): boolean {
    return Object.values(this.faults).some((times) => times > 0);
  }

  async close(): Promise<void> {
    await this.server?.close();
  }

  #take({ id, body, headers }: Asked, response: ServerResponse): void {
    this.attempts++;
    const keyId = this.#verify(body, headers);
    if (keyId === null) {
      this.faults['not verified']++;
      response.writeHead(401).end();
      return;
    }
    const known = this.#known.get(id) ?? {
      failures: 0,
      isBeingSent: false,
      isAccepted: false,
      notBefore: 0,
      sentAt: 0,
    };
    this.#known.set(id, known);
    this.#judge(known);
    known.isBeingSent = true;
    known.sentAt = Date.now();
    setTimeout(() => {
      known.isBeingSent = false;
      this.#answer(response, known, () => this.accepted.set(id, keyId));
    }, ANSWERS_AFTER_MS);
  }

  #judge(known: Known): void {
    const isAnswerLost = Date.now() - known.sentAt > SENDER_TIMEOUT_MS;
    if (known.isAccepted && isAnswerLost) this.answersLost++;
    else if (known.isAccepted) this.faults['sent after it was accepted']++;
    if (known.isBeingSent && !isAnswerLost) this.faults['sent while it was being sent']++;
    if (Date.now() < known.notBefore) this.faults['sent before its Retry-After']++;
  }

  /** The key that a genuine message tells of. */
  #verify(body: string, headers: Headers): string | null {
    try {
      const { data } = new Webhook(this.secret).verify(body, headers) as {
        data: { key_id: string };
      };
      return data.key_id;
    } catch {
      return null;
    }
  }

  #answer(response: ServerResponse, known: Known, accept: () => void): void {
    if (this.random() < FAILING_SHARE && known.failures < MAX_FAILURES) {
      known.failures++;
      this.failures++;
      this.#failing[Math.floor(this.random() * this.#failing.length)]?.(response, known);
      return;
    }
    known.isAccepted = true;
    accept();
    response.writeHead(204).end();
  }
}
