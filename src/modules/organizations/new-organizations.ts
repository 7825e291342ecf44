import { Injectable } from '@nestjs/common';

/**
 * Where modules that give something to new organizations, and may use this module and not the other way round, say how it goes.
 * They do so while the application starts.
 */
@Injectable()
export class NewOrganizations {
  readonly #handlers: ((organizationId: string) => Promise<void>)[] = [];

  /** @param handler runs in the transaction that makes the organization, and as whoever makes it: it fails with it */
  onMade(handler: (organizationId: string) => Promise<void>): void {
    this.#handlers.push(handler);
  }

  /** Part of the current transaction. */
  async made(organizationId: string): Promise<void> {
    for (const handler of this.#handlers) await handler(organizationId);
  }
}
