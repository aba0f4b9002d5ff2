// Sessions as the service seals them, for tests that have nobody sign in: of anybody, at any time, under any settings.
import { env } from 'cloudflare:test';
import { loadConfig } from '../../../src/config.ts';
import { makerOf, seal } from '../../../src/http/seal.ts';
import type { SignedIn } from '../../../src/http/session.ts';
import { type Reply, send } from './harness.ts';

export const TODAY = 'test-session-key-of-today-0123456789';
export const YESTERDAY = 'test-session-key-of-yesterday-0123';

/** Settings of a service that people sign in to. */
export const signingIn = (settings: Record<string, unknown> = {}): Env =>
  ({
    ...env,
    CONSOLE_CLIENT_ID: 'retake-console',
    SESSION_KEYS: `${TODAY},${YESTERDAY}`,
    ...settings,
  }) as Env;

export const SERVICE = signingIn();

const HOUR_MS = 3_600_000;

export function signedIn(sub: string, more: Partial<SignedIn> = {}): SignedIn {
  const config = configOf(SERVICE);
  return {
    id: crypto.randomUUID(),
    identity: { issuer: config.auth.issuer, claim: 'sub', value: sub },
    actorId: sub,
    actorName: null,
    scopes: null,
    since: Date.now(),
    ...more,
  };
}

/** A cookie of the session, as a service with these settings seals it now. */
export async function cookieOf(
  who: SignedIn,
  { vars = SERVICE, endsAt = Date.now() + 8 * HOUR_MS, purpose = 'session' as 'session' | 'login' } = {},
): Promise<string> {
  const maker = makerOf(purpose, configOf(vars));
  if (maker === null) throw new Error('nobody signs in under these settings');
  return `__Host-retake=${await seal({ ...who }, endsAt, maker)}`;
}

function configOf(vars: Env) {
  const result = loadConfig(vars);
  if (!result.ok) throw new Error(result.problems.join());
  return result.config;
}

/** One request of a browser that keeps this cookie. */
export function browse(
  cookie: string,
  path: string,
  { method = 'GET', headers = {}, vars = SERVICE, body = null as string | null } = {},
): Promise<Reply> {
  return send(path, { method, headers: { cookie, ...headers }, body }, vars);
}

export const OWN_PAGE = { 'sec-fetch-site': 'same-origin' };

/** What the answer has the browser keep. */
export const keptCookie = ({ headers }: Reply): string | undefined =>
  headers.getSetCookie().find((line) => line.startsWith('__Host-retake='));
