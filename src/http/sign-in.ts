// Signing in to the console and out of it: to the provider, back with a code, and a session for it.
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import * as z from 'zod';
import type { SignIn } from '../config.ts';
import { toTimestamp } from '../contract/fields.ts';
import { crossSiteRequestError, noSignInError } from '../contract/problems.ts';
import { endedSession, session } from '../contract/sessions.ts';
import { log } from '../log.ts';
import type { AppEnv } from './app-env.ts';
import { allows, READ_SCOPE, unauthenticated, WRITE_SCOPE } from './auth.ts';
import { actorNameOf, ownerIdentity } from './editor.ts';
import {
  type Failure,
  IdentityProvider,
  type Login,
  newLogin,
  type Proven,
  SignInFailed,
} from './identity-provider.ts';
import { isWriteOfOwnPage } from './own-page.ts';
import { problem } from './problem.ts';
import { returnPath } from './return-path.ts';
import { defineRoute, type Route, route } from './route.ts';
import { commonRefusals, json, refusal } from './route-parts.ts';
import { makerOf, open, seal } from './seal.ts';
import { begin, COOKIE, COOKIE_ATTRIBUTES, end, renew, sessionOf } from './session.ts';
import { Tally } from './tally.ts';

/** How long somebody may take at the provider. */
const LOGIN_MS = 10 * 60_000;
/** One for each tab that is signing in; each is named by its state, so that none is in another's way. */
const LOGIN_COOKIE = `${COOKIE}-login-`;
const MOST_LOGINS = 5;
const STATE = /^[\w-]{43}$/;
const SCOPES = [READ_SCOPE, WRITE_SCOPE];

const base = { tags: ['Session'], security: [] };
const { 400: invalidInput, 405: otherMethod, 500: internal, 503: unavailable } = commonRefusals;
const refusals = {
  405: otherMethod,
  409: refusal(noSignInError, 'This service is not set up for signing in'),
  500: internal,
  503: unavailable,
};
const redirect = (description: string) => ({
  description,
  headers: { Location: { schema: { type: 'string' as const }, description: 'Where the browser goes next' } },
});

const getSession = defineRoute({
  ...base,
  method: 'get',
  path: '/session',
  operationId: 'getSession',
  summary: 'Who is signed in, and until when',
  security: [{ session: [] }],
  responses: { 200: json(session, 'The session'), 401: commonRefusals[401], ...refusals },
});

const startSession = defineRoute({
  ...base,
  method: 'get',
  path: '/session/start',
  operationId: 'startSession',
  summary: 'Sign in: a page leads here, and the provider leads back',
  request: {
    query: z.object({
      return_to: z.string().optional().meta({
        description: 'Where to go then, below `/console/`; anything else leads to `/console/`.',
      }),
    }),
  },
  responses: { 303: redirect('To the provider'), 400: invalidInput, ...refusals },
});

const finishSession = defineRoute({
  ...base,
  method: 'get',
  path: '/session/callback',
  operationId: 'finishSession',
  summary: 'Where the provider leads back to: its redirect URI',
  responses: {
    303: redirect('To where the sign-in was started; with `sign_in=` and why, when nobody is signed in'),
    ...refusals,
  },
});

const endSession = defineRoute({
  ...base,
  method: 'post',
  path: '/session/end',
  operationId: 'endSession',
  summary: 'Sign out; nothing that was sealed before opens anything from then on',
  responses: {
    200: json(endedSession, 'Nobody is signed in any more'),
    403: refusal(crossSiteRequestError, 'The request does not come from a page of this service'),
    ...refusals,
  },
});

export const sessionRoutes: readonly Route[] = [
  route(getSession, async (c) => {
    if (c.get('config').signIn === null) return problem(c, 'NO_SIGN_IN', {});
    const found = await sessionOf(c);
    if (found === null) return unauthenticated(c, null);
    const expiresAt = await renew(c, found);
    const body = {
      actor_id: found.actorId,
      actor_name: found.actorName,
      can_write: allows(found, WRITE_SCOPE),
      signed_in_at: toTimestamp(found.since),
      expires_at: toTimestamp(expiresAt),
      ends_at: toTimestamp(found.endsAtLast),
    };
    return c.json(body, 200);
  }),

  route(startSession, async (c) => {
    const { signIn } = c.get('config');
    if (signIn === null) return problem(c, 'NO_SIGN_IN', {});
    const returnTo = returnPath(c.req.valid('query').return_to);
    try {
      return await toProvider(c, signIn, returnTo);
    } catch (error) {
      return notSignedIn(c, returnTo, error);
    }
  }),

  route(finishSession, async (c) => {
    const { signIn } = c.get('config');
    if (signIn === null) return problem(c, 'NO_SIGN_IN', {});
    const { searchParams } = new URL(c.req.url);
    const login = await takeLogin(c, searchParams.get('state') ?? '');
    // Another browser's, too old, or used: whoever came with it has to begin anew, and so has a thief.
    if (login === null) return backTo(c, returnPath(undefined), 'expired');
    try {
      await signInAs(c, await providerOf(c, signIn).redeem(searchParams, login));
      return backTo(c, login.returnTo);
    } catch (error) {
      return notSignedIn(c, login.returnTo, error);
    }
  }),

  route(endSession, async (c) => {
    const { signIn, publicBaseUrl } = c.get('config');
    if (signIn === null) return problem(c, 'NO_SIGN_IN', {});
    // Whoever it is: another site signs nobody out.
    if (!isWriteOfOwnPage(c)) return problem(c, 'CROSS_SITE_REQUEST', {});
    await end(c);
    const url = await providerOf(c, signIn).endSessionUrl(`${publicBaseUrl}/console/`);
    return c.json({ end_session_url: url }, 200);
  }),
];

interface PendingLogin extends Login {
  returnTo: string;
}

async function toProvider(c: Context<AppEnv>, signIn: SignIn, returnTo: string) {
  const provider = providerOf(c, signIn);
  const login = newLogin();
  const scopes = (await narrows(c, provider)) ? SCOPES : [];
  const url = await provider.authorizationUrl(login, scopes);
  const maker = makerOf('login', c.get('config'));
  if (maker === null) throw new Error('nobody signs in where that is not set up');
  makeRoom(c);
  const sealed = await seal({ ...login, returnTo }, Date.now() + LOGIN_MS, maker);
  setCookie(c, LOGIN_COOKIE + login.state, sealed, { ...COOKIE_ATTRIBUTES, maxAge: LOGIN_MS / 1000 });
  return c.redirect(url.href, 303);
}

/** Browsers send the oldest first (RFC 6265 §5.4). */
function makeRoom(c: Context<AppEnv>): void {
  const pending = Object.keys(getCookie(c)).filter((name) => name.startsWith(LOGIN_COOKIE));
  for (const name of pending.slice(0, Math.max(0, pending.length - MOST_LOGINS + 1))) {
    deleteCookie(c, name, COOKIE_ATTRIBUTES);
  }
}

/** The sign-in that this browser began under this state. It is over, whatever comes of it. */
async function takeLogin(c: Context<AppEnv>, state: string): Promise<PendingLogin | null> {
  const name = LOGIN_COOKIE + state;
  const sealed = STATE.test(state) ? getCookie(c, name) : undefined;
  const maker = makerOf('login', c.get('config'));
  if (sealed === undefined || maker === null) return null;
  deleteCookie(c, name, COOKIE_ATTRIBUTES);
  const login = await open<PendingLogin>(sealed, maker);
  return login?.state === state ? login : null;
}

async function signInAs(c: Context<AppEnv>, { claims, granted }: Proven): Promise<void> {
  const { auth, signIn } = c.get('config');
  const { sub } = claims;
  const identity = ownerIdentity(claims, sub, auth);
  if (signIn === null || identity === null) {
    throw new SignInFailed('failed', `claim ${auth.ownerClaim}: nothing that could own anything`);
  }
  const isNarrowed = await narrows(c, providerOf(c, signIn));
  await begin(c, {
    identity,
    actorId: sub,
    actorName: actorNameOf(claims),
    // RFC 6749 §5.1: a server that grants what was asked for need not say so.
    scopes: isNarrowed ? (granted?.split(' ').filter((scope) => SCOPES.includes(scope)) ?? SCOPES) : null,
  });
}

/** Whether sessions are narrowed to scopes, as tokens are: where the settings ask for it, or the provider knows them. */
const narrows = async (c: Context<AppEnv>, provider: IdentityProvider): Promise<boolean> =>
  c.get('config').auth.requiresScope || (await provider.grants(SCOPES));

function providerOf(c: Context<AppEnv>, signIn: SignIn): IdentityProvider {
  const { auth, publicBaseUrl } = c.get('config');
  return new IdentityProvider(auth, signIn, `${publicBaseUrl}/session/callback`);
}

/** Anybody can begin a sign-in and make it fail. */
const tally = new Tally();

function notSignedIn(c: Context<AppEnv>, returnTo: string, error: unknown) {
  if (!(error instanceof SignInFailed)) throw error;
  const count = tally.add(error.reason, Date.now());
  if (count !== null) {
    log('warn', 'sign_in_failed', { request_id: c.get('requestId'), reason: error.reason, count });
  }
  return backTo(c, returnTo, error.failure);
}

/** The page says it in words. */
function backTo(c: Context<AppEnv>, path: string, why?: Failure | 'expired') {
  const { publicBaseUrl } = c.get('config');
  const url = new URL(publicBaseUrl + path);
  if (why !== undefined) url.searchParams.set('sign_in', why);
  return c.redirect(url.href, 303);
}
