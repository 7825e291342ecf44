import { FEATURES } from '../features.js';
import type { JsonSchema } from './field-kinds.js';
import { POLICY_FIELD_NAMES, POLICY_FIELDS } from './policy-fields.js';
import type { POLICY_PARTS } from './read-policy.js';

type ObjectSchema = {
  type: string[];
  additionalProperties: boolean;
  properties: Record<string, JsonSchema | ObjectSchema>;
};

/** The schema of each part of a policy as it may be written, every spelling included (JSON Schema 2020-12). */
export const POLICY_PART_SCHEMAS = partSchemas();

/** Of a key, which may also name a template. */
export const KEY_PERMISSIONS_SCHEMA: JsonSchema = {
  ...POLICY_PART_SCHEMAS.permissions,
  properties: {
    ...(POLICY_PART_SCHEMAS.permissions.properties as Record<string, JsonSchema>),
    inherit_from: {
      type: ['string', 'null'],
      minLength: 1,
      maxLength: 200,
      description:
        'The policy, by name or id, that the key is made from; null: from none any more.',
    },
    overrides: {
      ...POLICY_PART_SCHEMAS.permissions,
      description: 'Permissions in which the key differs from that policy.',
    },
  },
};

/** What `/schemas/key-policy.json` answers. */
export const POLICY_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Latchkey key policy',
  description:
    'What an API key may do. Every field is optional and null counts as absent: the key then gets what its creator has.',
  type: 'object',
  additionalProperties: false,
  properties: { ...POLICY_PART_SCHEMAS, permissions: KEY_PERMISSIONS_SCHEMA },
};

function partSchemas(): Readonly<Record<(typeof POLICY_PARTS)[number], JsonSchema>> {
  const root = group();
  for (const name of POLICY_FIELD_NAMES) {
    const { path, aliases, schema } = POLICY_FIELDS[name];
    place(root, path, schema);
    for (const alias of aliases) place(root, alias, aliasSchema(alias, schema));
  }
  const permissions = root.properties.permissions as ObjectSchema;
  const { models, features } = permissions.properties;
  const { allowed: modelList } = (models as ObjectSchema).properties;
  permissions.properties.models = { anyOf: [modelList, models] };
  permissions.properties.features = {
    anyOf: [(features as ObjectSchema).properties.allowed, featureMap(), features],
  };
  permissions.properties.advanced_features = featureMap();
  for (const all of ['all_models', 'all_features']) {
    permissions.properties[all] = {
      type: ['boolean', 'null'],
      description:
        'True: say that none is to be left out. Refused where the creator itself has not all.',
    };
  }
  return root.properties as ReturnType<typeof partSchemas>;
}

function group(): ObjectSchema {
  return { type: ['object', 'null'], additionalProperties: false, properties: {} };
}

function place(root: ObjectSchema, path: string, schema: JsonSchema): void {
  const names = path.split('.');
  const last = names.pop() ?? '';
  let at = root;
  for (const name of names) at = (at.properties[name] ??= group()) as ObjectSchema;
  at.properties[last] = schema;
}

/** The restriction of user agents is an object with two lists; elsewhere it is one of them. */
function aliasSchema(alias: string, schema: JsonSchema): JsonSchema {
  const { properties } = schema as Partial<ObjectSchema>;
  const lists = properties as Record<string, { items: JsonSchema }> | undefined;
  if (alias.endsWith('.user_agents') && lists?.names)
    return { ...lists.names, type: ['array', 'null'] };
  if (alias.endsWith('.user_agent_pattern') && lists?.patterns)
    return { ...lists.patterns.items, type: ['string', 'null'] };
  return schema;
}

function featureMap(): JsonSchema {
  return {
    type: ['object', 'null'],
    additionalProperties: false,
    properties: Object.fromEntries(FEATURES.map((name) => [name, { type: ['boolean', 'null'] }])),
    description: 'False: may not be used. What is absent is on.',
  };
}
