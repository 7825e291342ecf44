/** A header's name and its value. */
export type HeaderLine = readonly [name: string, value: string];

/** A secret that was replaced. Times in milliseconds since the epoch. */
type RetiredSecret = {
  readonly keyId: string;
  readonly retiredAt: number;
  /** `Infinity` where it has no end. */
  readonly endsAt: number;
};

/**
 * What each answer to a secret that was replaced says of that: since when (`Deprecation`, RFC 9745), until when it is good
 * (`Sunset`, RFC 8594), and where there is more to be known of the key.
 */
export function retirementHeaders({ keyId, retiredAt, endsAt }: RetiredSecret): HeaderLine[] {
  return [
    ['deprecation', `@${Math.floor(retiredAt / 1_000)}`],
    // What JavaScript calls a UTC string is an IMF-fixdate (RFC 9110 §5.6.7).
    ...(Number.isFinite(endsAt) ? [['sunset', new Date(endsAt).toUTCString()] as const] : []),
    ['link', `</v1/keys/${keyId}>; rel="successor-version"`],
  ];
}
