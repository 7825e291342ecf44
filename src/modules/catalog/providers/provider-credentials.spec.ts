import { describe, expect, it } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { RootKey } from '#platform/crypto/root-key.js';
import { UnsealError } from '#platform/crypto/sealed-box.js';

import { ProviderCredentials } from './provider-credentials.js';

const ORIGIN = 'https://api.example.com';
const credentials = new ProviderCredentials(new RootKey(new Secret(Buffer.alloc(32, 1))));

function sealed(id: string, origin: string): { id: string; sealedCredential: Buffer | null } {
  return { id, ...credentials.seal(id, origin, new Secret('sk-canary')) };
}

describe('ProviderCredentials', () => {
  it('opens what it sealed, and stores nothing readable', () => {
    const provider = sealed('prov_a', ORIGIN);
    expect(provider.sealedCredential?.includes('sk-canary')).toBe(false);
    expect(credentials.open(provider, ORIGIN)?.reveal()).toBe('sk-canary');
  });

  it('never opens for another origin, so a changed base_url in the database gains nothing', () => {
    const provider = sealed('prov_a', ORIGIN);
    expect(() => credentials.open(provider, 'https://evil.example.com')).toThrow(UnsealError);
    expect(() => credentials.open(provider, 'http://api.example.com')).toThrow(UnsealError);
  });

  it('never opens for another provider, so a copied column gains nothing', () => {
    const { sealedCredential } = sealed('prov_a', ORIGIN);
    expect(() => credentials.open({ id: 'prov_b', sealedCredential }, ORIGIN)).toThrow(UnsealError);
  });

  it('keeps nothing where there is no credential', () => {
    const columns = credentials.seal('prov_a', ORIGIN, null);
    expect(columns).toEqual({ credentialOrigin: null, sealedCredential: null });
    expect(credentials.open({ id: 'prov_a', sealedCredential: null }, ORIGIN)).toBeNull();
  });
});
