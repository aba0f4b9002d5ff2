// The provider's side of signing in (OpenID Connect Core 1.0, authorization code flow with PKCE): what it is asked, and what its
// answers have to prove. The protocol is oauth4webapi's. An ID token comes straight from the token endpoint, over TLS, which
// stands for a look at its signature (§3.1.3.7, 6).
import * as oauth from 'oauth4webapi';
import type { EditorAuth, SignIn } from '../config.ts';
import { actorNameOf, type Claims, isSubject } from './editor.ts';

const TIMEOUT_MS = 5_000;
const CLOCK_TOLERANCE_SECONDS = 60;
/** What a provider says of itself changes with its deployments. */
const FRESH_MS = 10 * 60_000;
/** Anybody can begin a sign-in: after a failure the provider is not asked again for this long. */
const PAUSE_AFTER_FAILURE_MS = 5_000;

/** What one sign-in is known by, until its end. */
export interface Login {
  state: string;
  nonce: string;
  verifier: string;
}

export const newLogin = (): Login => ({
  state: oauth.generateRandomState(),
  nonce: oauth.generateRandomNonce(),
  verifier: oauth.generateRandomCodeVerifier(),
});

/** Why somebody is not signed in, as far as they are told. */
export type Failure = 'denied' | 'failed' | 'unavailable';

/** Its reason is for the log: codes of the library or of OAuth, never what the provider or a browser wrote. */
export class SignInFailed extends Error {
  override name = 'SignInFailed';
  readonly failure: Failure;
  readonly reason: string;

  constructor(failure: Failure, reason: string) {
    super(failure);
    this.failure = failure;
    this.reason = reason;
  }
}

/** What the provider says of who has signed in, and which scopes it grants. */
export interface Proven {
  claims: Claims & { sub: string };
  granted: string | null;
}

export class IdentityProvider {
  readonly #auth: EditorAuth;
  readonly #signIn: SignIn;
  readonly #redirectUri: string;
  readonly #client: oauth.Client;

  constructor(auth: EditorAuth, signIn: SignIn, redirectUri: string) {
    this.#auth = auth;
    this.#signIn = signIn;
    this.#redirectUri = redirectUri;
    this.#client = { client_id: signIn.clientId, [oauth.clockTolerance]: CLOCK_TOLERANCE_SECONDS };
  }

  /** Where the browser goes to sign in. `scopes` are asked for beside those that say who it is. */
  async authorizationUrl({ state, nonce, verifier }: Login, scopes: readonly string[]): Promise<URL> {
    return orFailure(async () => {
      const server = await this.#server();
      const url = endpoint(server.authorization_endpoint);
      const known = server.scopes_supported;
      const asked = ['openid', ...['profile', 'email'].filter((scope) => known?.includes(scope) ?? true)];
      const parameters = {
        client_id: this.#signIn.clientId,
        redirect_uri: this.#redirectUri,
        response_type: 'code',
        scope: [...asked, ...scopes].join(' '),
        state,
        nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      };
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
      return url;
    });
  }

  /** What the provider answers to the code that the browser came back with. */
  async redeem(callback: URLSearchParams, { state, nonce, verifier }: Login): Promise<Proven> {
    return orFailure(async () => {
      const server = await this.#server();
      const parameters = oauth.validateAuthResponse(server, this.#client, callback, state);
      const answer = await oauth.authorizationCodeGrantRequest(
        server,
        this.#client,
        this.#clientAuth(server),
        parameters,
        this.#redirectUri,
        verifier,
        this.#options(),
      );
      const tokens = await oauth.processAuthorizationCodeResponse(server, this.#client, answer, {
        expectedNonce: nonce,
        requireIdToken: true,
      });
      const claims = oauth.getValidatedIdTokenClaims(tokens);
      if (!isSubject(claims?.sub)) throw new SignInFailed('failed', 'claim sub: nobody who could act');
      const { access_token: accessToken, scope = null } = tokens;
      return { claims: await this.#withUserInfo(server, claims, accessToken), granted: scope };
    });
  }

  /** Where the browser goes to sign out there too, and comes back from; null where there is no such place. */
  async endSessionUrl(backTo: string): Promise<string | null> {
    try {
      const { end_session_endpoint: address } = await this.#server();
      if (address === undefined) return null;
      const url = endpoint(address);
      url.searchParams.set('client_id', this.#signIn.clientId);
      url.searchParams.set('post_logout_redirect_uri', backTo);
      return url.href;
    } catch {
      // Who signs out here has done so, whatever the provider is up to.
      return null;
    }
  }

  /** Whether the provider knows these scopes, and so narrows people to some of them. */
  async grants(scopes: readonly string[]): Promise<boolean> {
    return orFailure(async () => {
      const known = (await this.#server()).scopes_supported ?? [];
      return scopes.every((scope) => known.includes(scope));
    });
  }

  /** Many providers put what they say of people there alone. The ID token is asked first, and outranks it. */
  async #withUserInfo(
    server: oauth.AuthorizationServer,
    claims: oauth.IDToken,
    accessToken: string,
  ): Promise<Proven['claims']> {
    const saysAll = actorNameOf(claims) !== null && this.#auth.ownerClaim in claims;
    if (saysAll || server.userinfo_endpoint === undefined) return claims;
    const answer = await oauth.userInfoRequest(server, this.#client, accessToken, this.#options());
    const more = await oauth.processUserInfoResponse(server, this.#client, claims.sub, answer);
    return { ...more, ...claims };
  }

  /** RFC 8414 §2: without a word about it, a server takes the secret by Basic authentication. */
  #clientAuth({
    token_endpoint_auth_methods_supported: methods,
  }: oauth.AuthorizationServer): oauth.ClientAuth {
    const { clientSecret } = this.#signIn;
    if (clientSecret === null) return oauth.None();
    const takesBasic = methods?.includes('client_secret_basic') ?? true;
    return takesBasic ? oauth.ClientSecretBasic(clientSecret) : oauth.ClientSecretPost(clientSecret);
  }

  async #server(): Promise<oauth.AuthorizationServer> {
    const { issuer } = this.#auth;
    const known = servers.get(issuer);
    if (known && age(known.fetchedAt) < FRESH_MS) return known.server;
    const failure = failures.get(issuer);
    if (failure && age(failure.at) < PAUSE_AFTER_FAILURE_MS) return orUnavailable(known, failure.reason);
    try {
      const url = new URL(issuer);
      const answer = await oauth.discoveryRequest(url, { algorithm: 'oidc', ...this.#options() });
      const server = await oauth.processDiscoveryResponse(url, answer);
      servers.set(issuer, { server, fetchedAt: Date.now() });
      return server;
    } catch (error) {
      const reason = `discovery: ${reasonOf(error)}`;
      failures.set(issuer, { reason, at: Date.now() });
      return orUnavailable(known, reason);
    }
  }

  #options() {
    return {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      // The configuration takes plain http for this machine alone.
      [oauth.allowInsecureRequests]: this.#auth.issuer.startsWith('http:'),
    };
  }
}

interface Known {
  server: oauth.AuthorizationServer;
  fetchedAt: number;
}

const servers = new Map<string, Known>();
const failures = new Map<string, { reason: string; at: number }>();

const age = (at: number): number => Math.abs(Date.now() - at);

/** What it said of itself before holds until it says something else. */
function orUnavailable(known: Known | undefined, reason: string): oauth.AuthorizationServer {
  if (known === undefined) throw new SignInFailed('unavailable', reason);
  return known.server;
}

function endpoint(address: string | undefined): URL {
  const url = URL.parse(address ?? '');
  if (url === null) throw new SignInFailed('unavailable', 'discovery: an address is missing');
  return url;
}

async function orFailure<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof SignInFailed) throw error;
    throw new SignInFailed(failureOf(error), reasonOf(error));
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof oauth.AuthorizationResponseError) {
    if (error.error === 'access_denied') return 'denied';
    return ['server_error', 'temporarily_unavailable'].includes(error.error) ? 'unavailable' : 'failed';
  }
  const status = statusOf(error);
  return status === null || status >= 500 ? 'unavailable' : 'failed';
}

/** Of the answer that the error is about; null where there was none. */
function statusOf(error: unknown): number | null {
  if (error instanceof oauth.ResponseBodyError || error instanceof oauth.WWWAuthenticateChallengeError) {
    return error.status;
  }
  if (!(error instanceof oauth.OperationProcessingError)) return null;
  // What an answer says that was given.
  return error.cause instanceof Response ? error.cause.status : 200;
}

/** RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6. */
const KNOWN_ERRORS = new Set([
  ...['access_denied', 'invalid_client', 'invalid_grant', 'invalid_request', 'invalid_scope'],
  ...['unauthorized_client', 'unsupported_grant_type', 'unsupported_response_type'],
  ...['server_error', 'temporarily_unavailable'],
  ...['interaction_required', 'login_required', 'account_selection_required', 'consent_required'],
]);

function reasonOf(error: unknown): string {
  if (error instanceof oauth.AuthorizationResponseError || error instanceof oauth.ResponseBodyError) {
    return KNOWN_ERRORS.has(error.error) ? error.error : error.code;
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError) return `${error.code} ${error.status}`;
  if (error instanceof oauth.OperationProcessingError) return error.code ?? error.name;
  return error instanceof Error ? error.name : typeof error;
}
