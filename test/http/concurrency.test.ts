// Twenty requests at once: one pipeline, and an answer for everyone that says so.
import { describe, expect, test } from 'vitest';
import { type ActingJob, createdJob, failedAfter, uploadedJob } from '../support/workerd/acting.ts';
import { queueHasPassed, type Reply } from '../support/workerd/harness.ts';

const TWENTY = Array.from({ length: 20 }, (_, index) => index);

const atOnce = (request: (index: number) => Promise<Reply>): Promise<Reply[]> =>
  Promise.all(TWENTY.map(request));

const withStatus = (replies: Reply[], status: number) => replies.filter((reply) => reply.status === status);

const executions = async (job: ActingJob, type: 'job.run' | 'job.retry') => {
  await queueHasPassed();
  return (await job.executions()).filter((execution) => execution.type === type);
};

describe('twenty retries at once', () => {
  test('that are identical make one dispatch, which every answer names', async () => {
    const { job } = await failedAfter('TRANSCRIBING');

    const replies = await atOnce(() => job.retry('the-same'));

    expect(withStatus(replies, 202)).toHaveLength(1);
    expect(withStatus(replies, 200)).toHaveLength(19);
    const [accepted] = withStatus(replies, 202);
    for (const { body } of withStatus(replies, 200))
      expect(body).toEqual({ ...accepted?.body, replayed: true });
    expect(await executions(job, 'job.retry')).toMatchObject([{ dispatch_id: accepted?.body.dispatch_id }]);
    expect((await job.requests()).filter(({ type }) => type === 'job.retry')).toHaveLength(1);
  });

  test('that differ make one dispatch, and nineteen are told that it is at work', async () => {
    const { job } = await failedAfter('TRANSCRIBING');

    const replies = await atOnce((index) => job.retry(`request-${index}`));

    expect(withStatus(replies, 202)).toHaveLength(1);
    expect(withStatus(replies, 409)).toHaveLength(19);
    const [accepted] = withStatus(replies, 202);
    for (const { body } of withStatus(replies, 409)) {
      expect(body.error_code).toBe('JOB_ALREADY_RUNNING');
      expect(body.details).toMatchObject({
        dispatch_id: accepted?.body.dispatch_id,
        current_status: 'FAILED',
      });
    }
    expect(await executions(job, 'job.retry')).toHaveLength(1);
    expect(await job.dispatches()).toHaveLength(2);
  });

  test('that are identical but for the profile make one dispatch under the first profile', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const profileOf = (index: number) => (index % 2 === 0 ? 'balanced' : 'accurate');

    const replies = await atOnce((index) => job.retry('the-same', {}, profileOf(index)));

    const [accepted] = withStatus(replies, 202);
    expect(withStatus(replies, 202)).toHaveLength(1);
    expect(withStatus(replies, 200)).toHaveLength(9);
    expect(withStatus(replies, 409)).toHaveLength(10);
    for (const { body } of withStatus(replies, 409)) {
      expect(body.error_code).toBe('CLIENT_REQUEST_ID_PAYLOAD_MISMATCH');
    }
    expect((await job.dispatch(accepted?.body.dispatch_id)).model_profile).toBe(accepted?.body.model_profile);
    expect(await executions(job, 'job.retry')).toHaveLength(1);
  });

  test('while the orchestrator refuses all answer 502, nothing is executed, and it works once it is back', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const before = await job.get();
    await job.answers({ kind: 'refuse', status: 400 });

    const replies = await atOnce(() => job.retry('the-same'));

    expect(withStatus(replies, 502)).toHaveLength(20);
    expect(await executions(job, 'job.retry')).toEqual([]);
    expect(await job.get()).toEqual(before);

    await job.answers({ kind: 'accept' });
    const reply = await job.retry('the-same');
    expect(reply.status).toBe(202);
    expect(await executions(job, 'job.retry')).toMatchObject([{ dispatch_id: reply.body.dispatch_id }]);
  });
});

describe('twenty runs at once', () => {
  test('that are identical make one dispatch, which every answer names', async () => {
    const job = await uploadedJob();

    const replies = await atOnce(() => job.run());

    expect(withStatus(replies, 202)).toHaveLength(1);
    expect(withStatus(replies, 200)).toHaveLength(19);
    const [accepted] = withStatus(replies, 202);
    for (const { body } of withStatus(replies, 200)) {
      const { next_actions } = body;
      expect(body).toEqual({ ...accepted?.body, replayed: true, next_actions });
      expect(next_actions[0]).toMatchObject({ action: 'wait', allowed: true });
    }
    expect(await executions(job, 'job.run')).toMatchObject([{ dispatch_id: accepted?.body.dispatch_id }]);
  });

  test('under two profiles make one dispatch, and the other profile is told that it is at work', async () => {
    const job = await uploadedJob();
    const profileOf = (index: number) => (index % 2 === 0 ? 'balanced' : 'accurate');

    const replies = await atOnce((index) => job.post('run', { model_profile: profileOf(index) }));

    expect(withStatus(replies, 202)).toHaveLength(1);
    expect(withStatus(replies, 200)).toHaveLength(9);
    expect(withStatus(replies, 409)).toHaveLength(10);
    for (const { body } of withStatus(replies, 409)) expect(body.error_code).toBe('JOB_ALREADY_RUNNING');
    expect(await executions(job, 'job.run')).toHaveLength(1);
  });

  test('while the orchestrator refuses all answer 502, nothing is executed, and it works once it is back', async () => {
    const job = await uploadedJob({ answers: [{ kind: 'refuse', status: 400 }], repeat_last: true });

    const replies = await atOnce(() => job.run());

    expect(withStatus(replies, 502)).toHaveLength(20);
    expect(await executions(job, 'job.run')).toEqual([]);
    expect(await job.status()).toBe('UPLOADED');

    await job.answers({ kind: 'accept' });
    expect((await job.run()).status).toBe(202);
    expect(await executions(job, 'job.run')).toHaveLength(1);
  });
});

describe('twenty confirmations at once', () => {
  test('of different videos confirm one', async () => {
    const job = await createdJob();

    const replies = await atOnce((index) =>
      job.post('confirm-upload', { video_uri: `s3://media/${index}.mp4` }),
    );

    const [confirmed] = withStatus(replies, 200);
    expect(withStatus(replies, 200)).toHaveLength(1);
    expect(withStatus(replies, 409)).toHaveLength(19);
    expect((await job.get()).manifest.video_uri).toBe(confirmed?.body.job.manifest.video_uri);
    expect(await job.trail()).toEqual(['CREATED → UPLOADED']);
  });
});
