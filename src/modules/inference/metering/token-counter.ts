import { Injectable, type OnModuleInit } from '@nestjs/common';

import { loadTokenizer, type Tokenizer } from '../providers/sandbox/tokenizer.js';

/** Longer texts are estimated: counting must not hold up the event loop for more than some milliseconds. */
const MAX_COUNTED_LENGTH = 64 * 1024;
/** OpenAI's own rule of thumb for English text. */
const CHARACTERS_PER_TOKEN = 4;

/** Counts tokens where a provider does not: a stream that was broken off, an answer without usage. */
@Injectable()
export class TokenCounter implements OnModuleInit {
  #tokenizer: Tokenizer | null = null;

  async onModuleInit(): Promise<void> {
    this.#tokenizer = await loadTokenizer();
  }

  count(text: string): number {
    if (!this.#tokenizer || text.length > MAX_COUNTED_LENGTH) {
      return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
    }
    return this.#tokenizer.count(text);
  }

  /** The input of a request: every text in what the model is given to read. */
  countInput(parsed: Readonly<Record<string, unknown>>): number {
    const texts: string[] = [];
    for (const field of ['messages', 'prompt', 'input', 'tools', 'functions']) {
      collectTexts(parsed[field], texts);
    }
    return this.count(texts.join('\n'));
  }

  /** Text as it stands escaped inside JSON. */
  countEscaped(escaped: string): number {
    return escaped === '' ? 0 : this.count(unescape(escaped));
  }
}

function unescape(escaped: string): string {
  try {
    return JSON.parse(`"${escaped}"`) as string;
  } catch {
    // Cut inside an escape sequence: the escaped form is a close enough text to count.
    return escaped;
  }
}

function collectTexts(value: unknown, texts: string[]): void {
  if (typeof value === 'string') {
    // A picture as a data URL is not text to the model.
    if (!value.startsWith('data:')) texts.push(value);
  } else if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) collectTexts(member, texts);
  }
}
