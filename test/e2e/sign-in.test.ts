// Signing in for real: the service, an OpenID provider as a process of its own on another site, and a visitor between.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { editorToken } from '../support/editor-token.ts';
import { type IdentityProcess, startIdentityProcess } from '../support/identity/process.ts';
import { Visitor } from '../support/identity/visitor.ts';
import { fetchAlone } from '../support/own-connection.ts';
import { startShipped } from '../support/runtime/process.ts';
import { freePort, type Service } from '../support/service.ts';

const own = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' };
/** No job is run here. */
const NO_ORCHESTRATOR = 'http://127.0.0.1:9/dispatches';
const root = mkdtempSync(join(tmpdir(), 'retake-'));
let provider: IdentityProcess;
let service: Service;

beforeAll(async () => {
  const port = await freePort();
  provider = await startIdentityProcess({
    serviceUrls: [`http://127.0.0.1:${port}`],
    isForDevelopment: true,
  });
  service = await startShipped({
    port,
    orchestratorUrl: NO_ORCHESTRATOR,
    persistTo: join(root, 'state'),
    vars: { ...provider.vars, AUTH_OWNER_CLAIM: 'org_id' },
  });
});
afterAll(async () => {
  await Promise.all([service.stop(), provider.stop()]);
  rmSync(root, { recursive: true, force: true });
});

const json = async (response: Response) => ({ status: response.status, body: await response.json() });

test('who signs in comes back to where they were, works with the API, and signs out here and at the provider', async () => {
  const alice = new Visitor();
  expect((await alice.ask(`${service.url}/session`)).status).toBe(401);

  const back = await alice.signIn(service.url, 'alice', '/console/jobs/job_1?tab=plan#top');

  expect(back).toBe(`${service.url}/console/jobs/job_1?tab=plan#top`);
  expect(await json(await alice.ask(`${service.url}/session`))).toMatchObject({
    status: 200,
    body: { actor_id: 'alice', actor_name: 'Alice Adams', can_write: true },
  });
  const made = await alice.ask(`${service.url}/projects`, {
    method: 'POST',
    headers: own,
    body: '{"name":"Interviews"}',
  });
  expect(made.status).toBe(201);

  const taken = alice.cookies.map((cookie) => ({ ...cookie }));
  const ended = await json(await alice.ask(`${service.url}/session/end`, { method: 'POST', headers: own }));
  expect(ended.status).toBe(200);
  expect(alice.cookie('__Host-retake')).toBeNull();
  const thief = new Visitor();
  thief.cookies = taken;
  expect((await thief.ask(`${service.url}/projects`)).status).toBe(401);

  const { end_session_url: url } = ended.body as { end_session_url: string };
  expect(url).toMatch(new RegExp(`^${provider.issuer}/`));
  const asked = await alice.ask(url);
  expect(asked.status).toBe(200);
  const [, xsrf = ''] = /name="xsrf" value="(\w+)"/.exec(await asked.text()) ?? [];
  const confirm = new URLSearchParams({ xsrf, logout: 'yes' });
  const left = await alice.open(
    `${provider.issuer}/session/end/confirm`,
    { method: 'POST', body: confirm },
    (at) => at.startsWith(service.url),
  );
  expect(left).toBe(`${service.url}/console/`);
  // The provider asks anew who it is.
  expect(await alice.open(`${service.url}/session/start`)).toMatch(`${provider.issuer}/choose/`);
});

test('those of one organisation share its workspace, and somebody who is of none has their own, by session and by token', async () => {
  const [alice, ben, carol] = [new Visitor(), new Visitor(), new Visitor()];
  await alice.signIn(service.url, 'alice');
  await ben.signIn(service.url, 'ben');
  await carol.signIn(service.url, 'carol');
  const headers = own;
  const shared = await json(
    await alice.ask(`${service.url}/projects`, { method: 'POST', headers, body: '{"name":"Shared"}' }),
  );
  const id = (shared.body as { id: string }).id;
  const statusFor = async (authorization: string) =>
    (await fetchAlone(`${service.url}/projects/${id}`, { headers: { authorization } })).status;

  expect((await ben.ask(`${service.url}/projects/${id}`)).status).toBe(200);
  expect((await carol.ask(`${service.url}/projects/${id}`)).status).toBe(404);
  const tokenOf = async (sub: string, claims: Record<string, string> = {}) =>
    `Bearer ${await editorToken({ sub, issuer: provider.issuer, claims })}`;
  expect(await statusFor(await tokenOf('dora', { org_id: 'acme' }))).toBe(200);
  // Who is called like the organisation is not the organisation.
  expect(await statusFor(await tokenOf('acme'))).toBe(404);
  // A token of the same person that does not bear the claim is theirs alone.
  expect(await statusFor(await tokenOf('alice'))).toBe(404);
});

describe('what somebody took', () => {
  test('a state and a code, opens nothing in another browser, and is of no use to the one it was taken from either way round', async () => {
    const [alice, mallory] = [new Visitor(), new Visitor()];
    const callback = await alice.callbackFor(service.url, 'alice');

    expect(await mallory.open(callback, {}, (url) => url.includes('/console/'))).toBe(
      `${service.url}/console/?sign_in=expired`,
    );
    expect(mallory.cookie('__Host-retake')).toBeNull();
    expect(await alice.open(callback, {}, (url) => url.includes('/console/'))).toBe(
      `${service.url}/console/`,
    );
  });

  test('a code, is not taken with a state of the thief’s own: it belongs to another verifier', async () => {
    const [alice, mallory] = [new Visitor(), new Visitor()];
    const stolen = new URL(await alice.callbackFor(service.url, 'alice')).searchParams.get('code') ?? '';
    const callback = new URL(await mallory.callbackFor(service.url, 'carol'));
    callback.searchParams.set('code', stolen);

    const to = await mallory.open(callback.href, {}, (url) => url.includes('/console/'));

    expect(to).toBe(`${service.url}/console/?sign_in=failed`);
    expect(mallory.cookie('__Host-retake')).toBeNull();
  });

  test('a callback with the cookies that it came with, works once', async () => {
    const alice = new Visitor();
    const callback = await alice.callbackFor(service.url, 'alice');
    const before = alice.cookies.map((cookie) => ({ ...cookie }));
    await alice.ask(callback);
    const mallory = new Visitor();
    mallory.cookies = before;

    expect((await mallory.ask(callback)).headers.get('location')).toBe(
      `${service.url}/console/?sign_in=failed`,
    );
    expect(mallory.cookie('__Host-retake')).toBeNull();
  });
});

test('who chooses nobody at the provider is told so where they were', async () => {
  const visitor = new Visitor();

  expect(await visitor.signIn(service.url, '', '/console/projects')).toBe(
    `${service.url}/console/projects?sign_in=denied`,
  );
});

test('two tabs that sign in at once both come back to where they were', async () => {
  const visitor = new Visitor();
  const [one, other] = [
    await visitor.callbackFor(service.url, 'alice', '/console/one'),
    await visitor.callbackFor(service.url, 'alice', '/console/other'),
  ];

  for (const [callback, page] of [
    [other, 'other'],
    [one, 'one'],
  ]) {
    expect((await visitor.ask(callback ?? '')).headers.get('location')).toBe(
      `${service.url}/console/${page}`,
    );
  }
});

test('a console that has a secret proves itself by it, and no other console signs anybody in', async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const secret = 'the-secret-of-the-console-0123456789';
  const confidential = await startIdentityProcess({ serviceUrls: [url], clientSecret: secret });
  const persistTo = join(root, 'confidential');
  try {
    for (const { given, reason } of [
      { given: secret, reason: '' },
      { given: 'another-secret-0123456789-0123456789', reason: '?sign_in=failed' },
    ]) {
      const running = await startShipped({
        port,
        orchestratorUrl: NO_ORCHESTRATOR,
        persistTo,
        vars: { ...confidential.vars, CONSOLE_CLIENT_SECRET: given },
      });
      try {
        expect(await new Visitor().signIn(url, 'alice')).toBe(`${url}/console/${reason}`);
      } finally {
        await running.stop();
      }
    }
  } finally {
    await confidential.stop();
  }
});
