import type { Secret } from '#common/secret/secret.js';

export type ChannelKind = 'email' | 'webhook';

/** Where something is sent: a mail address, or the URL of a webhook. */
export type ChannelAddress = { readonly kind: ChannelKind; readonly address: string };

/** The channels of single keys: they hear of all that is told of their key. */
export abstract class KeyChannels {
  /**
   * In the caller's transaction: makes those that a key has not yet, leaves those that it has, and removes the others.
   * @returns what the webhooks that are new are signed with, to be shown this once
   */
  abstract set(
    organizationId: string,
    keyId: string,
    channels: readonly ChannelAddress[],
  ): Promise<{ readonly address: string; readonly secret: Secret }[]>;

  /** In the order in which they were given. */
  abstract list(organizationId: string, keyId: string): Promise<ChannelAddress[]>;
}
