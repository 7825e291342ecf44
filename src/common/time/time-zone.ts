const DAY_MS = 86_400_000;

/** The wall clock of a place. A wall time is given in ms as if it were UTC's. */
export class TimeZone {
  private constructor(
    readonly name: string,
    private readonly format: Intl.DateTimeFormat,
    /** By the start of a UTC day, since asking `Intl` takes long. */
    private readonly offsets = new Map<number, number | null>(),
  ) {}

  /** By its IANA name, such as `Europe/Berlin`; `null` where there is none of that name. */
  static named(name: string): TimeZone | null {
    // Newer versions of Node would take offsets too.
    if (!/^[A-Za-z]/.test(name)) return null;
    try {
      const format = new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        calendar: 'iso8601',
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
      return new TimeZone(name, format);
    } catch (error) {
      if (error instanceof RangeError) return null;
      throw error;
    }
  }

  /** To the second. */
  wallOf(instantMs: number): number {
    const second = instantMs - (instantMs % 1_000);
    return second + (this.#offsetOfDay(second) ?? this.#readOffset(second));
  }

  /** The offset of all of a UTC day; `null` where it changes. No zone changes it twice in a day. */
  #offsetOfDay(instantMs: number): number | null {
    const day = instantMs - (instantMs % DAY_MS);
    let offset = this.offsets.get(day);
    if (offset === undefined) {
      const first = this.#readOffset(day);
      offset = first === this.#readOffset(day + DAY_MS) ? first : null;
      this.offsets.set(day, offset);
    }
    return offset;
  }

  #readOffset(instantMs: number): number {
    const parts = Object.fromEntries(
      this.format.formatToParts(instantMs).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - instantMs;
  }

  /** When the wall clock shows it: for the first time, or, where it is set forward past it, when it is set. */
  instantOf(wallMs: number): number {
    const before = wallMs - this.#offsetAt(wallMs - DAY_MS);
    if (this.wallOf(before) === wallMs) return before;
    const after = wallMs - this.#offsetAt(wallMs + DAY_MS);
    return this.wallOf(after) === wallMs ? after : before;
  }

  #offsetAt(instantMs: number): number {
    return this.wallOf(instantMs) - instantMs;
  }
}
