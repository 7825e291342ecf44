/** Calls of a real instance, whose answers are held to the document of the API. */
import { expect } from 'vitest';

import type { Answer, Call, TestApp } from '../support/app.js';
import { OPERATIONS, type Operation, Schemas } from './api-document.js';

const OURS = new Schemas(true);
/** Providers answer with more fields than the gateway knows of. */
const THEIRS = new Schemas(false);

export type Values = {
  readonly id?: string;
  readonly deliveryId?: string;
  readonly userId?: string;
  readonly token?: string;
  readonly path?: string;
  readonly environment?: string;
  readonly query?: string;
};
export type Body = Record<string, unknown> & { readonly id: string };

export function operationOf(id: string): Operation {
  const found = OPERATIONS.find(({ operationId }) => operationId === id);
  if (!found) throw new Error(`There is no operation ${id}.`);
  return found;
}

export class DocumentedCalls {
  /** Operations whose success was looked at. */
  readonly seen = new Set<string>();

  constructor(private readonly app: TestApp) {}

  async succeed(id: string, values: Values = {}, call: Call = {}): Promise<Body> {
    const answer = await this.#send(id, values, call);
    expect(answer.status, `${id}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
    this.expectDocumented(id, answer);
    this.seen.add(id);
    return answer.body as Body;
  }

  async fail(id: string, status: number, values: Values, call: Call = {}): Promise<void> {
    const answer = await this.#send(id, values, call);
    expect(answer.status, `${id}: ${JSON.stringify(answer.body)}`).toBe(status);
    this.expectDocumented(id, answer);
  }

  /** The answer must be one that the document names, and hold every field that it names; ours hold no other. */
  expectDocumented(id: string, answer: Answer): void {
    const documented = operationOf(id).responses[String(answer.status)];
    expect(
      documented,
      `${id} answers ${answer.status}: ${JSON.stringify(answer.body)}`,
    ).toBeDefined();
    const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const media = documented?.content?.[type];
    expect(media, `${id} answers ${type}`).toBeDefined();
    const isTheirs = operationOf(id)['x-required-scope'] === 'inference' && answer.status < 300;
    const schemas = isTheirs ? THEIRS : OURS;
    expect(schemas.problemsOf(media?.schema ?? {}, answer.body), id).toEqual([]);
  }

  #send(id: string, values: Values, call: Call): Promise<Answer> {
    const { method, path } = operationOf(id);
    const filled = path
      .replace('{id}', values.id ?? '')
      .replace('{delivery_id}', values.deliveryId ?? '')
      .replace('{user_id}', values.userId ?? '')
      .replace('{token}', values.token ?? '')
      .replace('{environment}', values.environment ?? 'nowhere')
      .replace('{path}', values.path ?? '');
    return this.app.call(method, filled + (values.query ?? ''), call);
  }
}
