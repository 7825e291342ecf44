import { Socket } from 'node:net';
import pg from 'pg';

import type { Secret } from '#common/secret/secret.js';

import {
  type FanoutLink,
  type FanoutLinkEvents,
  type FanoutMedium,
  MAX_PROBE_MS,
  MAX_SEND_MS,
} from './linked.fanout.js';

/** Channels belong to one database, so that databases of one server do not hear each other. */
const CHANNEL = 'latchkey';
const MAX_CONNECT_MS = 2_000;
const APPLICATION_NAME = 'latchkey-fanout';

/**
 * LISTEN and NOTIFY (https://www.postgresql.org/docs/current/sql-notify.html): at most 8000 bytes a message, and each
 * takes a cluster-wide lock at commit, so it is for rare changes. A session is told of what was committed before its
 * command is answered, which makes `SELECT 1` a proof that nothing is under way.
 */
export class PostgresMedium implements FanoutMedium {
  readonly name = 'PostgreSQL';
  /** Its own connections, opened on demand: sending must work while the listening connection does not. */
  readonly #senders: pg.Pool;

  constructor(private readonly databaseUrl: Secret) {
    this.#senders = new pg.Pool({
      connectionString: databaseUrl.reveal(),
      application_name: APPLICATION_NAME,
      max: 2,
      idleTimeoutMillis: 5_000,
      allowExitOnIdle: true,
      // Together they stay below the bound of one send.
      connectionTimeoutMillis: MAX_SEND_MS / 2,
      query_timeout: MAX_SEND_MS / 2,
    });
    this.#senders.on('error', () => {
      // An idle connection broke. The pool has dropped it, and the next message opens another.
    });
  }

  async open(events: FanoutLinkEvents): Promise<FanoutLink> {
    const socket = new Socket();
    const client = new pg.Client({
      connectionString: this.databaseUrl.reveal(),
      application_name: APPLICATION_NAME,
      connectionTimeoutMillis: MAX_CONNECT_MS,
      query_timeout: MAX_PROBE_MS,
      stream: () => socket,
    });
    client.on('error', (error) => events.onLost(error));
    client.on('end', () => events.onLost(new Error('PostgreSQL has closed the connection.')));
    client.on('notification', ({ channel, payload }) => {
      if (channel === CHANNEL) events.onMessage(payload ?? '');
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return {
      probe: async () => {
        await client.query('SELECT 1');
      },
      // A server that can't be reached would not answer a polite goodbye either.
      close: () => socket.destroy(),
    };
  }

  async send(message: string): Promise<void> {
    await this.#senders.query('SELECT pg_notify($1, $2)', [CHANNEL, message]);
  }

  close(): Promise<void> {
    return this.#senders.end();
  }
}
