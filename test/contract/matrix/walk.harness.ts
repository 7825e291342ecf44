/** Makes every call of the authorisation matrix and writes down how each was answered. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';

import { ERROR_CODES } from '#common/errors/error-codes.js';

import { comparable } from '../../flows/tenants.harness.js';
import type { Answer } from '../../support/app.js';
import { SocketClient } from '../../support/live-clients.js';
import { fromElsewhere, runSql } from '../../support/people.js';
import { changesBetween, settledState } from '../../support/stored-state.js';
import type { AppRoute } from '../app-routes.js';
import { callsOf, type Given, type RouteCall } from './calls.harness.js';
import { COLUMNS, type Column } from './principals.harness.js';
import { KINDS, type Place, type World } from './world.harness.js';

/** One line of the table. */
export type Row = {
  readonly method: string;
  /** In Fastify's spelling. */
  readonly url: string;
  /** Where the id stands, when it does not stand in the path; or what it is one of, where a path takes several. */
  readonly where: string | null;
  /** `null`: the call is about nothing in particular. */
  readonly place: Place | null;
  readonly kind: string | null;
  readonly scope: string;
  readonly allowsReadOnlyKeys: boolean;
  /** `200`, or `404 not_found`. */
  readonly outcomes: Readonly<Record<Column, string>>;
  /** Whole answers but for what no two have in common. */
  readonly answers: Readonly<Record<Column, unknown>>;
};

type Target = { readonly route: AppRoute; readonly call: RouteCall; readonly place: Place | null };
type Reply = { readonly outcome: string; readonly answer: unknown };

/** Pages about the API say nothing of the installation and have no endpoint; a HEAD is its GET (asserted elsewhere). */
export function rowsToWalk(routes: readonly AppRoute[]): Target[] {
  return routes
    .filter(({ endpoint, method }) => endpoint !== null && method !== 'HEAD')
    .toSorted(
      (a, b) => order(a) - order(b) || compare(`${a.url} ${a.method}`, `${b.url} ${b.method}`),
    )
    .flatMap((route) =>
      callsOf(route.method, route.url).flatMap((call) =>
        placesOf(call).map((place) => ({ route, call, place })),
      ),
    );
}

/** One after the other: what one call spends the next finds made anew. */
export async function walk(world: World): Promise<Row[]> {
  const rows: Row[] = [];
  for (const target of rowsToWalk(world.routes)) rows.push(await walkRow(world, target));
  return rows;
}

/** How many refused calls are under way at once. */
const AT_ONCE = 12;

/**
 * Makes all calls again that were refused, and nothing else, between two looks at everything that is stored.
 * @returns how many, and in words what has changed, and which were not refused as before: both should be empty
 */
export async function replayRefused(
  world: World,
  rows: readonly Row[],
): Promise<{ calls: number; changes: string[]; others: string[] }> {
  const calls = await prepareRefused(world, rows);
  const before = await settledState(world.app.databaseUrl);
  // Refused calls of one credential in a minute add up to a 429, which would say nothing.
  await runSql(world.app, 'DELETE FROM throttle_counters');
  const others: string[] = [];
  const waiting = calls.values();
  const caller = async (): Promise<void> => {
    for (const { name, outcome, make } of waiting) {
      const now = await make();
      if (now !== outcome) others.push(`${name}: was ${outcome}, is ${now}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  const changes = changesBetween(before, await settledState(world.app.databaseUrl));
  return { calls: calls.length, changes, others };
}

type Refused = {
  readonly name: string;
  readonly outcome: string;
  readonly make: () => Promise<string>;
};

/** All that the calls need is made now. */
async function prepareRefused(world: World, rows: readonly Row[]): Promise<Refused[]> {
  const calls: Refused[] = [];
  for (const [at, target] of rowsToWalk(world.routes).entries()) {
    const { outcomes } = rows[at]!;
    for (const column of COLUMNS.filter((one) => !isSuccess(outcomes[one]))) {
      const { method, url } = target.route;
      const prepared = await prepare(world, target, column);
      calls.push({
        name: `${method} ${url} of ${target.place ?? 'nothing'}, ${column}`,
        outcome: outcomes[column],
        make: async () => (await replyTo(target, prepared)).outcome,
      });
    }
  }
  return calls;
}

function placesOf({ kind }: RouteCall): readonly (Place | null)[] {
  return kind === undefined ? [null] : KINDS[kind]!.places;
}

async function walkRow(world: World, target: Target): Promise<Row> {
  const { route, call, place } = target;
  const replies = new Map<Column, Reply>();
  const ask = async (column: Column): Promise<void> => {
    replies.set(column, await reply(world, target, column));
  };
  // What is not there yet is made before all ask for it at once.
  if (call.kind !== undefined && place !== null) await world.idOf(call.kind, place);
  if (changesNothing(target)) await Promise.all(COLUMNS.map(ask));
  else for (const column of COLUMNS) await ask(column);
  const each = (pick: (reply: Reply) => unknown): Record<string, unknown> =>
    Object.fromEntries([...replies].map(([column, one]) => [column, pick(one)]));
  return {
    method: route.method,
    url: route.url,
    where: call.where ?? call.as ?? null,
    place,
    kind: call.kind ?? null,
    scope: route.endpoint?.scope ?? '',
    allowsReadOnlyKeys: route.endpoint?.allowsReadOnlyKeys === true,
    outcomes: each(({ outcome }) => outcome) as Record<Column, string>,
    answers: each(({ answer }) => answer) as Record<Column, unknown>,
  };
}

function changesNothing({ route, place }: Target): boolean {
  return route.method === 'GET' || place === 'missing';
}

async function reply(world: World, target: Target, column: Column): Promise<Reply> {
  const { route, call, place } = target;
  const prepared = await prepare(world, target, column);
  const answered = await replyTo(target, prepared);
  if (isSuccess(answered.outcome) && !route.endpoint?.takesTickets) {
    const { kind } = call;
    if (kind !== undefined && place !== null && route.method !== 'GET') world.spend(kind, place);
    await call.after?.(prepared.given);
  }
  return answered;
}

type Prepared = { readonly given: Given; readonly path: string; readonly body: unknown };

async function prepare(
  world: World,
  { route, call, place }: Target,
  column: Column,
): Promise<Prepared> {
  const { kind } = call;
  const id = kind === undefined || place === null ? '' : await world.idOf(kind, place);
  const given: Given = { world, caller: world.callers[column], place: place ?? 'own', id };
  const path = pathOf(route.url, given, call);
  const body = route.endpoint?.takesTickets ? undefined : await call.body?.(given);
  return { given, path, body };
}

async function replyTo({ route }: Target, { given, path, body }: Prepared): Promise<Reply> {
  if (route.endpoint?.takesTickets) return replyToSocket(given, path);
  const answer = await send(given, [route.method, path], body);
  return { outcome: outcomeOf(answer), answer: answerOf(answer, given.id) };
}

export function pathOf(url: string, given: Given, { where, query }: RouteCall): string {
  const ids = given.id.split('/');
  const path = where === undefined ? url.replaceAll(/:\w+/g, () => ids.shift() ?? '') : url;
  return path.replace('*', 'sandbox/echo') + (query?.(given) ?? '');
}

/** An event stream is left as soon as it has begun. */
async function send(
  { world, caller }: Given,
  [method, path]: readonly [string, string],
  body: unknown,
): Promise<Answer> {
  const leaving = new AbortController();
  const response = await fetch(world.app.origin + path, {
    method,
    signal: leaving.signal,
    headers: {
      ...fromElsewhere(),
      ...(caller.credential !== null && { authorization: `Bearer ${caller.credential}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const { status, headers } = response;
  if (headers.get('content-type')?.startsWith('text/event-stream')) {
    leaving.abort();
    return { status, headers, body: '' };
  }
  const text = await response.text();
  const isJson = /[/+]json/.test(headers.get('content-type') ?? '');
  return { status, headers, body: isJson ? (JSON.parse(text) as unknown) : text };
}

async function replyToSocket({ world, caller, id }: Given, path: string): Promise<Reply> {
  const { socket } = SocketClient.connect(world.app.origin, path.split('/')[3] ?? '', {
    headers: fromElsewhere(),
    ...(caller.credential !== null && { key: caller.credential }),
  });
  const response = await Promise.race([
    once(socket, 'open').then(() => null),
    once(socket, 'unexpected-response').then(([, refusal]) => refusal as IncomingMessage),
  ]);
  if (response === null) {
    socket.terminate();
    return { outcome: '101', answer: null };
  }
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
  const headers = new Headers(response.headers as Record<string, string>);
  const answer = { status: response.statusCode ?? 0, headers, body: JSON.parse(text) as unknown };
  return { outcome: outcomeOf(answer), answer: answerOf(answer, id) };
}

export function isSuccess(outcome: string): boolean {
  return /^(101|2\d\d)$/.test(outcome);
}

function outcomeOf({ status, body }: Answer): string {
  if (status < 400) return String(status);
  const said = body as { error?: unknown; code?: unknown };
  if (typeof said.error === 'string') return `${status} ${codeOfText(status, said.error)}`;
  const code = (said.error as { code?: unknown } | undefined)?.code ?? said.code;
  return typeof code === 'string' ? `${status} ${code}` : String(status);
}

/** Of a surface whose errors are texts without a code. */
function codeOfText(status: number, text: string): string {
  if (/ lacks the scope [a-z:]+\.$/.test(text)) return 'insufficient_scope';
  const codes = Object.entries(ERROR_CODES).filter(([, [of]]) => of === status);
  const said = codes.find(([, [, , title]]) => title === text) ?? (codes.length === 1 && codes[0]);
  return said ? said[0] : status === 404 ? 'not_found' : 'other';
}

function answerOf(answer: Answer, id: string): unknown {
  // Ids that stand in the answer because the caller has named them; none is replaced by nothing.
  const [first = '', ...more] = id.split('/').filter((one) => one !== '');
  if (first === '') return null;
  const text = JSON.stringify(comparable(answer, first));
  return JSON.parse(more.reduce((rest, one) => rest.replaceAll(one, '<id>'), text)) as unknown;
}

/** A session that is ended is begun again: those routes come last, when nothing depends on it any more. */
function order({ url }: AppRoute): number {
  return url.startsWith('/v1/auth/') ? 1 : 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
