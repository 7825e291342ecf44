import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { AppError } from '#common/errors/app-error.js';
import { HotRoutes } from '#platform/http/hot-routes.js';

import { CallRecorder } from './call-recorder.js';
import { InferencePipeline } from './inference-pipeline.service.js';
import {
  CHAT_COMPLETIONS,
  COMPLETIONS,
  EMBEDDINGS,
  INFERENCE_ENDPOINT,
  type Surface,
} from './surface.js';

/** Where the API of OpenAI is found; clients differ in what they take for its base URL. */
export const OPENAI_PREFIXES = ['v1', 'openai/v1', 'openai'];
/** By path. */
const SURFACES = new Map<string, Surface>(
  [CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS].flatMap((surface) =>
    OPENAI_PREFIXES.map((prefix) => [`/${prefix}${surface.upstreamPath}`, surface] as const),
  ),
);

/** The surface of a route of kind `inference`. */
export function surfaceAt(path: string): Surface {
  const surface = SURFACES.get(path);
  if (!surface) throw new Error(`There is no inference at ${path}.`);
  return surface;
}

/** Both ways to the pipeline: the short one of every ordinary call, and the controller's. */
@Injectable()
export class InferenceDoor implements OnModuleInit {
  constructor(
    private readonly pipeline: InferencePipeline,
    private readonly hotRoutes: HotRoutes,
    private readonly recorder: CallRecorder,
  ) {}

  onModuleInit(): void {
    this.hotRoutes.whenRefused(({ kind }, caller, error) => {
      if (kind === 'inference') this.recorder.recordRefusal(caller, error);
    });
    for (const [path, surface] of SURFACES) {
      this.hotRoutes.add(path, INFERENCE_ENDPOINT, (request, finished) =>
        this.pipeline.serve(surface, request, finished),
      );
    }
  }

  /** A call that came through the router. The answer is written past Fastify, unless it is an error. */
  async serve(surface: Surface, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { id, raw, principal } = request;
    if (!principal) throw new AppError('missing_api_key');
    await new Promise<void>((resolve, reject) => {
      this.pipeline.serve(surface, { id, raw, response: reply.raw, principal }, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
    reply.hijack();
  }
}
