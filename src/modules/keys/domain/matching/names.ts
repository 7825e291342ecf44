/** A matcher for names with `*` (any run of characters). Anything else in a pattern is meant literally. */
export type NameMatcher = (name: string) => boolean;

/**
 * Compiles patterns once, so that matching allocates nothing. A pattern has at most {@link MAX_STARS} stars: each is
 * looked for from left to right and never tried again, so the time is linear in the name.
 */
export function compileNames(patterns: readonly string[]): NameMatcher {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const globs = patterns.filter((pattern) => pattern.includes('*')).map((glob) => glob.split('*'));
  return (name) => exact.has(name) || globs.some((parts) => matchesGlob(parts, name));
}

/** The parts between the stars must stand in `name` in order, the first at its start, the last at its end. */
function matchesGlob(parts: readonly string[], name: string): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (name.length < first.length + last.length) return false;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let from = first.length;
  const end = name.length - last.length;
  for (let i = 1; i < parts.length - 1; i++) {
    const part = parts[i] as string;
    const at = name.indexOf(part, from);
    if (at === -1 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}

/** Whether every name that `inner` matches is matched by `outer` too: one glob against another. */
export function globCovers(outer: string, inner: string): boolean {
  if (!outer.includes('*')) return outer === inner;
  // A star in `inner` stands for any text: it is covered only where a star of `outer` takes all of it. Treated as one
  // ordinary character that no literal of `outer` contains, exactly that remains.
  return matchesGlob(outer.split('*'), inner.replaceAll('*', '\u0000'));
}
