/** Clients of the live usage stream, over both of its protocols. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';

export type Message = Record<string, unknown> & { readonly type: string; readonly id?: string };

/** What all clients of a stream have in common. */
class Received {
  readonly messages: Message[] = [];
  readonly #counts = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];

  add(message: Message): void {
    this.messages.push(message);
    this.#counts.set(message.type, (this.#counts.get(message.type) ?? 0) + 1);
    this.#waiting.splice(0).forEach((wake) => wake());
  }

  ofType(type: string): Message[] {
    return this.messages.filter((message) => message.type === type);
  }

  get requestIds(): unknown[] {
    return this.ofType('request_completed').map(({ request_id: id }) => id);
  }

  /** Resolves once there are so many of a type, with all of them; never when they do not come. */
  async untilOfType(type: string, count = 1): Promise<Message[]> {
    while ((this.#counts.get(type) ?? 0) < count) {
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
    return this.ofType(type);
  }
}

export type LiveOptions = {
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
};

export class SocketClient extends Received {
  readonly closed: Promise<{ code: number; reason: string }>;

  private constructor(readonly socket: WebSocket) {
    super();
    socket.on('message', (data: Buffer) => this.add(JSON.parse(data.toString()) as Message));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  static connect(origin: string, keyId: string, options: LiveOptions = {}): SocketClient {
    const { key, query = {}, headers } = options;
    const url = new URL(`/v1/keys/${keyId}/usage/stream`, origin.replace('http', 'ws'));
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
    return new SocketClient(new WebSocket(url, { headers: { ...authorization, ...headers } }));
  }

  /** Resolves once it is told everything from now on. */
  static async listen(
    origin: string,
    keyId: string,
    options: LiveOptions = {},
  ): Promise<SocketClient> {
    const client = SocketClient.connect(origin, keyId, options);
    await once(client.socket, 'open');
    await client.untilOfType('heartbeat');
    return client;
  }

  /** What a client gets that is not let in. */
  static async refused(
    origin: string,
    keyId: string,
    options: LiveOptions = {},
  ): Promise<{ status: number; code: string; headers: IncomingMessage['headers'] }> {
    const { socket } = SocketClient.connect(origin, keyId, options);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
    const { error } = JSON.parse(text) as { error: { code: string } };
    return { status: response.statusCode ?? 0, code: error.code, headers: response.headers };
  }

  /** The last id that it has seen. */
  get lastEventId(): string {
    return this.messages.findLast(({ id }) => id !== undefined)?.id ?? '';
  }

  async leave(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}

export class EventsClient extends Received {
  lastEventId = '';
  readonly ended: Promise<void>;
  readonly #leaving: AbortController;

  private constructor(
    readonly response: Response,
    leaving: AbortController,
  ) {
    super();
    this.#leaving = leaving;
    this.ended = this.#read();
  }

  static async connect(
    origin: string,
    keyId: string,
    { key, headers }: LiveOptions,
  ): Promise<EventsClient> {
    const leaving = new AbortController();
    const response = await fetch(`${origin}/v1/keys/${keyId}/usage/events`, {
      headers: { authorization: `Bearer ${key}`, ...headers },
      signal: leaving.signal,
    });
    return new EventsClient(response, leaving);
  }

  async leave(): Promise<void> {
    this.#leaving.abort();
    await this.ended;
  }

  async #read(): Promise<void> {
    let text = '';
    try {
      for await (const chunk of this.response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        blocks.forEach((block) => this.#take(block));
      }
    } catch {
      // It has left.
    }
  }

  #take(block: string): void {
    for (const line of block.split('\n')) {
      if (line.startsWith('id: ')) this.lastEventId = line.slice(4);
      else if (line.startsWith('data: ')) this.add(JSON.parse(line.slice(6)) as Message);
      else if (line.startsWith(':')) this.add({ type: 'comment' });
    }
  }
}
