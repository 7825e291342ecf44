import { escalation, placed, type PolicyField, readBoolean, toggle } from './field-kinds.js';
import type { KeyPolicy } from './key-policy.js';

const DATA_ACCESS = 'permissions.data_access';

/** What is kept of a key’s calls, and what it may do with what is kept of all. */
export const DATA_FIELDS = {
  logsRequests: keeping('log_requests', 'Whether the bodies of the key’s requests are kept.'),
  logsResponses: keeping('log_responses', 'Whether the bodies of the answers it gets are kept.'),
  exportsData: right('export_data', 'Whether the key may read bodies that are kept.'),
  deletesData: right('delete_data', 'Whether the key may delete bodies that are kept.'),
} as const satisfies { readonly [Name in keyof KeyPolicy]?: PolicyField<KeyPolicy[Name]> };

type Place = Parameters<typeof placed>[0];

function dataAccess(name: string, about: string): Place {
  return { path: `${DATA_ACCESS}.${name}`, aliases: [`permissions.${name}`], about };
}

/** Nothing is kept unless somebody says so. A creator that says no says it for its children too. */
function keeping(name: string, about: string): PolicyField<boolean | null> {
  const place = dataAccess(name, about);
  return {
    ...placed(place),
    open: null,
    schema: { type: ['boolean', 'null'], description: `${about} They are not unless said.` },
    read: readBoolean,
    within: (own, asked, at) => {
      if (own !== false) return asked;
      if (asked !== true) return false;
      throw escalation(at, `This key has ${at}: false itself, so it can’t grant true.`);
    },
  };
}

/** A right that nobody has without being given it, not even by a creator that has it. */
function right(name: string, about: string): PolicyField<boolean> {
  const place = dataAccess(name, about);
  return {
    ...toggle(place, true),
    schema: { type: ['boolean', 'null'], default: false, description: about },
    unasked: false,
  };
}
