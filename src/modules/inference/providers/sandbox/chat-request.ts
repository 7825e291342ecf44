import { type ChatMessage, readMessages } from './chat-messages.js';
import {
  type GenerationFields,
  invalid,
  isObject,
  jsonText,
  type JsonObject,
  readGenerationFields,
} from './request-fields.js';

const MAX_TOOLS = 128;

/** What the answer has to look like. */
export type AnswerShape =
  | { readonly kind: 'text' }
  | { readonly kind: 'json-object' }
  | { readonly kind: 'json-schema'; readonly schema: unknown; readonly path: string }
  | { readonly kind: 'tool'; readonly tool: Tool };

export type Tool = {
  readonly name: string;
  /** The JSON schema of the arguments; absent: no arguments. */
  readonly parameters: unknown;
  /** Where the schema stands in the request. */
  readonly path: string;
};

export type ChatRequest = GenerationFields & {
  readonly messages: readonly ChatMessage[];
  readonly shape: AnswerShape;
  /** The tools and the schema as JSON text: a model reads them too. */
  readonly definitions: readonly string[];
};

/** Throws `invalid_request` naming the field. Fields that steer a real model only, such as `temperature`, are ignored. */
export function readChatRequest(body: JsonObject): ChatRequest {
  const messages = readMessages(body);
  const format = readFormat(body.response_format ?? undefined);
  const tools = readTools(body.tools ?? undefined);
  const tool = readForcedTool(body.tool_choice ?? undefined, tools);
  const definitions: string[] = [];
  if (Array.isArray(body.tools)) definitions.push(jsonText(body.tools, 'tools'));
  if (format.kind === 'json-schema') definitions.push(jsonText(format.schema, format.path));
  return {
    ...readGenerationFields(body),
    messages,
    shape: tool === undefined ? format : { kind: 'tool', tool },
    definitions,
  };
}

function readFormat(format: unknown): AnswerShape {
  if (format === undefined) return { kind: 'text' };
  const type = isObject(format) ? format.type : undefined;
  if (type === 'text') return { kind: 'text' };
  if (type === 'json_object') return { kind: 'json-object' };
  if (!isObject(format) || type !== 'json_schema') {
    const message = 'response_format.type must be text, json_object or json_schema.';
    throw invalid('response_format', message);
  }
  const definition = format.json_schema;
  const path = 'response_format.json_schema.schema';
  if (!isObject(definition) || !isObject(definition.schema)) {
    throw invalid(path, `${path} must be a JSON schema.`);
  }
  return { kind: 'json-schema', schema: definition.schema, path };
}

function readTools(tools: unknown): Tool[] {
  if (tools === undefined) return [];
  if (!Array.isArray(tools) || tools.length > MAX_TOOLS) {
    throw invalid('tools', `tools must be a list of at most ${MAX_TOOLS} tools.`);
  }
  return tools.flatMap((tool: unknown, index) => readTool(tool, `tools[${index}]`));
}

function readTool(tool: unknown, path: string): Tool[] {
  if (!isObject(tool) || typeof tool.type !== 'string') {
    throw invalid(path, `${path} must be an object with a type.`);
  }
  // Custom tools take free text: they are read, never called.
  if (tool.type !== 'function') return [];
  const definition = tool.function;
  if (!isObject(definition) || typeof definition.name !== 'string') {
    throw invalid(`${path}.function.name`, `${path}.function.name must be a string.`);
  }
  const parameters = definition.parameters ?? undefined;
  return [{ name: definition.name, parameters, path: `${path}.function.parameters` }];
}

/** The tool that must be called: the named one, or the first when one is `required`. */
function readForcedTool(choice: unknown, tools: readonly Tool[]): Tool | undefined {
  if (choice === undefined || choice === 'auto' || choice === 'none') return undefined;
  if (choice === 'required') {
    const [first] = tools;
    if (first) return first;
    throw invalid('tool_choice', 'tool_choice is required, but tools has no function.');
  }
  const named = isObject(choice) && choice.type === 'function' ? choice.function : undefined;
  if (!isObject(named)) {
    const message = 'tool_choice must be none, auto, required or name a function.';
    throw invalid('tool_choice', message);
  }
  const tool = tools.find((candidate) => candidate.name === named.name);
  if (tool) return tool;
  throw invalid('tool_choice', 'tool_choice names a function that is not in tools.');
}
