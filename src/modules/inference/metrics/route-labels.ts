import { SANDBOX_MODELS } from '../router.service.js';
import type { Target } from '../upstream/provider-adapter.js';

/** What a metric says of where a call went. */
export type RouteLabels = { readonly provider: string; readonly model: string };

/** Each is kept by the process, and by whoever collects its metrics, for ever. */
const MAX_PROVIDERS = 100;
const MAX_MODELS = 200;
const OTHER = 'other';

/**
 * The names that metrics may have: of the models of routes, and of the sandbox its own. Any name works with a test key, so
 * what else its callers think of is `other`; and so is what comes after the first 100 providers and 200 models.
 */
export class RouteNames {
  readonly #providers = new Set<string>();
  readonly #models = new Set<string>();

  labelsOf({ providerName, endpoint, route: { model } }: Target): RouteLabels {
    const isOwn = endpoint !== null || SANDBOX_MODELS.has(model);
    const provider = admitted(this.#providers, providerName, MAX_PROVIDERS);
    if (!isOwn || provider === OTHER) return { provider, model: OTHER };
    const hasRoom = admitted(this.#models, `${provider} ${model}`, MAX_MODELS) !== OTHER;
    return { provider, model: hasRoom ? model : OTHER };
  }
}

function admitted(known: Set<string>, name: string, max: number): string {
  if (known.has(name)) return name;
  if (known.size >= max) return OTHER;
  known.add(name);
  return name;
}
