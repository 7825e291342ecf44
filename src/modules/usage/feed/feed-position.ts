/**
 * A point in the order in which transactions became visible: a snapshot of PostgreSQL as text, `xmin:xmax:xip_list`
 * (PostgreSQL 15, §9.27.10). What is visible in it was there then. Snapshots of one server grow: each has all that an
 * earlier one has.
 */
export type FeedPosition = string;

const FORM = /^(\d{1,18}):(\d{1,18}):(\d{1,18}(?:,\d{1,18})*)?$/;
const MAX_LENGTH = 4_096;
/** A handful is usual. */
const MAX_RUNNING = 20;
/** How far behind the newest transaction one that still runs is waited for. */
const MAX_OPEN = 10_000n;

type Parsed = { readonly xmin: bigint; readonly xmax: bigint; readonly running: readonly bigint[] };

/** Whether PostgreSQL would read it. */
export function isFeedPosition(text: string): boolean {
  if (text.length > MAX_LENGTH || !FORM.test(text)) return false;
  const { xmin, xmax, running } = parse(text);
  if (xmin < 1n || xmax < xmin) return false;
  return running.every((id, at) => id >= xmin && id < xmax && id > (running[at - 1] ?? 0n));
}

/** As short as can be sent along with each message. Where much is running it is a little earlier, never later. */
export function shortened(position: FeedPosition): FeedPosition {
  const { xmin, running } = parse(position);
  return running.length > MAX_RUNNING ? `${xmin}:${xmin}:` : position;
}

/**
 * The oldest transaction that may have to be looked at. One that has written and stays open, whatever it does, would
 * otherwise have all that came since it read again and again.
 */
export function floorOf(position: FeedPosition): string {
  const { xmin, xmax } = parse(position);
  return String(xmax - xmin > MAX_OPEN ? xmax - MAX_OPEN : xmin);
}

/** Whether a position is of a time that the server, which is at `now`, has not come to: it is another server’s. */
export function isAhead(position: FeedPosition, now: FeedPosition): boolean {
  return parse(position).xmax > parse(now).xmax;
}

function parse(position: FeedPosition): Parsed {
  const [xmin = '', xmax = '', list = ''] = position.split(':');
  const running = list === '' ? [] : list.split(',').map(BigInt);
  return { xmin: BigInt(xmin), xmax: BigInt(xmax), running };
}
