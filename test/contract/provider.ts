// An identity provider: a real HTTP server that hands out a key set, or whatever else a test has it answer, tokens that
// its keys sign, and the service before it, as far as it goes without an object behind it.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { createApp } from '../../src/http/app.ts';

export interface Provider {
  issuer: string;
  jwksUrl: string;
  /** How often the key set was asked for. */
  asked: number;
  /** The keys of its set. */
  keys: unknown[];
  /** What it answers in place of its key set. */
  answer: ((response: ServerResponse) => void) | null;
  stop(): Promise<void>;
}

export async function startProvider(): Promise<Provider> {
  const server = createServer((_request, response) => {
    provider.asked += 1;
    if (provider.answer) return provider.answer(response);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: provider.keys }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: Provider = {
    issuer,
    // What is known of a provider is kept by its address, and a port may be given out again.
    jwksUrl: `${issuer}/keys/${randomUUID()}`,
    asked: 0,
    keys: [],
    answer: null,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return provider;
}

export interface SigningKey {
  /** As it stands in a key set. */
  jwk: JWK;
  sign(claims: JWTPayload, header?: Partial<JWTHeaderParameters>): Promise<string>;
}

export async function newSigningKey(alg = 'ES256', kid?: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const named = kid === undefined ? {} : { kid };
  return {
    jwk: { ...(await exportJWK(publicKey)), ...named },
    sign: (claims, header = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, ...named, ...header }).sign(privateKey),
  };
}

/** Settings of a service that trusts this provider. */
export const trusting = (
  { issuer, jwksUrl }: Pick<Provider, 'issuer' | 'jwksUrl'>,
  settings: Record<string, unknown> = {},
) => ({
  PUBLIC_BASE_URL: 'http://127.0.0.1:8787',
  ORCHESTRATOR_URL: 'http://127.0.0.1:8788/',
  AUTH_JWKS_URL: jwksUrl,
  AUTH_ISSUER: issuer,
  AUTH_AUDIENCE: 'retake',
  CALLBACK_TOKEN_KEYS: 'callback-key-of-the-tests-0123456789',
  ID_KEYS: 'id-key-of-the-tests-012345678901234567',
  DISPATCH_SIGNING_SECRET: `whsec_${'A'.repeat(32)}`,
  MODEL_POLICY: {
    version: '1',
    default_profile: 'balanced',
    profiles: [{ id: 'balanced', title: 'Balanced', enabled: true, resume_from: ['UPLOADED'] }],
  },
  ...settings,
});

export interface Answer {
  status: number;
  code: string;
  text: string;
}

/** A 404 comes after authentication, so it says that the token was let in: no object is needed for it. */
export const LET_IN = { status: 404, code: 'RESOURCE_NOT_FOUND' };

/** Asks the service, by default to read, for a path that does not exist. */
export async function ask(env: object, token: string, method = 'GET'): Promise<Answer> {
  const request = new Request('http://127.0.0.1:8787/projects/and/nothing/there', {
    method,
    headers: { authorization: `Bearer ${token}` },
  });
  const response = await createApp().fetch(request, env as Env);
  const text = await response.text();
  return { status: response.status, code: JSON.parse(text).error_code, text };
}
