import { Injectable, type OnModuleInit } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import {
  ALL_FEATURES,
  CallOutlook,
  type FeatureMask,
  type KeyView,
  type RoutingRefusal,
} from '#modules/keys/index.js';

import { surfaceAt } from './inference-door.js';
import { foreseeUse } from './limits/foreseen-use.js';
import { parseInferenceRequest } from './request/inference-request.js';
import { requestedFeatures } from './request/requested-features.js';
import { RouterService } from './router.service.js';

/** Any name that says nothing of features. */
const SOME_MODEL = 'model';
/** With which the router refuses. */
const ROUTING_CODES: ReadonlySet<string> = new Set(['model_not_found', 'provider_not_allowed']);

/** Tells what would become of a call that nobody has sent, by what decides on real ones. */
@Injectable()
export class CallForeseerService implements OnModuleInit {
  constructor(
    private readonly router: RouterService,
    private readonly outlook: CallOutlook,
  ) {}

  onModuleInit(): void {
    this.outlook.foreseeWith({
      impliedFeatures: (url, model = SOME_MODEL): FeatureMask => {
        const surface = surfaceAt(url);
        const body = Buffer.from(JSON.stringify({ model }));
        return requestedFeatures(parseInferenceRequest(body, surface), surface, ALL_FEATURES);
      },
      asksForOutput: (url) => surfaceAt(url).streams,
      routingRefusal: (view, model) => this.#routingRefusal(view, model),
      mostUse: async (view, url, size) => {
        const target = await this.router.route(view, size.model);
        return foreseeUse({ view, target, surface: surfaceAt(url) }, size);
      },
    });
  }

  async #routingRefusal(view: KeyView, model: string): Promise<RoutingRefusal | null> {
    try {
      await this.router.route(view, model);
      return null;
    } catch (error) {
      if (error instanceof AppError && ROUTING_CODES.has(error.code)) {
        const projectSetting = (error.details?.project_setting as string | undefined) ?? null;
        return { allowed: false, code: error.code, message: error.message, projectSetting };
      }
      throw error;
    }
  }
}
