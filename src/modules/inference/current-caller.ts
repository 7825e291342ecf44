import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';

import { AppError } from '#common/errors/app-error.js';
import { KeyDirectory, type KeyView } from '#modules/keys/index.js';
import { HotRoutes } from '#platform/http/hot-routes.js';

import { INFERENCE_ENDPOINT } from './surface.js';

/** A caller was admitted by its key as it was then, and time passes: while a body comes in, and while a call runs. */
@Injectable()
export class CurrentCaller {
  constructor(
    private readonly keys: KeyDirectory,
    private readonly hotRoutes: HotRoutes,
  ) {}

  /**
   * The caller's key as it is now; the same view, at once, as long as it has not changed.
   * @throws {AppError} what the caller would be refused with now
   */
  of(view: KeyView, request: IncomingMessage): KeyView | Promise<KeyView> {
    const current = this.keys.current(view);
    if (current === view) return view;
    return current instanceof Promise
      ? current.then((found) => this.#admitted(found, request))
      : this.#admitted(current, request);
  }

  #admitted(view: KeyView | null, request: IncomingMessage): KeyView {
    if (!view) throw new AppError('invalid_api_key');
    this.hotRoutes.recheck(request, INFERENCE_ENDPOINT, view);
    return view;
  }
}
