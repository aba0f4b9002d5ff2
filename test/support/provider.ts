// An identity provider that answers what a test has it answer, right or wrong: a real HTTP server that hands out a key set, and the
// keys that sign its tokens. One that does all of it right is in identity/.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';

export interface Provider {
  issuer: string;
  jwksUrl: string;
  /** How often the key set was asked for. */
  asked: number;
  /** The keys of its set. */
  keys: unknown[];
  /** What it answers in place of its key set. */
  answer: ((response: ServerResponse, request: IncomingMessage) => void) | null;
  stop(): Promise<void>;
}

export async function startProvider(): Promise<Provider> {
  const server = createServer((request, response) => {
    provider.asked += 1;
    if (provider.answer) return provider.answer(response, request);
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
