// The session of who has signed in: what it opens, until when, and what is no session of this service.
import { createExecutionContext, env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ownerKey } from '../../src/http/editor.ts';
import worker from '../../src/index.ts';
import { createdJob, newHome } from '../support/workerd/acting.ts';
import { allRows, call, editorToken, type Reply } from '../support/workerd/harness.ts';
import {
  browse,
  cookieOf,
  keptCookie,
  OWN_PAGE,
  SERVICE,
  signedIn,
  signingIn,
  TODAY,
  YESTERDAY,
} from '../support/workerd/sessions.ts';
import { Viewer } from '../support/workerd/viewing.ts';

const HOUR_MS = 3_600_000;
const later = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });
afterEach(() => {
  vi.useRealTimers();
});

const somebody = () => `alice-${crypto.randomUUID()}`;
const cookieIn = (reply: Reply) => keptCookie(reply)?.split(';')[0] ?? '';

function expectSignedOut(reply: Reply) {
  expect(reply.status).toBe(401);
  expect(reply.body.error_code).toBe('UNAUTHENTICATED');
  expect(reply.headers.get('www-authenticate')).toBe('Bearer');
}

describe('a session', () => {
  test('opens what a token of the same person opens, and nothing of anybody else’s', async () => {
    const sub = somebody();
    const token = await editorToken(sub);
    const cookie = await cookieOf(signedIn(sub));
    const project = await call('POST', '/projects', { token, body: { name: 'Talks' } });
    const { body: job } = await call('POST', `/projects/${project.body.id}/jobs`, { token });

    const read = await browse(cookie, `/jobs/${job.id}`);
    const written = await browse(cookie, '/projects', {
      method: 'POST',
      headers: { ...OWN_PAGE, 'content-type': 'application/json' },
      body: '{"name":"Interviews"}',
    });

    expect(read.text).toBe((await call('GET', `/jobs/${job.id}`, { token })).text);
    expect(written.status).toBe(201);
    expect((await call('GET', `/projects/${written.body.id}`, { token })).status).toBe(200);
    const stranger = await browse(await cookieOf(signedIn(somebody())), `/jobs/${job.id}`);
    const missing = await browse(
      cookie,
      `/jobs/${job.id.replace(/.$/, (last: string) => (last === '0' ? '1' : '0'))}`,
    );
    expect(stranger.status).toBe(404);
    expect(stranger.text).toBe(missing.text);
  });

  test('says who is signed in, and until when', async () => {
    const who = signedIn(somebody(), { actorName: 'Alice Adams' });
    const endsAt = Math.floor(Date.now() / 1000) * 1000 + 8 * HOUR_MS;

    const { status, body } = await browse(await cookieOf(who, { endsAt }), '/session');

    expect(status).toBe(200);
    expect(body).toEqual({
      actor_id: who.actorId,
      actor_name: 'Alice Adams',
      can_write: true,
      signed_in_at: new Date(who.since).toISOString(),
      expires_at: new Date(endsAt).toISOString(),
      ends_at: new Date(who.since + 24 * HOUR_MS).toISOString(),
    });
  });

  test('that is narrowed to reading reads and does not write', async () => {
    const cookie = await cookieOf(signedIn(somebody(), { scopes: ['retake:read'] }));

    expect((await browse(cookie, '/projects')).status).toBe(200);
    expect((await browse(cookie, '/session')).body.can_write).toBe(false);
    const refused = await browse(cookie, '/projects', { method: 'POST', headers: OWN_PAGE });
    expect(refused).toMatchObject({ status: 403, body: { error_code: 'FORBIDDEN' } });
  });

  test('is answered nothing that a browser may keep, not even what has an ETag', async () => {
    const sub = somebody();
    const token = await editorToken(sub);
    const cookie = await cookieOf(signedIn(sub));
    const project = await call('POST', '/projects', { token, body: { name: 'Talks' } });
    const { body: job } = await call('POST', `/projects/${project.body.id}/jobs`, { token });
    const headers = { 'if-none-match': '*' };

    const replies = [
      await browse(cookie, `/jobs/${job.id}`),
      await browse(cookie, `/jobs/${job.id}`, { headers }),
      await browse(cookie, `/jobs/${job.id}/retry-plan`),
      await browse(cookie, '/projects'),
      await browse(cookie, '/session'),
      await browse(cookie, '/projects', { method: 'POST' }),
    ];

    expect(replies.map(({ status }) => status)).toEqual([200, 304, 200, 200, 200, 403]);
    for (const reply of replies) expect(reply.headers.get('cache-control')).toBe('no-store');
  });

  test('does not rescue a bad token, and a good token is not bound by it', async () => {
    const job = await createdJob();
    const cookie = await cookieOf(signedIn(somebody()));
    const as = (authorization: string) => browse(cookie, `/jobs/${job.id}`, { headers: { authorization } });

    expect((await as('Bearer forged')).status).toBe(401);
    expect((await as('Bearer')).status).toBe(401);
    expect((await as(`Bearer ${job.token}`)).status).toBe(200);
  });

  test('is never repeated in an answer, in whole or in part', async () => {
    const who = signedIn(somebody());
    const cookie = await cookieOf(who);

    for (const reply of [await browse(cookie, '/session'), await browse(`${cookie}x`, '/projects')]) {
      expect(reply.text).not.toContain(cookie.split('=')[1]);
      expect(reply.text).not.toContain(who.id);
    }
  });
});

describe('no session is', () => {
  const opens = async (cookie: string, vars = SERVICE) =>
    (await browse(cookie, '/projects', { vars })).status;

  test('a cookie of which a single character was altered, added or left out', async () => {
    const cookie = await cookieOf(signedIn(somebody()));
    expect(await opens(cookie)).toBe(200);
    const start = '__Host-retake='.length;
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const sealed = cookie.slice(start);
    // Of the last character of a part some bits stand for nothing: only the header's are compared as text.
    const at = fc
      .integer({ min: 0, max: sealed.length - 1 })
      .filter((index) => sealed[index] !== '.' && ![undefined, '.'].includes(sealed[index + 1]));
    const changed = fc
      .tuple(at, fc.constantFrom(...alphabet), fc.constantFrom('replace', 'add', 'leave out'))
      .filter(([index, character, how]) => how !== 'replace' || sealed[index] !== character)
      .map(([index, character, how]) => {
        const rest = sealed.slice(how === 'add' ? index : index + 1);
        return sealed.slice(0, index) + (how === 'leave out' ? '' : character) + rest;
      });

    await fc.assert(
      fc.asyncProperty(changed, async (text) => {
        expect(await opens(`__Host-retake=${text}`)).toBe(401);
      }),
      { numRuns: 100, seed: 17 },
    );
  });

  test.each(['', 'x', '....', 'a.b.c.d.e', 'x'.repeat(5_000), '%00', 'null', '{}'])(
    'what was never sealed: %j',
    async (text) => {
      expect(await opens(`__Host-retake=${text}`)).toBe(401);
    },
  );

  test.each([
    ['another address', { PUBLIC_BASE_URL: 'http://127.0.0.1:8999' }],
    ['other keys', { SESSION_KEYS: 'another-session-key-0123456789012345' }],
    ['another console', { CONSOLE_CLIENT_ID: 'another-console' }],
    ['another claim that owns', { AUTH_OWNER_CLAIM: 'org_id' }],
    ['another word on scopes', { AUTH_REQUIRE_SCOPE: true }],
    [
      'another provider',
      {
        AUTH_ISSUER: 'https://id.example',
        AUTH_JWKS_URL: 'https://id.example/keys',
        AUTH_AUDIENCE: 'retake',
      },
    ],
  ])('what a deployment with %s has sealed', async (_what, settings) => {
    const vars = signingIn(settings);
    const cookie = await cookieOf(signedIn(somebody()), { vars });

    expect(await opens(cookie, vars)).toBe(200);
    expect(await opens(cookie)).toBe(401);
  });

  test('what was sealed for a sign-in that is under way', async () => {
    expect(await opens(await cookieOf(signedIn(somebody()), { purpose: 'login' }))).toBe(401);
  });

  test('one under another name, or at a service that nobody signs in to', async () => {
    const cookie = await cookieOf(signedIn(somebody()));

    expect(await opens(cookie.replace('__Host-', ''))).toBe(401);
    expect(await opens(cookie, env)).toBe(401);
  });
});

describe('keys rotate', () => {
  const under = (keys: string) => signingIn({ SESSION_KEYS: keys });

  test('what an older one has sealed opens, and is sealed by the newest when it is renewed', async () => {
    const cookie = await cookieOf(signedIn(somebody()), { vars: under(YESTERDAY) });
    later(5 * HOUR_MS);

    const renewed = cookieIn(await browse(cookie, '/session'));

    expect(renewed).not.toBe('');
    expect((await browse(renewed, '/session', { vars: under(TODAY) })).status).toBe(200);
    expect((await browse(renewed, '/session', { vars: under(YESTERDAY) })).status).toBe(401);
  });

  test('what one has sealed that is taken away is nothing any more', async () => {
    const cookie = await cookieOf(signedIn(somebody()), { vars: under(YESTERDAY) });

    expectSignedOut(await browse(cookie, '/projects', { vars: under(TODAY) }));
  });
});

describe('a session ends', () => {
  test('when it has idled for eight hours, whatever the browser kept', async () => {
    const cookie = await cookieOf(signedIn(somebody()));
    later(8 * HOUR_MS - 1_000);
    expect((await browse(cookie, '/projects')).status).toBe(200);
    later(2_000);

    expectSignedOut(await browse(cookie, '/projects'));
    expectSignedOut(await browse(cookie, '/session'));
  });

  test('24 hours after signing in, however often it was renewed', async () => {
    const who = signedIn(somebody());
    let cookie = await cookieOf(who);
    let hours = 0;
    for (; hours < 20; hours += 5) {
      later(5 * HOUR_MS);
      cookie = cookieIn(await browse(cookie, '/session'));
    }
    const { body } = await browse(cookie, '/session');
    expect(body.expires_at.slice(0, 19)).toBe(body.ends_at.slice(0, 19));
    later(4 * HOUR_MS - 2_000);
    expect((await browse(cookie, '/session')).status).toBe(200);

    later(4_000);

    expect(Date.now() - who.since).toBeGreaterThan(24 * HOUR_MS);
    expectSignedOut(await browse(cookie, '/session'));
  });

  test('and is renewed by reading alone, past half of that time, and by no socket', async () => {
    const cookie = await cookieOf(signedIn(somebody()));
    const origin = { origin: 'http://127.0.0.1:8787' };
    expect(keptCookie(await browse(cookie, '/projects'))).toBeUndefined();
    later(4 * HOUR_MS + 1_000);

    const others = [
      await browse(cookie, '/projects', { method: 'POST', headers: OWN_PAGE }),
      await browse(cookie, '/projects', { headers: { ...origin, upgrade: 'websocket' } }),
      await browse(cookie, '/projects', { method: 'POST' }),
    ];
    const read = await browse(cookie, '/projects');

    expect(others.map(({ status }) => status)).toEqual([400, 200, 403]);
    for (const reply of others) expect(keptCookie(reply)).toBeUndefined();
    expect(keptCookie(read)).toMatch(
      /^__Host-retake=[\w.-]+; Max-Age=288\d\d; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
  });
});

describe('signing out', () => {
  /** The provider would be asked where to sign out there too. */
  beforeEach(() => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('the provider is away')));
    onTestFinished(() => void vi.unstubAllGlobals());
  });
  const signOut = (cookie: string, headers: Record<string, string> = OWN_PAGE) =>
    browse(cookie, '/session/end', { method: 'POST', headers });

  test('ends the session for every copy of it, those of before it was renewed too', async () => {
    const sub = somebody();
    const first = await cookieOf(signedIn(sub));
    later(5 * HOUR_MS);
    const renewed = cookieIn(await browse(first, '/session'));
    expect((await browse(first, '/projects')).status).toBe(200);

    const ended = await signOut(renewed);

    expect(ended).toMatchObject({ status: 200, body: { end_session_url: null } });
    expect(keptCookie(ended)).toMatch(/^__Host-retake=; Max-Age=0; Path=\/; .*Secure/);
    for (const copy of [first, renewed]) expectSignedOut(await browse(copy, '/projects'));
  });

  test('ends what a copy looks on with within 15 minutes, and it opens nothing again', async () => {
    const home = await newHome();
    const cookie = await cookieOf(signedIn(home.actorId));
    const path = `/projects/${home.projectId}/events`;
    const watching = async () => {
      const headers = { cookie, origin: 'http://127.0.0.1:8787', upgrade: 'websocket' };
      const request = new Request(`http://127.0.0.1:8787${path}`, { headers });
      return worker.fetch(request, SERVICE, createExecutionContext());
    };
    const { webSocket } = await watching();
    const viewer = new Viewer(webSocket as WebSocket);

    await signOut(cookie);
    later(15 * 60_000);
    await runDurableObjectAlarm(env.PROJECT.getByName(home.projectId));

    expect((await viewer.end()).code).toBe(4401);
    expect((await watching()).status).toBe(401);
  });

  test('leaves the same person’s other sessions, and tokens, as they are', async () => {
    const sub = somebody();
    const [one, other] = [await cookieOf(signedIn(sub)), await cookieOf(signedIn(sub))];

    await signOut(one);

    expect((await browse(one, '/projects')).status).toBe(401);
    expect((await browse(other, '/projects')).status).toBe(200);
    expect((await call('GET', '/projects', { token: await editorToken(sub) })).status).toBe(200);
  });

  test('can be repeated, and done by who is signed out already', async () => {
    const cookie = await cookieOf(signedIn(somebody()));

    for (const each of [cookie, cookie, 'other=1']) expect((await signOut(each)).status).toBe(200);
  });

  test.each(['cross-site', 'same-site', 'none'])('is not for a request that is %s', async (site) => {
    const cookie = await cookieOf(signedIn(somebody()));

    const refused = await signOut(cookie, { 'sec-fetch-site': site });

    expect(refused).toMatchObject({ status: 403, body: { error_code: 'CROSS_SITE_REQUEST' } });
    expect(keptCookie(refused)).toBeUndefined();
    expect((await browse(cookie, '/projects')).status).toBe(200);
  });

  test('is remembered as long as the session could have gone on, and no longer', async () => {
    const sub = somebody();
    const owner = await ownerKey(signedIn(sub).identity);
    const remembered = () =>
      runInDurableObject(
        env.WORKSPACE.getByName(owner),
        (_actor, state) => allRows(state).ended_session ?? [],
      );
    const one = await cookieOf(signedIn(sub));
    await signOut(one);
    later(23 * HOUR_MS);
    await signOut(await cookieOf(signedIn(sub)));
    expect(await remembered()).toHaveLength(2);

    later(2 * HOUR_MS);
    await signOut(await cookieOf(signedIn(sub)));

    expect(await remembered()).toHaveLength(2);
  });
});

describe('where nobody signs in', () => {
  test.each([
    ['GET', '/session'],
    ['GET', '/session/start'],
    ['GET', '/session/callback'],
    ['POST', '/session/end'],
  ])('%s %s says so', async (method, path) => {
    const reply = await browse('', path, { method, vars: env, headers: OWN_PAGE });

    expect(reply).toMatchObject({ status: 409, body: { error_code: 'NO_SIGN_IN' } });
  });
});
