import { spellings } from './secret-spellings.js';

/** A spelling is looked up by its beginning, so that thousands are searched for in one pass over a text. */
const BEGINNING = 12;
/** What is shorter stands in some text by chance, and has no beginning once its ends are cut off. */
const SHORTEST = 20;
const CONTEXT = 60;

type Needle = { readonly kind: string; readonly form: string };

/** Secrets that were really used, by what they are, and a search for them in any spelling. */
export class Canaries {
  readonly #secrets = new Map<string, Set<string>>();
  readonly #needles = new Map<string, Needle[]>();

  /** What is too short to be told from other text is left out. */
  add(kind: string, secret: string): void {
    if (secret.length < SHORTEST) return;
    const known = this.#secrets.get(kind) ?? new Set();
    this.#secrets.set(kind, known);
    if (known.has(secret)) return;
    known.add(secret);
    for (const spelling of new Set(spellings(secret))) {
      const form = spelling.toLowerCase();
      const beginning = form.slice(0, BEGINNING);
      const needles = this.#needles.get(beginning) ?? [];
      needles.push({ kind, form });
      this.#needles.set(beginning, needles);
    }
  }

  get kinds(): string[] {
    return [...this.#secrets.keys()].sort();
  }

  of(kind: string): string[] {
    return [...(this.#secrets.get(kind) ?? [])];
  }

  /** One line for each that stands in the text: what it is, and what stands around it. */
  leaksIn(text: string, except: readonly string[] = []): string[] {
    const lower = text.toLowerCase();
    const found = new Set<string>();
    for (let at = 0; at + BEGINNING <= lower.length; at++) {
      for (const { kind, form } of this.#needles.get(lower.slice(at, at + BEGINNING)) ?? []) {
        if (except.includes(kind) || !lower.startsWith(form, at)) continue;
        found.add(`${kind}: ${text.slice(Math.max(0, at - CONTEXT), at + form.length)}`);
      }
    }
    return [...found];
  }
}
