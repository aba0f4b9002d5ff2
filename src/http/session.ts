// The session of somebody who has signed in: a sealed cookie that says who, since when and until when. It holds no token of the
// provider's. Its end is inside the seal; that it was ended before is known by the workspace it opens.
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { workspaceObject } from '../objects.ts';
import type { AppEnv } from './app-env.ts';
import { type Editor, ownerKey } from './editor.ts';
import { makerOf, open, seal } from './seal.ts';

export const COOKIE = '__Host-retake';
/** `Lax`: with `Strict` the way back from the provider, another site, would arrive without it. */
export const COOKIE_ATTRIBUTES = { path: '/', secure: true, httpOnly: true, sameSite: 'Lax' } as const;

const IDLE_MS = 8 * 3_600_000;
const LONGEST_MS = 24 * 3_600_000;
/** Between the machine that looks at a session's end and the one that forgets that it was ended. */
const CLOCK_DIFFERENCE_MS = 60_000;

/** Who signed in, and when. */
export interface SignedIn extends Omit<Editor, 'owner' | 'endsAt'> {
  /** By which it is known once it has been ended. */
  id: string;
  /** In epoch milliseconds. */
  since: number;
}

export interface Session extends SignedIn {
  owner: string;
  sealedAt: number;
  endsAt: number;
  /** Whatever is done with it. */
  endsAtLast: number;
}

/** The session that the request bears; null for none, and for one that cannot be opened, has ended, or was ended. */
export async function sessionOf(c: Context<AppEnv>): Promise<Session | null> {
  const session = await openedSession(c);
  if (session === null) return null;
  return (await workspaceObject(c.env, session.owner).hasEnded(session.id)) ? null : session;
}

async function openedSession(c: Context<AppEnv>): Promise<Session | null> {
  const sealed = getCookie(c, COOKIE);
  const maker = makerOf('session', c.get('config'));
  const content = sealed === undefined || maker === null ? null : await open<SignedIn>(sealed, maker);
  if (content === null) return null;
  const { iat, exp, ...signedIn } = content;
  return {
    ...signedIn,
    owner: await ownerKey(signedIn.identity),
    sealedAt: iat * 1000,
    endsAt: exp * 1000,
    endsAtLast: signedIn.since + LONGEST_MS,
  };
}

/** A session of its own for every time that somebody signs in. */
export async function begin(c: Context<AppEnv>, who: Omit<SignedIn, 'id' | 'since'>): Promise<void> {
  await hand(c, { ...who, id: crypto.randomUUID(), since: Date.now() });
}

/** When half of what it may idle has passed, and not with every request. Answers when it ends then. */
export async function renew(c: Context<AppEnv>, session: Session): Promise<number> {
  if (Date.now() - session.sealedAt < IDLE_MS / 2) return session.endsAt;
  const { id, since, identity, actorId, actorName, scopes } = session;
  return hand(c, { id, since, identity, actorId, actorName, scopes });
}

async function hand(c: Context<AppEnv>, signedIn: SignedIn): Promise<number> {
  const maker = makerOf('session', c.get('config'));
  if (maker === null) throw new Error('nobody signs in where that is not set up');
  const now = Date.now();
  const endsAt = Math.min(now + IDLE_MS, signedIn.since + LONGEST_MS);
  setCookie(c, COOKIE, await seal({ ...signedIn }, endsAt, maker), {
    ...COOKIE_ATTRIBUTES,
    maxAge: Math.ceil((endsAt - now) / 1000),
  });
  return endsAt;
}

/** From now on no copy of it opens anything, however it was sealed. */
export async function end(c: Context<AppEnv>): Promise<void> {
  const session = await openedSession(c);
  if (session !== null) {
    const until = session.endsAtLast + CLOCK_DIFFERENCE_MS;
    await workspaceObject(c.env, session.owner).endSession(session.id, until);
  }
  deleteCookie(c, COOKIE, COOKIE_ATTRIBUTES);
}
