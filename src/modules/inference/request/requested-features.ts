import {
  type InnerMember,
  isAlike,
  isNull,
  type JsonMember,
  JsonName,
  readInnerText,
  readMember,
  visitMembers,
} from '#common/json/json-members.js';
import {
  ALL_FEATURES,
  type Feature,
  type FeatureMask,
  featureMask,
  FEATURES,
} from '#modules/keys/index.js';

import type { Surface } from '../surface.js';
import { type InferenceRequest, refuseLookalike } from './inference-request.js';

const TOOLS = new JsonName('tools');
const FUNCTIONS = new JsonName('functions');
const TOOL_CHOICE = new JsonName('tool_choice');
const FUNCTION_CALL = new JsonName('function_call');
const RESPONSE_FORMAT = new JsonName('response_format');
const MODALITIES = new JsonName('modalities');
const AUDIO = new JsonName('audio');
const WEB_SEARCH_OPTIONS = new JsonName('web_search_options');
const PLUGINS = new JsonName('plugins');
const TRANSFORMS = new JsonName('transforms');
const PRESET = new JsonName('preset');
const SERVICE_TIER = new JsonName('service_tier');
const CACHE_CONTROL = new JsonName('cache_control');
const CACHING = [
  new JsonName('prompt_cache_key'),
  new JsonName('prompt_cache_retention'),
  CACHE_CONTROL,
];
/** What the model reads. The input of embeddings may be made of content parts as well as messages are. */
const CONTENT = ['messages', 'input'].map((name) => new JsonName(name));

const TYPE = new JsonName('type');
const FUNCTION = new JsonName('function');
const STRICT = new JsonName('strict');
const ID = new JsonName('id');

const LETTER_F = 0x66;

const NONE: FeatureMask = 0;
const VISION = featureMask(['vision']);
const AUDIO_INPUT = featureMask(['audio_input']);
const FILE_INPUT = featureMask(['file_input']);
const PROMPT_CACHING = featureMask(['prompt_caching']);
const WEB_SEARCH = featureMask(['web_search']);
const FUNCTION_CALLING = featureMask(['function_calling']);
const STRUCTURED_OUTPUTS = featureMask(['structured_outputs']);
const MESSAGE_TRANSFORMS = featureMask(['message_transforms']);

/** By the type of a content part: OpenAI's, of both its APIs, and Anthropic's. */
const PART_TYPES = new Map<string | undefined, FeatureMask>([
  ['image_url', VISION],
  ['input_image', VISION],
  ['image', VISION],
  ['input_audio', AUDIO_INPUT],
  ['audio_url', AUDIO_INPUT],
  ['file', FILE_INPUT],
  ['input_file', FILE_INPUT],
  ['document', FILE_INPUT],
]);
/** vLLM takes a part without a type for what its members say (`chat_utils.py`, `_parse_chat_message_content_mm_part`). */
const PART_MEMBERS: readonly (readonly [JsonName, FeatureMask])[] = [
  [new JsonName('image_url'), VISION],
  [new JsonName('input_audio'), AUDIO_INPUT],
  [new JsonName('audio_url'), AUDIO_INPUT],
];
/** Names that say what content makes use of. Where none of them stands there is nothing but text. */
const CONTENT_MARKS = [TYPE, CACHE_CONTROL, ...PART_MEMBERS.map(([name]) => name)].reduce(
  (marks, { mark }) => marks | mark,
  0,
);
/** OpenRouter's, by their id. */
const PLUGIN_IDS = new Map<string | undefined, FeatureMask>([
  ['web', WEB_SEARCH],
  ['context-compression', MESSAGE_TRANSFORMS],
]);
/** OpenAI's `web_search`, `web_search_preview`, …, Anthropic's `web_search_20250305`, OpenRouter's `openrouter:web_search`. */
const WEB_SEARCH_TYPE = /^(?:openrouter:)?web_search/;

/** Whether a call makes use of a feature. */
type Rule = (call: Call) => boolean;

const RULES: Readonly<Record<Feature, Rule>> = {
  chat_completion: ({ surface }) => surface.name === 'chat.completions',
  text_completion: ({ surface }) => surface.name === 'completions',
  embeddings: ({ surface }) => surface.name === 'embeddings',
  streaming: ({ request }) => request.stream,
  function_calling: (call) =>
    hasFunctionTool(call) ||
    isFilled(call.valueOf(FUNCTIONS)) ||
    isChoice(call.valueOf(TOOL_CHOICE)) ||
    isChoice(call.valueOf(FUNCTION_CALL)),
  vision: (call) => has(call.inContent, VISION),
  audio_input: (call) =>
    has(call.inContent, AUDIO_INPUT) ||
    call.find(AUDIO) !== undefined ||
    asksForAudio(call.valueOf(MODALITIES)),
  file_input: (call) => has(call.inContent, FILE_INPUT),
  structured_outputs: (call) => hasFormat(call) || has(call.inTools, STRUCTURED_OUTPUTS),
  web_search: (call) =>
    call.model.endsWith(':online') ||
    call.find(WEB_SEARCH_OPTIONS) !== undefined ||
    has(call.inTools, WEB_SEARCH) ||
    has(call.inPlugins, WEB_SEARCH),
  prompt_caching: (call) =>
    CACHING.some((name) => call.find(name) !== undefined) ||
    has(call.inContent, PROMPT_CACHING) ||
    has(call.inTools, PROMPT_CACHING),
  message_transforms: (call) =>
    isFilled(call.valueOf(TRANSFORMS)) || has(call.inPlugins, MESSAGE_TRANSFORMS),
  // OpenRouter takes `@preset/name` alone and behind a model.
  custom_presets: (call) => call.model.includes('@preset/') || call.find(PRESET) !== undefined,
  batch_processing: () => false,
  priority_queue: (call) => foldedText(call.valueOf(SERVICE_TIER)) === 'priority',
  zero_completion_insurance: () => false,
};

function asksForAudio(modalities: unknown): boolean {
  if (modalities === undefined) return false;
  return [modalities].flat().some((modality) => foldedText(modality) === 'audio');
}

/** In the name of a model: OpenRouter's `:online` and `@preset/name`. */
const TELLING_IN_MODEL = /[:@]/;
/** Members that say something of features, but for the content, which nearly every request has. */
const TELLING = new Set(
  [
    ...[TOOLS, FUNCTIONS, TOOL_CHOICE, FUNCTION_CALL, RESPONSE_FORMAT, MODALITIES, AUDIO],
    ...[WEB_SEARCH_OPTIONS, PLUGINS, TRANSFORMS, PRESET, SERVICE_TIER, ...CACHING],
  ].map(({ hash }) => hash),
);

const RULE_OF_BIT = toRules(FEATURES);
/** All that a request can make use of that is text and nothing else. */
const RULE_OF_PLAIN_BIT = toRules([
  'chat_completion',
  'text_completion',
  'embeddings',
  'streaming',
]);

function toRules(features: readonly Feature[]): readonly (readonly [FeatureMask, Rule])[] {
  return features.map((feature) => [featureMask([feature]), RULES[feature]]);
}

/**
 * Which features of `relevant` the request makes use of; no other is looked for. It reads the body as a provider would
 * that means ill: keys and types count in whatever letter case and with whatever escapes, and of two keys in one object
 * both count. It costs one pass over the members in question, and none where there is nothing but text.
 * @throws {AppError} `invalid_request` for a member in question that is written in other letters
 */
export function requestedFeatures(
  request: InferenceRequest,
  surface: Surface,
  relevant: FeatureMask,
): FeatureMask {
  return relevant === NONE ? NONE : featuresOf(new Call(request, surface, true), relevant);
}

/** As {@link requestedFeatures}, all of them, of a call that has been served: nothing is refused any more. */
export function usedFeatures(request: InferenceRequest, surface: Surface): FeatureMask {
  return featuresOf(new Call(request, surface, false), ALL_FEATURES);
}

function featuresOf(call: Call, relevant: FeatureMask): FeatureMask {
  let uses = NONE;
  for (const [bit, isUsed] of call.isPlain ? RULE_OF_PLAIN_BIT : RULE_OF_BIT) {
    if (has(relevant, bit) && isUsed(call)) uses |= bit;
  }
  return uses;
}

/** A request while it is looked at: each part at most once, and only when a rule asks. */
class Call {
  #inContent: FeatureMask | null = null;
  #inTools: FeatureMask | null = null;
  #inPlugins: FeatureMask | null = null;

  /** Most requests have no such member, and then none need be looked for. */
  readonly #hasTelling: boolean;

  constructor(
    readonly request: InferenceRequest,
    readonly surface: Surface,
    private readonly isStrict: boolean,
  ) {
    this.#hasTelling = request.members.some(({ keyHash }) => TELLING.has(keyHash));
  }

  /** Most requests are: then no name and no member says anything of features. */
  get isPlain(): boolean {
    const { request } = this;
    return (
      !this.#hasTelling &&
      !request.mentionsInside(CONTENT_MARKS) &&
      !TELLING_IN_MODEL.test(request.model)
    );
  }

  /** The model's name, in lower case. */
  get model(): string {
    return this.request.model.toLowerCase();
  }

  get inContent(): FeatureMask {
    return (this.#inContent ??= CONTENT.reduce(
      (uses, name) => uses | this.#look(this.#member(name), useInContent),
      NONE,
    ));
  }

  get inTools(): FeatureMask {
    return (this.#inTools ??= this.#look(this.find(TOOLS), useInTools));
  }

  get inPlugins(): FeatureMask {
    return (this.#inPlugins ??= this.#look(this.find(PLUGINS), useInPlugins));
  }

  /** One of {@link TELLING} that is given and not null. */
  find(name: JsonName): JsonMember | undefined {
    return this.#hasTelling ? this.#member(name) : undefined;
  }

  #member(name: JsonName): JsonMember | undefined {
    if (!this.request.mentions(name)) return undefined;
    if (this.isStrict) refuseLookalike(this.request, name);
    const member = this.request.find(name);
    return member && !isNull(this.request.body, member) ? member : undefined;
  }

  /** `undefined` also for null. */
  valueOf(name: JsonName): unknown {
    const member = this.find(name);
    return member && readMember(this.request.body, member);
  }

  #look(member: JsonMember | undefined, useIn: UseIn): FeatureMask {
    let uses = NONE;
    if (member) {
      const { body } = this.request;
      visitMembers(body, member, (inner) => {
        uses |= useIn(body, inner);
      });
    }
    return uses;
  }
}

/** What one member somewhere inside a value makes use of. */
type UseIn = (body: Buffer, member: InnerMember) => FeatureMask;

const useInContent: UseIn = (body, member) => {
  if (isAlike(body, member, TYPE)) return PART_TYPES.get(textIn(body, member)) ?? NONE;
  for (const [name, use] of PART_MEMBERS) if (isAlike(body, member, name)) return use;
  return caching(body, member);
};

/** The members of a tool stand in 2 containers, those of its function in 3; what JSON schemas say further inside is none. */
const useInTools: UseIn = (body, member) => {
  if (member.depth <= 3 && isAlike(body, member, STRICT)) {
    return isFalseOrNull(body, member) ? NONE : STRUCTURED_OUTPUTS;
  }
  if (member.depth <= 2) {
    if (isAlike(body, member, TYPE)) {
      return isWebSearch(textIn(body, member)) ? WEB_SEARCH : FUNCTION_CALLING;
    }
    // Whatever its type: a lenient server may not look at that.
    if (isAlike(body, member, FUNCTION) && !isNull(body, member)) return FUNCTION_CALLING;
  }
  return caching(body, member);
};

const useInPlugins: UseIn = (body, member) =>
  isAlike(body, member, ID) ? (PLUGIN_IDS.get(textIn(body, member)) ?? NONE) : NONE;

function caching(body: Buffer, member: InnerMember): FeatureMask {
  return isAlike(body, member, CACHE_CONTROL) && !isNull(body, member) ? PROMPT_CACHING : NONE;
}

function hasFunctionTool(call: Call): boolean {
  if (has(call.inTools, FUNCTION_CALLING)) return true;
  const tools = call.valueOf(TOOLS);
  if (!Array.isArray(tools)) return tools !== undefined;
  return tools.some((tool: { type?: unknown } | null) => !isWebSearch(foldedText(tool?.type)));
}

/** Whether the answer must be more than text: every given type says so, or none is given. */
function hasFormat(call: Call): boolean {
  const format = call.find(RESPONSE_FORMAT);
  if (!format) return false;
  const { body } = call.request;
  const types: (string | null)[] = [];
  visitMembers(body, format, (member) => {
    if (member.depth === 1 && isAlike(body, member, TYPE)) types.push(readInnerText(body, member));
  });
  return types.length === 0 || types.some((type) => type !== 'text');
}

function isChoice(choice: unknown): boolean {
  return choice !== undefined && choice !== 'none' && choice !== 'auto';
}

/** A list that is not empty, or something else that a provider might read as one. */
function isFilled(list: unknown): boolean {
  return Array.isArray(list) ? list.length > 0 : list !== undefined;
}

function isWebSearch(type: string | undefined): boolean {
  return type !== undefined && WEB_SEARCH_TYPE.test(type);
}

function textIn(body: Buffer, member: InnerMember): string | undefined {
  return readInnerText(body, member)?.toLowerCase();
}

function foldedText(value: unknown): string | undefined {
  return typeof value === 'string' ? value.toLowerCase() : undefined;
}

function isFalseOrNull(body: Buffer, member: InnerMember): boolean {
  return isNull(body, member) || body[member.valueStart] === LETTER_F;
}

function has(mask: FeatureMask, bit: FeatureMask): boolean {
  return (mask & bit) !== NONE;
}
