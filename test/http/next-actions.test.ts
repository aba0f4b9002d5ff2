// next_actions: what can be done about a job now, in every state before its draft is finished and of what has failed. Those of a
// finished draft are in next-actions-drafts.test.ts.
import { describe, expect, test } from 'vitest';
import { ACTIONS } from '../../src/domain/next-actions.ts';
import { createdJob, failedAfter, jobAt, uploadedJob } from '../support/workerd/acting.ts';
import { call } from '../support/workerd/harness.ts';
import { DRAFT_STATES, failed, STATES } from './job-states.ts';
import { carryOut, inShort, offersAreTrue, offersOf } from './offers.ts';

offersAreTrue(STATES);

test('every act is offered in one of these states', () => {
  const offered = [...STATES, ...DRAFT_STATES].flatMap(([, , offers]) => offers);

  for (const action of ACTIONS) expect(offered.some((offer) => offer.startsWith(action))).toBe(true);
});

describe('waiting', () => {
  test('says until when the stage is given, and the job has failed by then if nothing is heard', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    const [wait] = await offersOf(job);
    const { lastProgressAt } = await job.stored();

    expect(Date.parse(wait?.until ?? '')).toBe((lastProgressAt ?? 0) + 3_600_000);
    expect(wait).toMatchObject({
      action: 'wait',
      method: 'GET',
      path: `/jobs/${job.id}`,
      body: null,
      needs: [],
    });
  });

  test('follows each sign of life, and so does the tag of the job', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    const before = await call('GET', `/jobs/${job.id}`, { token: job.token });
    await pipeline.report('TRANSCRIBING', { progress_pct: 10 });
    const headers = { 'if-none-match': before.headers.get('etag') ?? '' };

    const after = await call('GET', `/jobs/${job.id}`, { token: job.token, headers });

    expect(after.status).toBe(200);
    expect(after.body.next_actions[0].until).not.toBe(before.body.next_actions[0].until);
  });

  test('says until when a retry is better waited with, where the report said so', async () => {
    const job = await failed({ failure_class: 'quota', retry_after_seconds: 90 });
    const shown = await job.get();

    expect(shown.next_actions[0]).toMatchObject({ action: 'wait', until: shown.failure.retry_at });
  });
});

describe('a run that comes again', () => {
  test('says what can be done in its place', async () => {
    const { job, dispatchId } = await failedAfter('GENERATING');

    const reply = await job.run();

    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ dispatch_id: dispatchId, replayed: true });
    expect(reply.body.next_actions).toEqual(await offersOf(job));
    const [retry] = reply.body.next_actions;
    expect((await carryOut(job, retry)).status).toBe(202);
  });

  test('and one that is new says nothing of it', async () => {
    expect((await (await uploadedJob()).run()).body.next_actions).toEqual([]);
  });
});

test('an editor’s own answers show what can be done next', async () => {
  const job = await createdJob();
  const confirmed = await job.confirm();
  const cancelled = await job.cancel();

  expect(confirmed.body.job.next_actions.map(inShort)).toEqual([
    'run balanced',
    'renew_video',
    'cancel',
    'erase',
  ]);
  expect(cancelled.body.next_actions.map(inShort)).toEqual(['erase']);
});
