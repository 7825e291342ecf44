import { describe, expect, it } from 'vitest';

import { InvalidEnvironmentError, loadEnv } from './env.js';

/** The names of the variables that a start is refused for. */
function refusedFor(source: Record<string, string>): string[] {
  try {
    loadEnv(source);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidEnvironmentError)) throw error;
    return error.problems.map((problem) => /^[A-Z\d_]+/.exec(problem)?.[0] ?? problem);
  }
}

describe('LATCHKEY_GEOIP_DATABASE', () => {
  it('is the shipped one unless it is set', () => {
    expect(loadEnv({}).geoIpDatabase).toBeNull();
    expect(loadEnv({ LATCHKEY_GEOIP_DATABASE: '' }).geoIpDatabase).toBeNull();
  });

  it.each(['country.mmdb', '/var/lib/GeoIP/My Country.mmdb', 'x'.repeat(4096)])(
    'is a path: %.40s',
    (path) => expect(loadEnv({ LATCHKEY_GEOIP_DATABASE: path }).geoIpDatabase).toBe(path),
  );

  it('has a bound', () => {
    const env = { LATCHKEY_GEOIP_DATABASE: 'x'.repeat(4097) };
    expect(refusedFor(env)).toEqual(['LATCHKEY_GEOIP_DATABASE']);
  });
});

describe('LATCHKEY_SIGNUP', () => {
  const external = {
    DATABASE_URL: 'postgres://localhost/latchkey',
    LATCHKEY_SECRET_KEY: Buffer.alloc(32).toString('base64'),
  };

  it('is open with the embedded database alone, unless it is set', () => {
    expect(loadEnv({}).isSignupOpen).toBe(true);
    expect(loadEnv(external).isSignupOpen).toBe(false);
    expect(loadEnv({ LATCHKEY_SIGNUP: 'closed' }).isSignupOpen).toBe(false);
    expect(loadEnv({ ...external, LATCHKEY_SIGNUP: 'open' }).isSignupOpen).toBe(true);
  });

  it('is one of the two', () => {
    expect(refusedFor({ LATCHKEY_SIGNUP: 'true' })).toEqual(['LATCHKEY_SIGNUP']);
  });
});

describe('LATCHKEY_SIGNUP_CREDIT', () => {
  it('is 5 USD unless it is set, to the nano-dollar', () => {
    expect(loadEnv({}).signUpCredit).toBe('5.00');
    const given = '0.000000001';
    expect(loadEnv({ LATCHKEY_SIGNUP_CREDIT: given }).signUpCredit).toBe(given);
  });

  it.each(['-1', '1e3', '5 USD', '0.0000000001', '1000000', '.5', 'NaN'])('is not %s', (amount) => {
    expect(refusedFor({ LATCHKEY_SIGNUP_CREDIT: amount })).toEqual(['LATCHKEY_SIGNUP_CREDIT']);
  });
});

describe('LATCHKEY_LEAK_PUBLIC_KEYS', () => {
  it('is none unless it is set', () => {
    expect(loadEnv({}).leakPublicKeys).toBeNull();
    expect(loadEnv({ LATCHKEY_LEAK_PUBLIC_KEYS: '' }).leakPublicKeys).toBeNull();
  });

  it('is kept as it stands, and has a bound', () => {
    const given = '{'.padEnd(65_536);
    expect(loadEnv({ LATCHKEY_LEAK_PUBLIC_KEYS: given }).leakPublicKeys).toBe(given);
    const refused = refusedFor({ LATCHKEY_LEAK_PUBLIC_KEYS: `${given} ` });
    expect(refused).toEqual(['LATCHKEY_LEAK_PUBLIC_KEYS']);
  });
});

describe('LATCHKEY_REQUEST_BODY_RETENTION_DAYS', () => {
  it.each([
    ['', 30],
    ['1', 1],
    ['3650', 3_650],
  ])('%j is %d days', (given, days) => {
    const env = { LATCHKEY_REQUEST_BODY_RETENTION_DAYS: given };
    expect(loadEnv(env).requestBodyRetentionDays).toBe(days);
  });

  it.each(['0', '-1', '1.5', '3651', 'for ever'])('can’t be %j', (given) => {
    const env = { LATCHKEY_REQUEST_BODY_RETENTION_DAYS: given };
    expect([...new Set(refusedFor(env))]).toEqual(Object.keys(env));
  });
});

describe('LATCHKEY_COUNTRY_HEADER', () => {
  it('is none unless it is set', () => {
    expect(loadEnv({}).http.countryHeader).toBeNull();
    expect(loadEnv({ LATCHKEY_COUNTRY_HEADER: '' }).http.countryHeader).toBeNull();
  });

  it.each([
    ['cf-ipcountry', 'cf-ipcountry'],
    ['CF-IPCountry', 'cf-ipcountry'],
    ['X_Country', 'x_country'],
    ['c', 'c'],
    ["!#$%&'*+.^_`|~-09", "!#$%&'*+.^_`|~-09"],
    ['H'.repeat(64), 'h'.repeat(64)],
  ])('%s is kept as Node names headers', (given, kept) => {
    expect(loadEnv({ LATCHKEY_COUNTRY_HEADER: given }).http.countryHeader).toBe(kept);
  });

  it.each([
    ' ',
    'cf ipcountry',
    'cf-ipcountry:',
    'cf-ipcountry\n',
    'a,b',
    '"a"',
    'a/b',
    'pays-é',
    'H'.repeat(65),
  ])('%j is no name of a header', (given) => {
    expect(refusedFor({ LATCHKEY_COUNTRY_HEADER: given })).toEqual(['LATCHKEY_COUNTRY_HEADER']);
  });

  it('can’t be changed once it is read', () => {
    expect(Object.isFrozen(loadEnv({ LATCHKEY_COUNTRY_HEADER: 'a' }).http)).toBe(true);
  });
});

describe('LATCHKEY_USAGE_RETENTION_DAYS', () => {
  it.each(['0', '30', '3651', '-40', '40.5'])('%j is refused', (given) => {
    expect(refusedFor({ LATCHKEY_USAGE_RETENTION_DAYS: given })).toEqual([
      'LATCHKEY_USAGE_RETENTION_DAYS',
    ]);
  });

  it.each(['31', '3650'])('%s days are taken', (given) => {
    const { usageRetentionDays } = loadEnv({ LATCHKEY_USAGE_RETENTION_DAYS: given });
    expect(usageRetentionDays).toBe(Number(given));
  });

  it('is 400 days unless said', () => {
    expect(loadEnv({ LATCHKEY_USAGE_RETENTION_DAYS: '' }).usageRetentionDays).toBe(400);
  });
});

describe('OpenTelemetry', () => {
  const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' };

  it('is off without an endpoint, and where it is disabled', () => {
    expect(loadEnv({}).telemetry).toBeNull();
    expect(loadEnv({ OTEL_TRACES_EXPORTER: 'otlp' }).telemetry).toBeNull();
    expect(loadEnv({ ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }).telemetry).toBeNull();
    const none = { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' };
    expect(loadEnv({ ...ENDPOINT, ...none }).telemetry).toBeNull();
  });

  it('has a path for each signal below the endpoint, and an address of its own as it is given', () => {
    expect(loadEnv(ENDPOINT).telemetry).toEqual({
      protocol: 'http/protobuf',
      tracesUrl: 'http://collector:4318/v1/traces',
      metricsUrl: 'http://collector:4318/v1/metrics',
      metricIntervalMs: 60_000,
      maxQueuedSpans: 2_048,
    });
    const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.example/in' };
    expect(loadEnv({ ...ENDPOINT, ...own }).telemetry).toMatchObject({
      tracesUrl: 'https://traces.example/in',
      metricsUrl: 'http://collector:4318/v1/metrics',
    });
    expect(loadEnv(own).telemetry).toMatchObject({ metricsUrl: null });
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4317'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'grpc://collector:4317'],
    ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'http://collector/a?b'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_TRACES_EXPORTER', 'console'],
    ['OTEL_METRICS_EXPORTER', 'prometheus'],
    ['OTEL_SDK_DISABLED', 'yes'],
    ['OTEL_METRIC_EXPORT_INTERVAL', '99'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0'],
  ])('%s can’t be %s', (name, given) => {
    expect(refusedFor({ [name]: given })).toEqual([name]);
  });
});

describe('LATCHKEY_SMTP_URL', () => {
  it('is none unless it is set', () => {
    expect(loadEnv({}).mail.smtpUrl).toBeNull();
    expect(loadEnv({ LATCHKEY_SMTP_URL: '' }).mail.smtpUrl).toBeNull();
  });

  it.each(['smtp://localhost', 'smtps://a%40b:p%2Fw@mail.example:465/', 'smtp://[::1]:2525'])(
    '%s is kept as a secret',
    (url) => {
      const { smtpUrl } = loadEnv({ LATCHKEY_SMTP_URL: url }).mail;
      expect(smtpUrl?.reveal()).toBe(url);
      expect(String(smtpUrl)).not.toContain(url);
    },
  );

  it.each([
    'mail.example:25',
    'http://mail.example',
    'smtp://',
    'smtp://mail.example/?pool=true',
    'smtp://mail.example/path',
    'smtp://mail.example:99999',
    'smtp://user:pass word@mail.example',
    'smtp://user:100%@mail.example',
  ])('can’t be %s', (url) => {
    expect(refusedFor({ LATCHKEY_SMTP_URL: url })).toEqual(['LATCHKEY_SMTP_URL']);
  });
});

describe('LATCHKEY_MAIL_FROM', () => {
  it.each([
    ['', 'Latchkey <latchkey@localhost>'],
    ['keys@example.com', 'keys@example.com'],
    ['Schlüsseldienst <keys@example.com>', 'Schlüsseldienst <keys@example.com>'],
  ])('%j is %s', (given, from) => {
    expect(loadEnv({ LATCHKEY_MAIL_FROM: given }).mail.from).toBe(from);
  });

  it.each([
    'keys',
    'a@b, c@d',
    'a@b <c@d>',
    'Keys <c@d>\r\nBcc: e@f',
    'Keys\r\nBcc: e@f <c@d>',
    '"Keys" <c@d>',
    `${'x'.repeat(65)} <c@d>`,
  ])('can’t be %j', (given) => {
    expect(refusedFor({ LATCHKEY_MAIL_FROM: given })).toEqual(['LATCHKEY_MAIL_FROM']);
  });
});

describe('LATCHKEY_TRUSTED_PROXIES', () => {
  it.each(['0.0.0.0/0', '::/0', '10.0.0.1, 0.0.0.0/00'])('%s would trust everybody', (given) => {
    expect(refusedFor({ LATCHKEY_TRUSTED_PROXIES: given })).toEqual(['LATCHKEY_TRUSTED_PROXIES']);
  });

  it('is a list of addresses and CIDRs', () => {
    const { trustedProxies } = loadEnv({ LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/8, ::1' }).http;
    expect(trustedProxies).toEqual(['10.0.0.0/8', '::1']);
  });
});

describe('LATCHKEY_S3_…', () => {
  const bucket = { LATCHKEY_S3_BUCKET: 'exports' };
  const keys = {
    LATCHKEY_S3_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    LATCHKEY_S3_SECRET_ACCESS_KEY: 'hidden',
  };

  it('is nothing unless there is a bucket', () => {
    expect(loadEnv({}).s3).toBeNull();
    expect(loadEnv({ LATCHKEY_S3_REGION: 'eu-west-1', LATCHKEY_S3_PREFIX: 'a' }).s3).toBeNull();
  });

  it('is Amazon’s, with what the machine has of credentials, unless it says otherwise', () => {
    expect(loadEnv(bucket).s3).toEqual({
      bucket: 'exports',
      endpoint: null,
      region: 'us-east-1',
      prefix: '',
      credentials: null,
    });
    const endpoint = 'https://storage.example.com';
    const { s3 } = loadEnv({
      ...bucket,
      ...keys,
      LATCHKEY_S3_ENDPOINT: endpoint,
      LATCHKEY_S3_REGION: 'eu-central-1',
      LATCHKEY_S3_PREFIX: 'audit/files',
    });
    expect(s3).toMatchObject({ endpoint, region: 'eu-central-1', prefix: 'audit/files/' });
    expect(s3?.credentials?.accessKeyId).toBe('AKIAEXAMPLE');
    expect(s3?.credentials?.secretAccessKey.reveal()).toBe('hidden');
    expect(JSON.stringify(s3)).not.toContain('hidden');
  });

  it.each([
    [{ LATCHKEY_S3_BUCKET: 'No_Bucket' }, 'LATCHKEY_S3_BUCKET'],
    [{ ...bucket, LATCHKEY_S3_ENDPOINT: 'storage.example.com' }, 'LATCHKEY_S3_ENDPOINT'],
    [{ ...bucket, LATCHKEY_S3_REGION: 'EU West' }, 'LATCHKEY_S3_REGION'],
    [{ ...bucket, LATCHKEY_S3_PREFIX: '../up' }, 'LATCHKEY_S3_PREFIX'],
    [{ ...bucket, LATCHKEY_S3_ACCESS_KEY_ID: 'alone' }, 'LATCHKEY_S3_ACCESS_KEY_ID'],
    [{ ...bucket, LATCHKEY_S3_SECRET_ACCESS_KEY: 'alone' }, 'LATCHKEY_S3_ACCESS_KEY_ID'],
    [keys, 'LATCHKEY_S3_ACCESS_KEY_ID'],
    [{ LATCHKEY_S3_ENDPOINT: 'https://storage.example.com' }, 'LATCHKEY_S3_ACCESS_KEY_ID'],
    [{ LATCHKEY_AUDIT_CHECKPOINT_S3_PREFIX: 'checkpoints' }, 'LATCHKEY_S3_ACCESS_KEY_ID'],
    [
      { ...bucket, LATCHKEY_AUDIT_CHECKPOINT_S3_PREFIX: '/checkpoints' },
      'LATCHKEY_AUDIT_CHECKPOINT_S3_PREFIX',
    ],
  ])('%j is refused', (env, name) => expect(refusedFor(env)).toEqual([name]));

  it('has checkpoints under a prefix of their own', () => {
    const env = { ...bucket, LATCHKEY_AUDIT_CHECKPOINT_S3_PREFIX: 'checkpoints/' };
    expect(loadEnv(env).auditCheckpoints.s3Prefix).toBe('checkpoints/');
    expect(loadEnv(bucket).auditCheckpoints.s3Prefix).toBeNull();
  });
});
