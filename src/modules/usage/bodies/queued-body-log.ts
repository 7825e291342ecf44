import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';

import { type BodyKind, BodyLog, CallBodies, type LoggedCall } from './body-log.port.js';
import { BodyQueue } from './body-queue.service.js';
import { CappedBytes } from './capped-bytes.js';

@Injectable()
export class QueuedBodyLog extends BodyLog {
  constructor(
    private readonly queue: BodyQueue,
    private readonly clock: Clock,
  ) {
    super();
  }

  override begin(call: LoggedCall): CallBodies {
    return new QueuedCallBodies(call, this.queue, this.clock);
  }
}

class QueuedCallBodies extends CallBodies {
  readonly #answer = new CappedBytes();

  constructor(
    private readonly call: LoggedCall,
    private readonly queue: BodyQueue,
    private readonly clock: Clock,
  ) {
    super();
  }

  override sent(bytes: Buffer): void {
    if (this.call.keeps.response) this.#answer.add(bytes);
  }

  override end(): void {
    const { keeps, request } = this.call;
    if (keeps.response) this.#keep('response', this.#answer);
    if (!keeps.request) return;
    const asked = new CappedBytes();
    asked.add(request);
    this.#keep('request', asked);
  }

  #keep(kind: BodyKind, body: CappedBytes): void {
    if (body.length === 0) return;
    const { caller, requestId } = this.call;
    this.queue.add({
      organizationId: caller.organizationId,
      keyId: caller.keyId,
      requestId,
      kind,
      occurredAtMs: this.clock.now(),
      content: body.bytes(),
      bytes: body.length,
    });
  }
}
