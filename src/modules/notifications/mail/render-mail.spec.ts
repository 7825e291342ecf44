import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { NOTIFICATION_TYPES, type NotificationType } from '../notifier.port.js';
import type { OutgoingMessage } from '../outgoing-message.js';
import { type RenderedMail, renderMail } from './render-mail.js';

const SECRET = `pr-live-${'a1B2'.repeat(8)}`;

function render(
  data: Record<string, unknown>,
  type: NotificationType = 'key.expiring',
): RenderedMail {
  const message: OutgoingMessage = {
    id: 'msg_1',
    organizationId: 'org_1',
    type,
    keyId: data.subject_type === undefined ? 'key_1' : null,
    occurredAt: new Date('2026-11-21T09:00:30.123Z'),
    data,
  };
  return renderMail(message);
}

const ofKeys = NOTIFICATION_TYPES.filter((type) => type.startsWith('key.'));

describe.each(NOTIFICATION_TYPES)('a mail of %s', (type) => {
  it('says what happened, when, and what to do', () => {
    const { subject, text, html } = render({ name: 'Billing', reason: 'Because' }, type);
    expect(subject).toMatch(/^[A-Z].{8,}[a-z]$/);
    const [happened, advice, facts, ...rest] = text.split('\n\n');
    expect(rest).toEqual([]);
    for (const sentences of [happened, advice]) expect(sentences).toMatch(/^[A-Z].{10,}\.$/);
    expect(facts).toBe('Name: Billing\nReason: Because\nWhen: 2026-11-21 09:00:30 UTC\n');
    expect(html).toContain('<td>2026-11-21 09:00:30 UTC</td>');
    expect(subject + text + html).not.toMatch(/[{}]|undefined|null|\[object/);
  });

  it('loads nothing and links to nothing', () => {
    expect(render({}, type).html).not.toMatch(/<(a|img|link|script|style|iframe)\b|https?:|url\(/i);
  });

  it('has no field that it does not know, and no secret in those that it knows', () => {
    const data = {
      key: SECRET,
      secret: 'whsec_canary',
      download_url: 'https://canary',
      name: `before ${SECRET}`,
      reason: { nested: 'canary' },
      by: ['canary'],
    };
    const { subject, text, html } = render(data, type);
    expect(subject + text + html).not.toMatch(/canary|a1B2/);
    expect(text).toContain('Name: before [redacted]');
  });
});

describe('what waits for approval', () => {
  it.each([
    [{ name: 'Billing {what}' }, 'The key Billing {what}'],
    [{ subject_type: 'key', name: 'Billing' }, 'The key Billing'],
    [{ subject_type: 'budget', subject_id: 'bud_1' }, 'The budget bud_1'],
    [{ subject_type: 'policy', subject_id: 'pol_1' }, 'The policy pol_1'],
    [{ subject_type: 'organization', subject_id: 'org_1' }, 'A setting of your organization'],
  ])('of %j is %s', (data, what) => {
    const { subject, text } = render(data, 'approval.requested');
    expect(subject).toBe(`${what} waits for approval`);
    expect(text.startsWith(`${what}, or something more for it, was asked for`)).toBe(true);
  });
});

describe('whose budget it is', () => {
  it.each([
    [{ subject: 'team', subject_id: 'team_1', name: 'Research {key}' }, 'the team Research {key}'],
    [{ subject: 'project', subject_id: 'proj_1', name: null }, 'the project proj_1'],
    [{ subject: 'organization', subject_id: 'org_1' }, 'your organization'],
    [{ subject: '<b>' }, 'your organization'],
  ])('%j is %s', (data, shown) => {
    const message = { id: 'msg_1', organizationId: 'org_1', keyId: null, occurredAt: new Date(0) };
    const { subject, text } = renderMail({ ...message, type: 'budget.reached', data });
    expect(subject).toBe(`A budget of ${shown} is spent`);
    expect(text).toContain(`A budget of ${shown} is spent.`);
  });
});

describe('around whom something is suspicious', () => {
  it.each([
    [{ name: 'Billing' }, 'key_1', 'the key Billing'],
    [{}, 'key_1', 'the key key_1'],
    [{ subject: 'user', subject_id: 'user_1', name: 'Ada' }, null, 'the user Ada'],
  ])('of %j and the key %s is %s', (data, keyId, shown) => {
    const message = { id: 'msg_1', organizationId: 'org_1', keyId, occurredAt: new Date(0) };
    const { subject } = renderMail({ ...message, type: 'security.suspicious_activity', data });
    expect(subject).toBe(`Suspicious activity around ${shown}`);
  });
});

describe('the name of a key', () => {
  it.each(ofKeys)('stands in the subject and the text of %s', (type) => {
    const { subject, text } = render({ name: 'Billing $& {key}' }, type);
    expect(subject).toContain('Billing $& {key}');
    expect(text.split('\n')[0]).toContain('Billing $& {key}');
  });

  it.each([
    ['Evil\r\nBcc: a@b.example', 'Evil Bcc: a@b.example'],
    ['a\u2028b\u2029c\u0085d', 'a b c d'],
    ['gnp.\u202eexe\u2066', 'gnp. exe'],
    ['\u0000', 'key_1'],
    ['', 'key_1'],
    ['\ud800', 'key_1'],
    ['Straße 日本 🔑', 'Straße 日本 🔑'],
    ['🔑'.repeat(100), `${'🔑'.repeat(80)}…`],
  ])('%j is %s in the subject', (name, shown) => {
    expect(render({ name }).subject).toBe(`Key ${shown} expires soon`);
  });

  it('is text in the HTML, whatever it is', () => {
    const { html, text } = render({ name: `<img src=x onerror="a('b')">&amp;` });
    expect(html).toContain('&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;amp;');
    expect(html).not.toContain('<img');
    expect(text).toContain(`<img src=x onerror="a('b')">&amp;`);
  });

  it('never makes another line or another element', () => {
    const lines = render({ name: 'x' }).text.split('\n').length;
    const tags = (html: string): string[] => html.match(/<[^>]*>/g) ?? [];
    const expected = tags(render({ name: 'x' }).html);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (name) => {
        fc.pre(render({ name }).text.includes('Name: '));
        const { subject, text, html } = render({ name });
        expect(subject).not.toMatch(/\p{Cc}/u);
        expect(text.split('\n')).toHaveLength(lines);
        expect(tags(html)).toEqual(expected);
      }),
    );
  });
});
