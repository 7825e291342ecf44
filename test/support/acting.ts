import { Global, Module } from '@nestjs/common';

import { ContextStorage } from '#common/context/context-storage.js';
import { type Actor, Actors, systemActor } from '#platform/audit-trail/actor.js';

/** For specs that call services themselves: where nobody is said to act, the spec does. */
export class ActingSpec extends Actors {
  readonly #said = new ContextStorage<Actor>();

  override act<R>(actor: Actor, work: () => Promise<R>): Promise<R> {
    return this.#said.run(actor, work);
  }

  override get current(): Actor {
    return this.#said.current ?? systemActor('spec');
  }
}

/** In place of `ActorsModule`, for modules that are put together without requests. */
@Global()
@Module({ providers: [{ provide: Actors, useClass: ActingSpec }], exports: [Actors] })
export class ActingSpecModule {}
