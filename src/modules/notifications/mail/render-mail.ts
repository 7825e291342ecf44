import { scrubSecrets } from '#platform/observability/secret-patterns.js';

import type { OutgoingMessage } from '../outgoing-message.js';
import { MAIL_FACTS, MAIL_TEXTS } from './mail-texts.js';

/** Characters of a fact; of a key’s name in a subject. */
const MAX_FACT_LENGTH = 500;
const MAX_SUBJECT_NAME_LENGTH = 80;
/** Line ends and other controls, and what turns the direction of a text or hides in it. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cf}\p{Cs}]+/gu;

/** Of what, besides keys and the organization that the mail is sent to, something may wait for approval. */
const APPROVED: ReadonlySet<unknown> = new Set(['budget', 'policy']);
/** What something may be about, besides the organization that the mail is sent to. */
const HOLDERS: readonly string[] = ['key', 'user', 'team', 'project'];

export type RenderedMail = {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
};

type Fact = readonly [label: string, value: string];

/** A message as people read it. Only known fields of its data are in it, and nothing that looks like a secret. */
export function renderMail(message: OutgoingMessage): RenderedMail {
  const { subject, happened, advice } = MAIL_TEXTS[message.type];
  const name =
    plain(message.data.name) ?? message.keyId ?? plain(message.data.subject_id) ?? '(unknown)';
  const naming = (text: string, shown: string): string =>
    text.replaceAll(/\{(key|whose|what)\}/g, (_, place) => {
      if (place === 'key') return shown;
      return place === 'whose' ? whose(message, shown) : what(message.data.subject_type, shown);
    });
  const facts = [...factsOf(message.data), ['When', utc(message.occurredAt)] as const];
  const paragraphs = [naming(happened, name), advice];
  return {
    subject: naming(subject, cut(name, MAX_SUBJECT_NAME_LENGTH)),
    text: toText(paragraphs, facts),
    html: toHtml(paragraphs, facts),
  };
}

/** Plain paragraphs, as they are: whoever wrote them answers for what is in them. */
export function renderParagraphs(paragraphs: readonly string[]): Omit<RenderedMail, 'subject'> {
  const html = paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`).join('\n');
  return {
    text: `${paragraphs.join('\n\n')}\n`,
    html: `<!doctype html>\n<html lang="en">\n<body>\n${html}\n</body>\n</html>\n`,
  };
}

function whose({ keyId, data }: OutgoingMessage, name: string): string {
  const subject = data.subject ?? (keyId === null ? null : 'key');
  const isHolder = typeof subject === 'string' && HOLDERS.includes(subject);
  return isHolder ? `the ${subject} ${name}` : 'your organization';
}

function what(subjectType: unknown, name: string): string {
  if (subjectType === 'organization') return 'A setting of your organization';
  return `The ${APPROVED.has(subjectType) ? String(subjectType) : 'key'} ${name}`;
}

function factsOf(data: OutgoingMessage['data']): Fact[] {
  return MAIL_FACTS.flatMap(([field, label]) => {
    const value = plain(data[field]);
    return value === null ? [] : [[label, value] as const];
  });
}

/** On one line, without secrets; `null` for what is no text and no number. */
function plain(value: unknown): string | null {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return null;
  const line = scrubSecrets(value).replaceAll(UNPRINTABLE, ' ').trim();
  return line === '' ? null : cut(line, MAX_FACT_LENGTH);
}

/** By whole characters: half of one is none. */
function cut(text: string, maxLength: number): string {
  const characters = [...text];
  return characters.length <= maxLength ? text : `${characters.slice(0, maxLength).join('')}…`;
}

function utc(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function toText(paragraphs: readonly string[], facts: readonly Fact[]): string {
  const lines = facts.map(([label, value]) => `${label}: ${value}`).join('\n');
  return `${[...paragraphs, lines].join('\n\n')}\n`;
}

function toHtml(paragraphs: readonly string[], facts: readonly Fact[]): string {
  const rows = facts.map(
    ([label, value]) =>
      `<tr><th align="left">${escapeHtml(label)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  const texts = paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`);
  return `<!doctype html>\n<html lang="en">\n<body>\n${texts.join('\n')}\n<table cellpadding="4">\n${rows.join('\n')}\n</table>\n</body>\n</html>\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
