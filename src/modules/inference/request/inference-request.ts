import { AppError } from '#common/errors/app-error.js';
import { type JsonMember, type JsonStructure, scanJson } from '#common/json/json-structure.js';

import type { Surface } from '../surface.js';

/** Longest body of an inference call, in bytes: room for several images. */
export const INFERENCE_BODY_LIMIT = 32 * 1024 * 1024;
const MAX_DEPTH = 128;
const MAX_MODEL_LENGTH = 256;

/** A call as the client sent it: the bytes, what they mean, and where in them the members stand that may be changed. */
export type InferenceRequest = {
  readonly body: Buffer;
  readonly parsed: Readonly<Record<string, unknown>>;
  readonly members: JsonStructure['members'];
  readonly model: string;
  readonly stream: boolean;
  /** Whether the client asked for the usage chunk of a stream itself. */
  readonly wantsUsage: boolean;
};

/**
 * Parses the body, once. Only what the gateway itself acts on is checked; the rest is the provider's to judge.
 * @throws {AppError} `invalid_json`, `invalid_request`
 */
export function parseInferenceRequest(body: Buffer, surface: Surface): InferenceRequest {
  const { members, duplicateKey, parsed } = readObject(body);
  if (duplicateKey !== null) {
    // One reader takes the first, another the last: what is authorized must be what the provider gets.
    throw new AppError('invalid_json', {
      message: `The key ${printable(duplicateKey)} stands twice.`,
      param: printable(duplicateKey),
    });
  }
  refuseLookalikes(members);
  const stream = surface.streams && booleanMember(parsed, 'stream');
  return {
    body,
    parsed,
    members,
    model: modelOf(parsed),
    stream,
    wantsUsage: stream && wantsUsage(parsed),
  };
}

function readObject(body: Buffer): JsonStructure & { parsed: Record<string, unknown> } {
  let parsed: unknown;
  let structure: JsonStructure;
  try {
    // First: 32 MiB of brackets held `JSON.parse` up for 13 s. The scan ends at the depth that is too much.
    structure = scanJson(body, { maxDepth: MAX_DEPTH, everyLevel: false });
    parsed = structure.tooDeep ? {} : JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new AppError('invalid_json', {
      message: 'The request body is not valid JSON.',
      cause,
    });
  }
  if (structure.tooDeep) {
    throw new AppError('invalid_json', { message: `The JSON is nested deeper than ${MAX_DEPTH}.` });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new AppError('invalid_request', { message: 'The request body must be a JSON object.' });
  }
  return { ...structure, parsed: parsed as Record<string, unknown> };
}

/**
 * Some providers' JSON readers (Go's) take `Model` for `model`, and the last one counts: a request must not name one
 * model to the policy and another to the provider.
 */
function refuseLookalikes(members: JsonStructure['members']): void {
  for (const key of members.keys()) {
    if (key === 'model' || key.toLowerCase() !== 'model') continue;
    throw new AppError('invalid_request', {
      message: `Write model in lower case, and once: ${printable(key)} is not allowed.`,
      param: 'model',
    });
  }
}

function modelOf({ model }: Readonly<Record<string, unknown>>): string {
  if (typeof model !== 'string' || model === '' || model.length > MAX_MODEL_LENGTH) {
    throw new AppError('invalid_request', {
      message: `Name the model: a text of 1 to ${MAX_MODEL_LENGTH} characters. GET /v1/models lists them.`,
      param: 'model',
    });
  }
  return model;
}

function booleanMember(parsed: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = parsed[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw new AppError('invalid_request', { message: `${name} must be true or false.`, param: name });
}

function wantsUsage({ stream_options: options }: Readonly<Record<string, unknown>>): boolean {
  if (options === undefined || options === null) return false;
  if (typeof options !== 'object' || Array.isArray(options)) {
    throw new AppError('invalid_request', {
      message: 'stream_options must be an object.',
      param: 'stream_options',
    });
  }
  return booleanMember(options as Record<string, unknown>, 'include_usage');
}

function printable(key: string): string {
  return JSON.stringify(key.slice(0, 64)).slice(1, -1);
}

type Splice = { readonly from: number; readonly to: number; readonly text: string };

/**
 * The bytes for the provider: the client's own, unless the model has another name there or the usage of a stream must
 * be asked for. Then only those places are replaced; nothing is written anew.
 */
export function upstreamBody(request: InferenceRequest, upstreamModel: string): Buffer {
  const splices: Splice[] = [];
  if (upstreamModel !== request.model) {
    splices.push(replace(request.members.get('model'), JSON.stringify(upstreamModel)));
  }
  if (request.stream && !request.wantsUsage) splices.push(askForUsage(request));
  return splices.length === 0 ? request.body : splice(request.body, splices);
}

function askForUsage({ body, parsed, members }: InferenceRequest): Splice {
  const given = members.get('stream_options');
  if (given) {
    const options = { ...(parsed.stream_options as object | null), include_usage: true };
    return replace(given, JSON.stringify(options));
  }
  const afterBrace = body.indexOf('{') + 1;
  return {
    from: afterBrace,
    to: afterBrace,
    text: '"stream_options":{"include_usage":true},',
  };
}

function replace(member: JsonMember | undefined, text: string): Splice {
  if (!member) throw new Error('A member that was read must have a place in the text.');
  return { from: member.valueStart, to: member.valueEnd, text };
}

function splice(body: Buffer, splices: readonly Splice[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (const { from, to, text } of splices.toSorted((a, b) => a.from - b.from)) {
    parts.push(body.subarray(at, from), Buffer.from(text));
    at = to;
  }
  parts.push(body.subarray(at));
  return Buffer.concat(parts);
}
