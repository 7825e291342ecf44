/** How a completion ended: `none` where nobody has said, or with an empty text. */
export type Finish = 'normal' | 'error' | 'none';

/** A quote inside a text of JSON is escaped, so a key can't be mistaken. */
const FINISH_REASON = /"finish_reason"\s*:\s*"([^"]*)"/g;

/** Of the choices of an answer, or of events of a stream: an error where one of them ended with it. */
export function finishOf(text: string): Finish {
  const reasons = [...text.matchAll(FINISH_REASON)].map(([, reason]) => reason);
  if (reasons.includes('error')) return 'error';
  return reasons.some((reason) => reason !== '') ? 'normal' : 'none';
}

/**
 * A completion that came to nothing is not charged, whatever its provider reports: it has no output and no normal finish, or it ended in an
 * error (OpenRouter's zero completion insurance).
 */
export function isZeroCompletion(finish: Finish, outputTokens: number): boolean {
  return finish === 'error' || (finish === 'none' && outputTokens === 0);
}
