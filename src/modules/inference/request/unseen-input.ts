import {
  endOfInnerText,
  type InnerMember,
  isAlike,
  JsonName,
  readInnerText,
  visitMembers,
} from '#common/json/json-members.js';
import { featureMask } from '#modules/keys/index.js';

import type { Target } from '../upstream/provider-adapter.js';
import { type InferenceRequest, refuseLookalike } from './inference-request.js';
import { requestedFeatures } from './requested-features.js';

/**
 * The most that one image costs: Qwen-VL's largest, 16,384 patches of 28 pixels. OpenAI's are at most 1,445 tokens by
 * tiles (85 + 8 × 170) and about 12,000 by patches, Anthropic's below 5,000.
 */
export const IMAGE_TOKENS = 16_384;
/** `gpt-4o-mini` counts the same tiles as more tokens: 2,833 + 8 × 5,667 (OpenAI's guide to images and vision). */
export const GPT_4O_MINI_IMAGE_TOKENS = 48_169;
/** What providers tell the model of tools besides their definitions: Anthropic up to 530 tokens, by its documentation. */
export const TOOLS_TOKENS = 1_024;
/** Of a model whose route does not say. */
export const DEFAULT_CONTEXT_LENGTH = 200_000;

const GPT_4O_MINI = /gpt-4o-mini/i;

const TOOLS = [new JsonName('tools'), new JsonName('functions')];
/** What the model reads. The input of embeddings may be made of content parts as well as messages are. */
const CONTENT = [new JsonName('messages'), new JsonName('input')];
/** The provider looks something up and reads it to the model. */
const READS_MORE = featureMask(['web_search', 'custom_presets']);

const TYPE = new JsonName('type');
const IMAGE_URL = new JsonName('image_url');
const URL_INSIDE = new JsonName('url');
/** Parts of type `image_url` are told by the member of that name, which some servers take without the type. */
const IMAGE_TYPES = new Set<string | undefined>(['image', 'input_image']);
/** Files, by their bytes, a URL or an id, and video: any number of pages or minutes. */
const OPEN_TYPES = new Set<string | undefined>([
  ...['file', 'input_file', 'document'],
  ...['video', 'video_url', 'input_video'],
]);
/** Audio by a URL, or by the id of an earlier answer (`audio`). Audio by its bytes costs fewer tokens than these. */
const OPEN_MEMBERS = ['audio_url', 'audio', 'video_url'].map((name) => new JsonName(name));
const TELLING = [TYPE, IMAGE_URL, ...OPEN_MEMBERS];
const MARKS = TELLING.reduce((marks, { mark }) => marks | mark, 0);
const HASHES = new Set([...TELLING, URL_INSIDE].map(({ hash }) => hash));

const QUOTE = 0x22;
const DATA_IMAGE = Buffer.from('data:image');

/** Where a request's bytes say little of its tokens. */
export type UnseenInput = {
  /** The most tokens that cost no bytes. */
  readonly tokens: number;
  /** Bytes that cost no tokens: of images. */
  readonly imageBytes: number;
};

const NOTHING: UnseenInput = { tokens: 0, imageBytes: 0 };
const TOOLS_ONLY: UnseenInput = { tokens: TOOLS_TOKENS, imageBytes: 0 };

/**
 * What of the input can't be told by the length of the body. Images cost {@link IMAGE_TOKENS} each; a file, a video,
 * audio that is not in the body, a web search or a preset cost as much as the model reads at most, once. All together
 * cost no more than that either. Text costs no look: then it is done when no name inside speaks of parts.
 * @throws {AppError} `invalid_request` for a member in question that is written in other letters
 */
export function unseenInput(request: InferenceRequest, target: InputTarget): UnseenInput {
  const hasTools = TOOLS.some((name) => request.mentions(name));
  const readsMore = requestedFeatures(request, request.surface, READS_MORE) !== 0;
  const parts = request.mentionsInside(MARKS) ? partsOf(request) : null;
  if (!readsMore && (!parts || (parts.images === 0 && !parts.hasOpenEnd))) {
    return hasTools ? TOOLS_ONLY : NOTHING;
  }
  const { images, imageBytes, hasOpenEnd } = parts ?? new PartCounter(request.body);
  const most = target.contextLength ?? DEFAULT_CONTEXT_LENGTH;
  const ofImages = images * imageTokensOf(target);
  const ofParts = readsMore || hasOpenEnd ? most : Math.min(ofImages, most);
  return { tokens: ofParts + (hasTools ? TOOLS_TOKENS : 0), imageBytes };
}

export type InputTarget = Pick<Target, 'upstreamModel' | 'contextLength'>;

function imageTokensOf({ upstreamModel }: InputTarget): number {
  return GPT_4O_MINI.test(upstreamModel) ? GPT_4O_MINI_IMAGE_TOKENS : IMAGE_TOKENS;
}

function partsOf(request: InferenceRequest): PartCounter {
  const counter = new PartCounter(request.body);
  for (const name of CONTENT) {
    if (!request.mentions(name)) continue;
    refuseLookalike(request, name);
    const member = request.find(name);
    if (member) visitMembers(request.body, member, (inner) => counter.visit(inner));
  }
  return counter;
}

/** Counts the parts of a message that are more than text. One that is written twice counts twice. */
class PartCounter {
  images = 0;
  imageBytes = 0;
  hasOpenEnd = false;
  /** How deep the members of the `image_url` stand that is being read; 0: of none. */
  #urlDepth = 0;

  constructor(private readonly body: Buffer) {}

  visit(member: InnerMember): void {
    if (member.depth < this.#urlDepth) this.#urlDepth = 0;
    if (!HASHES.has(member.keyHash)) return;
    if (this.#is(member, TYPE)) this.#addType(readInnerText(this.body, member)?.toLowerCase());
    else if (this.#is(member, IMAGE_URL)) {
      this.images++;
      this.#urlDepth = member.depth + 1;
      this.#leaveOut(member);
    } else if (member.depth === this.#urlDepth && this.#is(member, URL_INSIDE)) {
      this.#leaveOut(member);
    } else if (OPEN_MEMBERS.some((name) => this.#is(member, name))) this.hasOpenEnd = true;
  }

  #is(member: InnerMember, name: JsonName): boolean {
    return isAlike(this.body, member, name);
  }

  #addType(type: string | undefined): void {
    if (IMAGE_TYPES.has(type)) this.images++;
    else if (OPEN_TYPES.has(type)) this.hasOpenEnd = true;
  }

  /** The bytes of an image, where the URL is one of data. */
  #leaveOut(member: InnerMember): void {
    const { body } = this;
    const start = member.valueStart + 1;
    if (body[member.valueStart] !== QUOTE) return;
    if (!DATA_IMAGE.equals(body.subarray(start, start + DATA_IMAGE.length))) return;
    this.imageBytes += endOfInnerText(body, member) - 1 - start;
  }
}
