// Telling another object what it has to know: pauses, overlaps, and what an older push may not do.
import { env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ProjectStore } from '../../src/actor/project-store.ts';
import { Telling } from '../../src/actor/telling.ts';
import { type Job, newJob } from '../../src/domain/job.ts';
import { EVERY_JOB } from '../../src/domain/job-filter.ts';
import { isShownAlike, type JobSummary, summaryOf } from '../../src/domain/project.ts';
import { newId } from '../support/ids.ts';
import { call, editorToken } from '../support/workerd/harness.ts';

const aJob = (): Job =>
  newJob(
    { id: newId('job'), projectId: newId('prj'), owner: 'own_1', ownerIdentity: null, requestDigest: null },
    1_000,
  );

/** The telling of whatever `current` answers; `tell` is the call. */
const tellingOf = (current: () => Job, tell: (summary: JobSummary) => Promise<unknown>) =>
  new Telling<JobSummary>({
    current: () => summaryOf(current(), null),
    isAlike: isShownAlike,
    tell,
    fields: ({ id }) => ({ job_id: id }),
  });

describe('a push', () => {
  test('pauses for 5 s, then twice as long each time, up to 5 min, and starts anew after a success', async () => {
    let fails = true;
    let pushed = 0;
    let job = aJob();
    const telling = tellingOf(
      () => job,
      async () => {
        pushed += 1;
        if (fails) throw new Error('the project is away');
      },
    );
    const pauses: (number | null)[] = [];
    for (let failures = 0; failures < 9; failures += 1) {
      pauses.push(telling.dueAt(0));
      await telling.tell();
    }
    expect(pauses).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);

    fails = false;
    await telling.tell();
    expect(telling.dueAt(0)).toBeNull();
    job = { ...job, status: 'UPLOADED' };
    expect(telling.dueAt(0)).toBe(5_000);
    expect(pushed).toBe(10);
  });

  test('of changes that come while it is under way becomes one more push, of the newest', async () => {
    const { promise: blocked, resolve: unblock } = Promise.withResolvers<void>();
    const pushed: string[] = [];
    let job = aJob();
    const telling = tellingOf(
      () => job,
      async ({ status }) => {
        pushed.push(status);
        if (pushed.length === 1) await blocked;
      },
    );
    const pushes = [telling.tell()];
    for (const status of ['UPLOADING', 'UPLOADED', 'AUDIO_EXTRACTING'] as const) {
      job = { ...job, status };
      pushes.push(telling.tell());
    }
    unblock();
    await Promise.all(pushes);
    expect(pushed).toEqual(['CREATED', 'AUDIO_EXTRACTING']);
  });

  test('that hangs counts as failed when its limit is over, and the next one is made', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    let pushed = 0;
    const job = aJob();
    const telling = tellingOf(
      () => job,
      () => {
        pushed += 1;
        return pushed === 1 ? new Promise(() => {}) : Promise.resolve();
      },
    );
    const hanging = telling.tell();
    await vi.advanceTimersByTimeAsync(10_000);
    await hanging;
    expect(telling.isTold).toBe(false);
    await telling.tell();
    expect(telling.isTold).toBe(true);
  });

  test('is owed from a change on until the list was told', async () => {
    let job = aJob();
    const telling = tellingOf(
      () => job,
      async () => {},
    );
    expect(telling.isOwed).toBe(false);
    job = { ...job, status: 'UPLOADED' };
    telling.owe();
    expect(telling.isOwed).toBe(true);
    await telling.tell();
    expect(telling.isOwed).toBe(false);
  });

  test('that is older than what is listed never overwrites it, and a repeat changes nothing', async () => {
    const id = newId('prj');
    const listed = await runInDurableObject(env.PROJECT.getByName(id), (_actor, state) => {
      const store = new ProjectStore(state.storage);
      store.create({ id, owner: 'own_1', requestDigest: null, name: 'Talks', createdAt: 1, erasedAt: null });
      const summary = summaryOf({ ...aJob(), projectId: id }, null);
      return (
        [
          ['UPLOADED', 2],
          ['DONE', 9],
          ['TRANSCRIBING', 5],
          ['FAILED', 9],
        ] as const
      ).map(([status, revision]) => {
        store.putSummaries([{ ...summary, status, revision }]);
        return store.page(EVERY_JOB, null, 10).items.map((row) => row.status);
      });
    });
    expect(listed).toEqual([['UPLOADED'], ['DONE'], ['DONE'], ['DONE']]);
  });

  test('of a project that its workspace did not take is repeated by the alarm until it is listed', async () => {
    const away = vi.spyOn(env.WORKSPACE, 'getByName').mockImplementation(() => {
      throw new Error('the workspace is away');
    });
    onTestFinished(() => away.mockRestore());
    const token = await editorToken(`editor-${crypto.randomUUID()}`);
    const { status, body } = await call('POST', '/projects', { token, body: { name: 'Talks' } });
    expect(status).toBe(201);
    const project = env.PROJECT.getByName(body.id);
    expect(await runDurableObjectAlarm(project)).toBe(true);
    away.mockRestore();
    expect((await call('GET', '/projects', { token })).body.items).toEqual([]);

    expect(await runDurableObjectAlarm(project)).toBe(true);

    expect((await call('GET', '/projects', { token })).body.items).toEqual([body]);
    expect(await runDurableObjectAlarm(project)).toBe(false);
  });
});
