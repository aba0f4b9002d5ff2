// A real OpenID provider (oidc-provider) with a page to choose who signs in, in place of passwords. What it knows is in memory.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { JWK } from 'jose';
import { Provider } from 'oidc-provider';
import { choosePage, samplesPage } from './choose-page.ts';
import { personNamed } from './people.ts';

export const CLIENT_ID = 'retake-console';

export interface IdentityOptions {
  /** 0 takes a free one. */
  port: number;
  /** The address of the service that people sign in to; more of them in tests. */
  serviceUrls: readonly string[];
  /** What signs its tokens: a private JWK for ES256. */
  signingKey: JWK;
  /** Without one the console is a public client. */
  clientSecret: string | null;
  /** Makes sample jobs for somebody, and answers where they are to be seen; null where that is not offered. */
  makeSamples: ((sub: string, issuer: string) => Promise<string>) | null;
}

export interface IdentityServer {
  issuer: string;
  close(): void;
}

/** Bound to 127.0.0.1 and called `localhost`: for a browser another site than a service at 127.0.0.1, as in a deployment. */
export async function startIdentityServer(options: IdentityOptions): Promise<IdentityServer> {
  const server = createServer();
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, configuration(options));
  const protocol = provider.callback();
  server.on('request', (request, response) => {
    const { makeSamples } = options;
    const { pathname } = new URL(request.url ?? '/', issuer);
    const failed = (words: string) => (error: unknown) => {
      console.error(error);
      if (!response.headersSent) response.writeHead(400);
      response.end(words);
    };
    if (pathname.startsWith('/choose/')) {
      choose(provider, issuer, makeSamples, request, response).catch(
        failed('This sign-in is over: begin again at the service.'),
      );
    } else if (pathname === '/samples' && makeSamples !== null) {
      samples(issuer, makeSamples, request, response).catch(failed('The sample jobs were not made.'));
    } else protocol(request, response);
  });
  return {
    issuer,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function choose(
  provider: Provider,
  issuer: string,
  makeSamples: IdentityOptions['makeSamples'],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') return show(response, choosePage({ hasSamples: makeSamples !== null }));
  const given = new URLSearchParams(await text(request));
  const accountId = given.get('sub') ?? '';
  // Whoever signs in does so, whatever becomes of the samples.
  if (accountId !== '' && given.has('samples') && isOwnPage(request, issuer))
    await makeSamples?.(accountId, issuer).catch(console.error);
  await provider.interactionFinished(
    request,
    response,
    accountId === ''
      ? { error: 'access_denied', error_description: 'nobody was chosen' }
      : { login: { accountId } },
  );
}

async function samples(
  issuer: string,
  makeSamples: NonNullable<IdentityOptions['makeSamples']>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') return show(response, samplesPage());
  const sub = new URLSearchParams(await text(request)).get('sub') ?? '';
  if (!isOwnPage(request, issuer) || sub === '') response.writeHead(403);
  else response.writeHead(303, { location: await makeSamples(sub, issuer) });
  response.end();
}

/** No other site's page has anything made here. */
const isOwnPage = ({ headers }: IncomingMessage, issuer: string): boolean => headers.origin === issuer;

function show(response: ServerResponse, html: string): void {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(html);
}

function configuration({ serviceUrls, signingKey, clientSecret }: IdentityOptions): object {
  const secret =
    clientSecret === null
      ? { token_endpoint_auth_method: 'none' }
      : { token_endpoint_auth_method: 'client_secret_basic', client_secret: clientSecret };
  return {
    clients: [
      {
        client_id: CLIENT_ID,
        client_name: 'Retake',
        redirect_uris: serviceUrls.map((url) => `${url}/session/callback`),
        post_logout_redirect_uris: serviceUrls.map((url) => `${url}/console/`),
        grant_types: ['authorization_code'],
        response_types: ['code'],
        id_token_signed_response_alg: 'ES256',
        ...secret,
      },
    ],
    jwks: { keys: [{ ...signingKey, alg: 'ES256', use: 'sig' }] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    // As the standard has it: what `profile` and `email` ask for is said at the userinfo endpoint, not in the ID token.
    claims: { openid: ['sub', 'org_id'], profile: ['name'], email: ['email'] },
    scopes: ['openid', 'profile', 'email'],
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/choose/${uid}` },
    findAccount: (_context: unknown, sub: string) => ({ accountId: sub, claims: () => personNamed(sub) }),
    loadExistingGrant: granted,
    // Long enough for whoever looks away; nothing is refreshed.
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      Grant: 86_400,
      IdToken: 600,
      Interaction: 3_600,
      Session: 86_400,
    },
  };
}

interface Asking {
  oidc: {
    provider: Provider;
    client: { clientId: string };
    session: { accountId: string; grantIdFor(clientId: string): string | undefined };
    params: { scope: string };
  };
}

/** The console is the provider's own: nobody is asked whether it may know who they are. */
async function granted({ oidc }: Asking) {
  const { client, session, params, provider } = oidc;
  const known = session.grantIdFor(client.clientId);
  // A new one in its place would undo the sign-ins of other tabs.
  if (known !== undefined) return provider.Grant.find(known);
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
}
