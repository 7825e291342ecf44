import { AppError } from '#common/errors/app-error.js';
import {
  findLookalike,
  findMember,
  type JsonMember,
  JsonName,
  readMember,
  readText,
} from '#common/json/json-members.js';
import { JsonScanError, type JsonStructure, scanJson } from '#common/json/json-structure.js';

import type { Surface } from '../surface.js';
import type { RequestedRouting } from './requested-routing.js';

/** Longest body of an inference call, in bytes: room for several images. */
export const INFERENCE_BODY_LIMIT = 32 * 1024 * 1024;
/** Embeddings of 2,048 inputs may name 300,000 tokens by number (OpenAI's API reference). */
const BOUNDS = { maxDepth: 128, maxValues: 500_000, maxMembers: 256, everyLevel: false };
const MAX_MODEL_LENGTH = 256;

const MODEL = new JsonName('model');
const STREAM = new JsonName('stream');
const STREAM_OPTIONS = new JsonName('stream_options');
/** What the gateway itself acts on. */
const NAMES = [MODEL, STREAM, STREAM_OPTIONS];
/** How many output tokens a request may cost, by its older name and its newer one. */
export const MAX_TOKENS = new JsonName('max_tokens');
export const MAX_COMPLETION_TOKENS = new JsonName('max_completion_tokens');
/** Where a request wants to go. They are the gateway's own, and no provider gets them. */
export const PREFERENCE = new JsonName('preference');
export const ALLOWED_PROVIDERS = new JsonName('allowed_providers');
const ROUTING_MEMBERS = [PREFERENCE, ALLOWED_PROVIDERS];

/** A member in which the provider gets another number than the client gave. */
type OutputChange = readonly [name: JsonName, tokens: number];
const NO_CHANGES: readonly OutputChange[] = [];

/**
 * A call as the client sent it: the bytes, and what of them the gateway itself acts on. The rest is the provider's to
 * judge and is not even parsed, unless somebody asks.
 */
export class InferenceRequest {
  readonly model: string;
  readonly stream: boolean;
  /** Whether the client asked for the usage chunk of a stream itself. */
  readonly wantsUsage: boolean;
  /** Output tokens to ask for where the client names no number, by its key's policy; `null` for as many as there are. */
  outputLimit: number | null = null;
  /** What it says of its routing, which no provider gets to read; `null` for nothing. */
  wishes: RequestedRouting | null = null;
  #outputCeiling = Infinity;
  #parsed: Readonly<Record<string, unknown>> | null = null;

  constructor(
    readonly body: Buffer,
    readonly members: readonly JsonMember[],
    private readonly innerMarks: number,
    readonly surface: Surface,
  ) {
    this.model = modelOf(body, this.find(MODEL));
    this.stream = surface.streams && toBoolean(this.#valueOf(STREAM), 'stream');
    this.wantsUsage = this.stream && wantsUsage(this.#valueOf(STREAM_OPTIONS));
  }

  /** The whole body. It is valid JSON, and an object. */
  get parsed(): Readonly<Record<string, unknown>> {
    return (this.#parsed ??= JSON.parse(this.body.toString('utf8')) as Record<string, unknown>);
  }

  /** Whether any member may have this name, or a lookalike of it: seldom wrong, and costs next to nothing. */
  mentions({ hash }: JsonName): boolean {
    for (const { keyHash } of this.members) if (keyHash === hash) return true;
    return false;
  }

  /** Whether any member inside another may have one of these names, in whatever spelling: seldom wrong, and costs nothing. */
  mentionsInside(marks: number): boolean {
    return (this.innerMarks & marks) !== 0;
  }

  /** Where the member stands that has this name. */
  find(name: JsonName): JsonMember | undefined {
    return findMember(this.body, this.members, name);
  }

  /** Asks the provider for so many output tokens per choice at most, whatever the client or its key's policy say. */
  lowerOutputTo(tokens: number): void {
    this.#outputCeiling = Math.min(this.#outputCeiling, tokens);
  }

  /**
   * What the provider must be told of output tokens instead of what the client says: its own numbers where they are too
   * high, or else one as `max_tokens`, the name that most servers know. Only for surfaces that generate text, and for a
   * request that has passed `requestedOutputTokens`: no lookalike may override it.
   */
  get outputChanges(): readonly OutputChange[] {
    const ceiling = Math.min(this.outputLimit ?? Infinity, this.#outputCeiling);
    if (ceiling === Infinity || !this.surface.streams) return NO_CHANGES;
    const given = [MAX_TOKENS, MAX_COMPLETION_TOKENS].flatMap((name) => {
      const tokens = this.#valueOf(name) ?? null;
      return tokens === null ? [] : [{ name, tokens }];
    });
    if (given.length === 0) return [[MAX_TOKENS, ceiling]];
    return given
      .filter(({ tokens }) => (tokens as number) > this.#outputCeiling)
      .map(({ name }) => [name, this.#outputCeiling]);
  }

  #valueOf(name: JsonName): unknown {
    const member = this.find(name);
    return member && readMember(this.body, member);
  }
}

/**
 * Reads the body in one pass.
 * @throws {AppError} `invalid_json`, `invalid_request`
 */
export function parseInferenceRequest(body: Buffer, surface: Surface): InferenceRequest {
  const { isObject, members, duplicateKey, innerMarks } = scan(body);
  if (!isObject) {
    throw new AppError('invalid_request', { message: 'The request body must be a JSON object.' });
  }
  if (duplicateKey !== null) {
    // One reader takes the first, another the last: what is authorized must be what the provider gets.
    throw new AppError('invalid_json', {
      message: `The key ${printable(duplicateKey)} stands twice.`,
      param: printable(duplicateKey),
    });
  }
  for (const name of NAMES) refuseLookalike({ body, members }, name);
  return new InferenceRequest(body, members, innerMarks, surface);
}

function scan(body: Buffer): JsonStructure {
  try {
    return scanJson(body, BOUNDS);
  } catch (cause) {
    if (!(cause instanceof JsonScanError)) throw cause;
    throw new AppError('invalid_json', { message: cause.message, cause });
  }
}

/**
 * Some providers' JSON readers (Go's) take `Model` for `model`, and the last one counts: a request must not name one
 * model to the policy and another to the provider. So it is with every member that a policy looks at.
 * @throws {AppError} `invalid_request`
 */
export function refuseLookalike(
  { body, members }: Pick<InferenceRequest, 'body' | 'members'>,
  name: JsonName,
): void {
  const key = findLookalike(body, members, name);
  if (key === null) return;
  throw new AppError('invalid_request', {
    message: `Write ${name.text} in lower case, and once: ${printable(key)} is not allowed.`,
    param: name.text,
  });
}

function modelOf(body: Buffer, member: JsonMember | undefined): string {
  const model = member ? readText(body, member) : null;
  if (model === null || model === '' || model.length > MAX_MODEL_LENGTH) {
    throw new AppError('invalid_request', {
      message: `Name the model: a text of 1 to ${MAX_MODEL_LENGTH} characters. GET /v1/models lists them.`,
      param: 'model',
    });
  }
  return model;
}

function toBoolean(value: unknown, name: string): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  throw new AppError('invalid_request', { message: `${name} must be true or false.`, param: name });
}

function wantsUsage(options: unknown): boolean {
  if (options === undefined || options === null) return false;
  if (typeof options !== 'object' || Array.isArray(options)) {
    throw new AppError('invalid_request', {
      message: 'stream_options must be an object.',
      param: 'stream_options',
    });
  }
  return toBoolean((options as Record<string, unknown>).include_usage, 'include_usage');
}

function printable(key: string): string {
  return JSON.stringify(key.slice(0, 64)).slice(1, -1);
}

type Splice = { readonly from: number; readonly to: number; readonly text: string };

/**
 * The bytes for the provider: the client's own, unless the model has another name there, the usage of a stream must be
 * asked for, the output must be limited or it says where to go. Then only those places are replaced; nothing is written anew.
 */
export function upstreamBody(request: InferenceRequest, upstreamModel: string): Buffer {
  const splices: Splice[] = [];
  if (upstreamModel !== request.model) {
    splices.push(replace(request.find(MODEL), JSON.stringify(upstreamModel)));
  }
  if (request.stream && !request.wantsUsage) splices.push(askForUsage(request));
  for (const [name, tokens] of request.outputChanges) {
    splices.push(write(request, name, String(tokens)));
  }
  if (request.wishes !== null)
    splices.push(...ROUTING_MEMBERS.flatMap((name) => leaveOut(request, name)));
  return splices.length === 0 ? request.body : splice(request.body, splices);
}

function askForUsage(request: InferenceRequest): Splice {
  const given = request.find(STREAM_OPTIONS);
  const options = given && (readMember(request.body, given) as object | null);
  return write(request, STREAM_OPTIONS, JSON.stringify({ ...options, include_usage: true }));
}

/** Replaces the member's value, or puts the member before all others: there is the model, at least. */
function write(request: InferenceRequest, name: JsonName, value: string): Splice {
  const given = request.find(name);
  if (given) return replace(given, value);
  const afterBrace = request.body.indexOf('{') + 1;
  return { from: afterBrace, to: afterBrace, text: `"${name.text}":${value},` };
}

/** With one comma: the one behind it where it stands before the model, which is always there and stays, else the one before. */
function leaveOut(request: InferenceRequest, name: JsonName): Splice[] {
  const member = request.find(name);
  const model = request.find(MODEL);
  if (!member || !model) return [];
  return member.keyStart < model.keyStart
    ? [{ from: member.keyStart, to: request.body.indexOf(',', member.valueEnd) + 1, text: '' }]
    : [{ from: request.body.lastIndexOf(',', member.keyStart), to: member.valueEnd, text: '' }];
}

function replace(member: JsonMember | undefined, text: string): Splice {
  if (!member) throw new Error('A member that was read must have a place in the text.');
  return { from: member.valueStart, to: member.valueEnd, text };
}

/** What is put in at a place comes before what is taken out there. */
function inOrder(a: Splice, b: Splice): number {
  return a.from - b.from || a.to - b.to;
}

function splice(body: Buffer, splices: readonly Splice[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (const { from, to, text } of splices.toSorted(inOrder)) {
    parts.push(body.subarray(at, from), Buffer.from(text));
    at = to;
  }
  parts.push(body.subarray(at));
  return Buffer.concat(parts);
}
