// What the log says when something goes wrong here, and how little of what costs its sender nothing.
import { createExecutionContext, env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { describeError } from '../../src/log.ts';
import { createdJob, failedAfter } from '../support/workerd/acting.ts';
import { call, missingId } from '../support/workerd/harness.ts';
import { OWN_PAGE, SERVICE } from '../support/workerd/sessions.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into lines of every form
function listening(): () => any[] {
  const lines: string[] = [];
  for (const level of ['log', 'warn', 'error'] as const) {
    const spy = vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line));
    onTestFinished(() => spy.mockRestore());
  }
  return () => lines.splice(0).map((line) => JSON.parse(line));
}

describe('an error in the log', () => {
  test('bears SQLite’s code, its class and where it was, and nothing of its message', async () => {
    const job = await createdJob();
    const error = await runInDurableObject(env.JOB.getByName(job.id), (_actor, { storage }) => {
      try {
        return storage.sql.exec('SELECT secret FROM job');
      } catch (thrown) {
        return thrown;
      }
    });

    const described = describeError(error);

    expect(described).toMatch(/^Error \| SQLITE_ERROR \| at /);
    expect(described).not.toContain('secret');
  });

  test('says what the platform says of it, and nothing that only looks like it', () => {
    const marks = {
      remote: true,
      retryable: true,
      overloaded: false,
      durableObjectReset: true,
      secret: true,
    };
    const error = Object.assign(new RangeError('a secret, SQLITE_FULL, sqlite_x, XSQLITE_Y'), marks);

    const [name, ...said] = describeError(error)
      .split(' | ')
      .filter((part) => !part.startsWith('at '));

    expect(name).toBe('RangeError');
    expect(said).toEqual(['SQLITE_FULL', 'remote', 'retryable', 'durableObjectReset']);
  });

  test('of an object that a newer version has stored says so', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    await runInDurableObject(job.stub, (_actor, { storage }) => {
      storage.sql.exec('UPDATE job SET schema = 99');
    });
    await job.forget();
    const lines = listening();

    const reply = await call('GET', `/jobs/${job.id}`, { token: job.token });

    expect(reply.status).toBe(500);
    expect(lines()).toContainEqual(
      expect.objectContaining({
        event: 'request_failed',
        error: expect.stringMatching(/^NewerSchema \| remote/),
      }),
    );
  });

  test('that lost its class on the way between objects is known by its message', () => {
    expect(describeError(new Error('NewerSchema: version 99, known is 1'))).toMatch(
      /^Error \| NewerSchema \| /,
    );
  });
});

describe('a refusal that anybody can cause', () => {
  /** A service that has told of nothing yet. */
  const service = (settings: object = {}) => {
    const app = createApp();
    return async (path: string, init: RequestInit = {}) => {
      const request = new Request(`http://127.0.0.1:8787${path}`, init);
      const response = await app.fetch(request, { ...env, ...settings }, createExecutionContext());
      return response.status;
    };
  };
  const bearing = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

  test.each<[number, (job: { id: string; token: string }) => Promise<[string, RequestInit]>]>([
    [401, async ({ id }) => [`/jobs/${id}`, {}]],
    [401, async ({ id }) => [`/internal/jobs/${id}/status`, { method: 'POST' }]],
    [404, async ({ token }) => [`/jobs/${await missingId('job')}`, bearing(token)]],
    [404, async () => ['/nowhere', {}]],
    [405, async ({ id, token }) => [`/jobs/${id}`, { ...bearing(token), method: 'PUT' }]],
    [405, async () => ['/healthz', { method: 'POST' }]],
  ])('%i is counted, and has a line at first and for every hundredth', async (status, make) => {
    const ask = service();
    const [path, init] = await make(await createdJob());
    const lines = listening();

    for (let time = 0; time < 201; time += 1) expect(await ask(path, init)).toBe(status);

    const told = lines();
    expect(told.map(({ count }) => count)).toEqual([1, 100, 100]);
    for (const line of told) expect(line).toMatchObject({ event: 'request', http_status: status });
  });

  const post = (headers: Record<string, string>) => ({ method: 'POST', headers });
  test.each<[string, number, object, string, RequestInit]>([
    ['of another site’s page', 403, SERVICE, '/session/end', post({ 'sec-fetch-site': 'cross-site' })],
    ['that has no effect', 200, SERVICE, '/session/end', post(OWN_PAGE)],
    ['that does not fit', 400, SERVICE, '/session/start?return_to=a&return_to=b', {}],
    ['where nobody can sign in', 409, {}, '/session/start', {}],
  ])('is a sign-in or sign-out %s (%i)', async (_what, status, settings, path, init) => {
    const ask = service(settings);
    const lines = listening();

    for (let time = 0; time < 201; time += 1) expect(await ask(path, init)).toBe(status);

    const told = lines().filter(({ event }) => event === 'request');
    expect(told.map(({ count }) => count)).toEqual([1, 100, 100]);
  });

  test('has a line again when none was written for a minute, with how many there were', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    onTestFinished(() => void vi.useRealTimers());
    const ask = service();
    const lines = listening();
    for (let time = 0; time < 8; time += 1) await ask('/nowhere');

    vi.advanceTimersByTime(60_000);
    await ask('/nowhere');

    expect(lines().map(({ count }) => count)).toEqual([1, 8]);
  });

  test('does not hide another kind, nor what a good token is refused', async () => {
    const job = await createdJob();
    const ask = service();
    await ask('/nowhere');
    const lines = listening();

    await ask('/nowhere');
    await ask('/projects');
    await ask(`/jobs/${job.id}`, bearing('forged'));
    await ask('/projects?limit=0', bearing(job.token));
    await ask('/projects?limit=0', bearing(job.token));

    expect(lines().map(({ http_status }) => http_status)).toEqual([401, 401, 400, 400]);
  });
});
