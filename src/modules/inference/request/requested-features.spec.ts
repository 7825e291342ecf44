import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';
import {
  ALL_FEATURES,
  type Feature,
  featureMask,
  FEATURES,
  featuresOf,
} from '#modules/keys/index.js';

import { CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS, type Surface } from '../surface.js';
import { parseInferenceRequest } from './inference-request.js';
import { requestedFeatures } from './requested-features.js';

type Asked = { readonly surface?: Surface; readonly relevant?: readonly Feature[] };

/** The features of a whole body. */
function featuresIn(body: string, { surface, relevant }: Asked = {}): Feature[] {
  const asked = surface ?? CHAT_COMPLETIONS;
  const request = parseInferenceRequest(Buffer.from(body), asked);
  return featuresOf(
    requestedFeatures(request, asked, relevant ? featureMask(relevant) : ALL_FEATURES),
  );
}

/** The features that a chat completion makes use of because of these members. */
function useOf(members: string): Feature[] {
  return featuresIn(`{"model":"m",${members}}`).filter((feature) => feature !== 'chat_completion');
}

function message(part: string): string {
  return `"messages":[{"role":"user","content":[{"type":"text","text":"hi"},${part}]}]`;
}

const FUNCTION = '{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}';

describe('the feature of the operation', () => {
  it.each([
    [CHAT_COMPLETIONS, 'chat_completion'],
    [COMPLETIONS, 'text_completion'],
    [EMBEDDINGS, 'embeddings'],
  ])('of %o is %s', (surface, feature) => {
    expect(featuresIn('{"model":"m"}', { surface })).toEqual([feature]);
  });

  it('is streaming, too, where a surface streams', () => {
    expect(useOf('"stream":true')).toEqual(['streaming']);
    expect(useOf('"stream":false')).toEqual([]);
    expect(featuresIn('{"model":"m","stream":true}', { surface: EMBEDDINGS })).toEqual([
      'embeddings',
    ]);
  });
});

describe('function_calling', () => {
  it.each([
    [`"tools":[${FUNCTION}]`, true],
    ['"tools":[{"type":"custom","custom":{"name":"f"}}]', true],
    ['"tools":[{"name":"f","input_schema":{}}]', true],
    ['"tools":[{"type":null}]', true],
    ['"tools":["web_search"]', true],
    ['"tools":[null]', true],
    ['"tools":[[]]', true],
    ['"tools":{}', true],
    ['"tools":""', true],
    ['"tools":false', true],
    ['"tool\\u0073":[{}]', true],
    ['"tools":[]', false],
    ['"tools":[ ]', false],
    ['"tools":null', false],
    ['"functions":[{"name":"f"}]', true],
    ['"functions":{"name":"f"}', true],
    ['"functions":[]', false],
    ['"functions":null', false],
    ['"tool_choice":"required"', true],
    ['"tool_choice":{"type":"function","function":{"name":"f"}}', true],
    ['"tool_choice":"NONE"', true],
    ['"tool_choice":"none"', false],
    ['"tool_choice":"auto"', false],
    ['"tool_choice":"\\u0061uto"', false],
    ['"tool_choice":null', false],
    ['"function_call":{"name":"f"}', true],
    ['"function_call":"auto"', false],
    ['"function_call":null', false],
    ['"parallel_tool_calls":true', false],
    ['"messages":[{"role":"tool","content":"tools","tool_call_id":"c"}]', false],
  ])('of %s: %s', (members, isUsed) => {
    expect(useOf(members)).toEqual(isUsed ? ['function_calling'] : []);
  });
});

describe('web_search', () => {
  it.each([
    ['"web_search_options":{}', true],
    ['"web_search_options":{"search_context_size":"low"}', true],
    ['"web_search_options":false', true],
    ['"web_search_options":null', false],
    ['"tools":[{"type":"web_search"}]', true],
    ['"tools":[{"type":"web_search_preview_2025_03_11"},{"type":"web_search_20250305"}]', true],
    ['"tools":[{"type":"openrouter:web_search","parameters":{"type":"object"}}]', true],
    ['"tools":[{"type":"WEB\\u005fsearch"}]', true],
    ['"plugins":[{"id":"web","max_results":3}]', true],
    ['"plugins":[{"id":"file-parser"},{"I\\u0064":"Web"}]', true],
    ['"plugins":[{"id":"web","id":"file-parser"}]', true],
    ['"plugins":[{"id":"file-parser","engine":"web"}]', false],
    ['"plugins":["web"]', false],
    ['"plugins":null', false],
    ['"messages":[{"role":"user","content":"web_search"}]', false],
  ])('of %s: %s', (members, isUsed) => {
    expect(useOf(members)).toEqual(isUsed ? ['web_search'] : []);
  });

  it.each([
    ['openai/gpt-4o:online', true],
    ['openai/gpt-4o:ONLINE', true],
    ['openai/gpt-4o\\u003aonline', true],
    ['openai/gpt-4o:online:free', false],
    ['online', false],
  ])('of the model %s: %s', (model, isUsed) => {
    expect(featuresIn(`{"model":"${model}"}`)).toEqual([
      'chat_completion',
      ...(isUsed ? ['web_search'] : []),
    ]);
  });

  it.each([
    '"tools":[{"type":"web_search","type":"function"}]',
    '"tools":[{"type":"function","type":"web_search"}]',
    '"tools":[{"type":"web_search","Type":"function"}]',
    '"tools":[{"type":"web_search","function":{"name":"f"}}]',
    '"tools":{"type":"web_search"}',
    `"tools":[{"type":"web_search"},${FUNCTION}]`,
  ])('and function_calling both, since readers differ on %s', (members) => {
    expect(useOf(members)).toEqual(['function_calling', 'web_search']);
  });
});

describe('the parts of a message', () => {
  it.each<[string, Feature[]]>([
    ['{"type":"image_url","image_url":{"url":"https://x"}}', ['vision']],
    ['{"type":"input_image","image":"x"}', ['vision']],
    ['{"type":"image","source":{"type":"base64","data":""}}', ['vision']],
    ['{"type":"Image_URL"}', ['vision']],
    ['{"type":"image\\u005furl"}', ['vision']],
    ['{"typ\\u0065":"image_url"}', ['vision']],
    ['{"TYPE" :\n"image_url"}', ['vision']],
    ['{"type":"image_url","type":"text"}', ['vision']],
    ['{"type":"text","type":"image_url"}', ['vision']],
    ['{"image_url":"https://x"}', ['vision']],
    ['{"type":"text","image\\u005FURL":null,"uuid":"cached"}', ['vision']],
    ['{"x":{"y":[[{"type":"image_url"}]]}}', ['vision']],
    ['{"type":"input_audio","input_audio":{"data":"","format":"wav"}}', ['audio_input']],
    ['{"type":"audio_url","audio_url":{"url":""}}', ['audio_input']],
    ['{"input_audio":{"data":""}}', ['audio_input']],
    ['{"type":"file","file":{"file_id":"x"}}', ['file_input']],
    ['{"type":"input_file"}', ['file_input']],
    ['{"type":"document","source":{"type":"text"}}', ['file_input']],
    ['{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}', ['prompt_caching']],
    ['{"type":"text","cache\\u005fcontrol":{}}', ['prompt_caching']],
    ['{"type":"text","cache_control":null,"cache_control":{}}', ['prompt_caching']],
    [
      '{"type":"image","type":"file","type":"input_audio"}',
      ['vision', 'audio_input', 'file_input'],
    ],
    ['{"type":"text","text":"\\"type\\":\\"image_url\\""}', []],
    ['{"type":"text","text":"{\\"type\\":\\"image_url\\"}"}', []],
    ['{"type":"text","text":"image_url","name":"file"}', []],
    ['{"type":"text","cache_control":null}', []],
    ['{"type":["image_url"]}', []],
    ['{"type":"image_urls","image_urls":[],"":"image_url"}', []],
    ['{"type":"refusal","refusal":"no"}', []],
    ['"image_url"', []],
  ])('%s: %j', (part, features) => {
    expect(useOf(message(part))).toEqual(features);
  });

  it('count wherever they stand in the messages, and nowhere else', () => {
    const part = '{"type":"image_url"}';
    expect(useOf(`"messages":${part}`)).toEqual(['vision']);
    expect(useOf(`"messages":[{"role":"user","content":${part}}]`)).toEqual(['vision']);
    expect(useOf(`"messages":[{"role":"tool","content":[${part}]}]`)).toEqual(['vision']);
    expect(useOf(`"metadata":${part},"x":${part}`)).toEqual([]);
  });

  it('count in the input of embeddings', () => {
    const ask = (input: string): Feature[] =>
      featuresIn(`{"model":"m","input":${input}}`, { surface: EMBEDDINGS });
    expect(ask('[{"content":[{"type":"image_url"}]}]')).toEqual(['embeddings', 'vision']);
    expect(ask('["image_url",[1,2,3]]')).toEqual(['embeddings']);
  });
});

describe('other members', () => {
  it.each<[string, Feature[]]>([
    ['"modalities":["text","audio"]', ['audio_input']],
    ['"modalities":["Audi\\u006f"]', ['audio_input']],
    ['"modalities":"audio"', ['audio_input']],
    ['"modalities":["text",null]', []],
    ['"modalities":null', []],
    ['"audio":{"voice":"alloy"}', ['audio_input']],
    ['"audio":null', []],
    ['"response_format":{"type":"json_object"}', ['structured_outputs']],
    ['"response_format":{"type":"json_schema","json_schema":{}}', ['structured_outputs']],
    ['"response_format":{"type":"text","type":"json_object"}', ['structured_outputs']],
    ['"response_format":{"type":"json_object","Type":"text"}', ['structured_outputs']],
    ['"response_format":{"type":"TEXT"}', ['structured_outputs']],
    ['"response_format":{}', ['structured_outputs']],
    ['"response_format":"json_object"', ['structured_outputs']],
    ['"response_format":{"type":"t\\u0065xt"}', []],
    ['"response_format":{"type":"text","x":{"type":"json_object"}}', []],
    ['"response_format":null', []],
    ['"structured_outputs":true,"guided_json":{}', []],
    ['"cache_control":{"type":"ephemeral"}', ['prompt_caching']],
    ['"cache_control":null', []],
    ['"prompt_cache_key":"k"', ['prompt_caching']],
    ['"prompt_cache_key":""', ['prompt_caching']],
    ['"prompt_cache_key":null', []],
    ['"prompt_cache_retention":"24h"', ['prompt_caching']],
    ['"prompt_cache_retention":null', []],
    ['"transforms":["middle-out"]', ['message_transforms']],
    ['"transforms":"middle-out"', ['message_transforms']],
    ['"transforms":{}', ['message_transforms']],
    ['"transforms":[]', []],
    ['"transforms":null', []],
    ['"plugins":[{"id":"context-compression"}]', ['message_transforms']],
    ['"preset":"p"', ['custom_presets']],
    ['"preset":null', []],
    ['"service_tier":"priority"', ['priority_queue']],
    ['"service_tier":"Priorit\\u0079"', ['priority_queue']],
    ['"service_tier":"auto"', []],
    ['"service_tier":["priority"]', []],
    ['"service_tier":null', []],
    ['"temperature":0,"user":"vision","x":null', []],
  ])('%s: %j', (members, features) => {
    expect(useOf(members)).toEqual(features);
  });

  it.each<[string, Feature[]]>([
    ['{"type":"function","function":{"name":"f","strict":true}}', ['structured_outputs']],
    ['{"type":"function","name":"f","str\\u0069ct":true}', ['structured_outputs']],
    ['{"type":"function","function":{"strict":false,"ſtrict":true}}', ['structured_outputs']],
    ['{"type":"function","function":{"strict":"yes"}}', ['structured_outputs']],
    ['{"type":"function","function":{"strict":false}}', []],
    ['{"type":"function","function":{"strict":null}}', []],
    ['{"type":"function","function":{"parameters":{"properties":{"strict":{}}}}}', []],
    ['{"type":"function","cache_control":{}}', ['prompt_caching']],
    ['{"type":"function","function":{"Cache_Control":{}}}', ['prompt_caching']],
    ['{"type":"function","function":{"parameters":{"type":"web_search"}}}', []],
    ['{"type":"function","function":{"description":"image_url","x":{"type":"image"}}}', []],
  ])('the tool %s: %j besides function_calling', (tool, features) => {
    expect(useOf(`"tools":[${tool}]`)).toEqual(['function_calling', ...features]);
  });

  it.each([
    ['@preset/writer', true],
    ['@Preset/writer', true],
    ['openai/gpt-4o@preset/writer', true],
    ['preset/writer', false],
  ])('the model %s is a preset: %s', (model, isUsed) => {
    expect(featuresIn(`{"model":"${model}"}`)).toEqual([
      'chat_completion',
      ...(isUsed ? ['custom_presets'] : []),
    ]);
  });
});

describe('requestedFeatures', () => {
  const everything = `{"model":"@preset/x:online","stream":true,"preset":"x","tools":[${FUNCTION}],
    "response_format":{"type":"json_object"},"cache_control":{},"transforms":["x"],"service_tier":"priority",
    ${message('{"type":"image"},{"type":"file"},{"type":"input_audio"}')}}`;
  const elsewhere: readonly Feature[] = [
    'text_completion',
    'embeddings',
    'batch_processing',
    'zero_completion_insurance',
  ];

  it('tells all features at once, but for those of other surfaces', () => {
    expect(featuresIn(everything)).toEqual(FEATURES.filter((name) => !elsewhere.includes(name)));
  });

  it('tells of those only that are relevant', () => {
    for (const feature of FEATURES) {
      expect(featuresIn(everything, { relevant: [feature] })).toEqual(
        elsewhere.includes(feature) ? [] : [feature],
      );
    }
    expect(featuresIn(everything, { relevant: [] })).toEqual([]);
  });

  it.each<[string, Feature, string]>([
    ['Tools', 'function_calling', 'tools'],
    ['TOOLS', 'web_search', 'tools'],
    ['tool\\u0053', 'structured_outputs', 'tools'],
    ['Messages', 'vision', 'messages'],
    ['meſſages', 'file_input', 'messages'],
    ['Audio', 'audio_input', 'audio'],
    ['Plugins', 'web_search', 'plugins'],
    ['Prompt_Cache_Key', 'prompt_caching', 'prompt_cache_key'],
    ['Transforms', 'message_transforms', 'transforms'],
    ['Preset', 'custom_presets', 'preset'],
    ['Service_Tier', 'priority_queue', 'service_tier'],
    ['Response_Format', 'structured_outputs', 'response_format'],
    ['Function_Call', 'function_calling', 'function_call'],
  ])('refuses %s where %s is relevant', (key, relevant, param) => {
    // Of content it matters only where there is more than text.
    const body = `{"model":"m","${key}":[{"type":"x"}]}`;
    const refusal = expect.objectContaining({ code: 'invalid_request', param }) as AppError;
    expect(() => featuresIn(body, { relevant: [relevant] })).toThrow(refusal);
    expect(featuresIn(body, { relevant: ['streaming', 'chat_completion'] })).toEqual([
      'chat_completion',
    ]);
  });

  it('finds a part exactly when it is planted, at whatever depth and however it is written', () => {
    const harmless = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom(null, 1, 'image_url', '"type":"image"', 'text', '\\', 'file'),
        fc.string({ unit: 'grapheme' }),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('text', 'content', 'url', '\\"', 'types'), tie('value')),
      ),
    })).value;
    const planted = fc.constantFrom<[string, string, Feature]>(
      ['type', 'image_url', 'vision'],
      ['type', 'input_audio', 'audio_input'],
      ['type', 'document', 'file_input'],
      ['image_url', 'x', 'vision'],
      ['cache_control', 'x', 'prompt_caching'],
    );
    const way = fc.array(fc.tuple(fc.boolean(), harmless), { maxLength: 40 });
    const disguise = fc.infiniteStream(fc.constantFrom<Disguise>('plain', 'escape', 'upper'));
    fc.assert(
      fc.property(planted, fc.boolean(), way, disguise, (plant, isPlanted, around, stream) => {
        const [key, value, feature] = plant;
        const write = (text: string): string =>
          `"${Array.from(text, (letter) => disguised(letter, stream.next().value as Disguise)).join('')}"`;
        const seed = isPlanted ? `{"a":1,${write(key)} :${write(value)}}` : '{"a":1}';
        const messages = around.reduce((inside, [isArray, beside]) => {
          const other = JSON.stringify(beside);
          return isArray ? `[${other},${inside}]` : `{"x":${other},"content": ${inside}}`;
        }, seed);
        expect(useOf(`"messages":[${messages}]`)).toEqual(isPlanted ? [feature] : []);
      }),
      { numRuns: 500 },
    );
  });

  it('walks 128 containers in one another and 500,000 values', () => {
    const deep = `${'['.repeat(126)}{"type":"file"}${']'.repeat(126)}`;
    expect(useOf(`"messages":${deep}`)).toEqual(['file_input']);
    const wide = `[${'{"\\u0074yp":"image"},'.repeat(200_000)}{"typ\\u0065":"image"}]`;
    const started = performance.now();
    expect(useOf(`"messages":${wide}`)).toEqual(['vision']);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

type Disguise = 'plain' | 'escape' | 'upper';

function disguised(letter: string, how: Disguise): string {
  const written = how === 'upper' ? letter.toUpperCase() : letter;
  if (how !== 'escape') return written;
  return `\\u${written.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
