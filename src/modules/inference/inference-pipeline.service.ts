import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { authorize, type KeyView } from '#modules/keys/index.js';
import { readBody } from '#platform/http/body.js';
import type { HotRequest } from '#platform/http/hot-routes.js';

import { AdmissionService } from './admission.service.js';
import { ExchangeRunner } from './exchange-runner.service.js';
import {
  INFERENCE_BODY_LIMIT,
  type InferenceRequest,
  parseInferenceRequest,
} from './request/inference-request.js';
import { RouterService } from './router.service.js';
import type { Surface } from './surface.js';

/** The way of every governed request: read, authorize, route, call, meter, record. The caller is authenticated already. */
@Injectable()
export class InferencePipeline {
  constructor(
    private readonly admission: AdmissionService,
    private readonly router: RouterService,
    private readonly exchanges: ExchangeRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * Serves one call. Resolves when the answer is sent or the client has left.
   * @throws {AppError} while nothing has been sent
   */
  async serve(surface: Surface, { id, raw, response, principal }: HotRequest): Promise<void> {
    const startedAt = performance.now();
    // Access control puts the view itself there; the type names only what every module may know of it.
    const view = principal as KeyView;
    this.admission.enter();
    try {
      // A client that left while its key was looked up: its request would neither end nor fail any more.
      if (raw.destroyed) throw new AppError('invalid_request', { message: 'The client has left.' });
      const body = await readBody(raw, INFERENCE_BODY_LIMIT);
      const parsed = parseInferenceRequest(body, surface);
      this.#authorize(view, parsed);
      const routed = this.router.route(view, parsed.model);
      const target = routed instanceof Promise ? await routed : routed;
      if (response.destroyed) return;
      await this.exchanges.run(
        { requestId: id, surface, request: parsed, target, clientHeaders: raw.headers },
        { organizationId: view.organizationId, keyId: view.keyId, startedAt },
        response,
      );
    } finally {
      this.admission.leave();
    }
  }

  /** Again, now that the model is known and time has passed while the body came in. */
  #authorize(view: KeyView, { model }: InferenceRequest): void {
    const decision = authorize(view, {
      now: this.clock.now(),
      neededScopes: 0,
      isReadOnlyRoute: false,
      model,
    });
    if (decision.allowed) return;
    throw decision.code === 'model_not_allowed'
      ? new AppError(decision.code, {
          message: `This API key may not use the model ${model}.`,
          param: 'model',
        })
      : new AppError(decision.code);
  }
}
