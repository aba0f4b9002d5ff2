// By which id what happened can be found in other systems: each entry of the audit trail has one, and so has each dispatch.
import { describe, expect, test, vi } from 'vitest';
import {
  type ActingJob,
  createdJob,
  failedAfter,
  jobAt,
  newHome,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { ActingOperation, failedJobs } from '../support/workerd/bulk.ts';
import { call, orchestrator } from '../support/workerd/harness.ts';

const GIVEN = { 'x-correlation-id': 'ticket-4711' };

const idsOf = async (job: ActingJob): Promise<string[]> =>
  (await job.transitions()).map(({ correlation_id }) => correlation_id);

describe('an editor’s act', () => {
  test('bears the id that its request was given: in the trail, on the dispatch, and to the orchestrator', async () => {
    const { job } = await failedAfter('TRANSCRIBING');

    const { body } = await job.retry('first', GIVEN);

    expect((await job.dispatch(body.dispatch_id)).correlation_id).toBe('ticket-4711');
    const sent = (await job.requests()).find(({ dispatch_id }) => dispatch_id === body.dispatch_id);
    expect(sent?.headers['x-correlation-id']).toBe('ticket-4711');
    await (await job.pipeline(body.dispatch_id)).report('TRANSCRIBING', { correlation_id: undefined });
    expect((await idsOf(job)).at(-1)).toBe('ticket-4711');
  });

  test.each<[string, () => Promise<ActingJob>, string, unknown]>([
    ['confirm-upload', () => createdJob(), 'confirm-upload', { video_uri: 's3://media/talk.mp4' }],
    ['abandon', async () => (await jobAt('TRANSCRIBING')).job, 'abandon', undefined],
    ['cancel', async () => (await jobAt('TRANSCRIBING')).job, 'cancel', undefined],
  ])('%s has the id in its entry', async (_act, make, path, body) => {
    const job = await make();

    expect((await job.post(path, body, GIVEN)).status).toBe(200);

    expect((await idsOf(job)).at(-1)).toBe('ticket-4711');
  });

  test.each<[string, Record<string, string>]>([
    ['none', {}],
    ['an empty one', { 'x-correlation-id': '' }],
    ['one of two words', { 'x-correlation-id': 'two words' }],
    ['one that is too long', { 'x-correlation-id': 'x'.repeat(129) }],
  ])('that was given %s bears the id of its request', async (_what, headers) => {
    const job = await createdJob();

    const reply = await job.post('confirm-upload', { video_uri: 's3://media/talk.mp4' }, headers);

    expect(await idsOf(job)).toEqual([reply.headers.get('x-request-id')]);
    expect(reply.headers.get('x-request-id')).toMatch(/^req_/);
  });
});

describe('an act that no trail tells of bears the id, and its editor’s, in the log:', () => {
  const linesOf = async (id: string, event: string, act: () => Promise<unknown>) => {
    const log = vi.spyOn(console, 'log');
    await act();
    const lines = log.mock.calls.map(([line]) => JSON.parse(line));
    log.mockRestore();
    return lines.filter((line) => line.event === event && Object.values(line).includes(id));
  };

  test('an operation that is paused, resumed or cancelled, each time', async () => {
    const { home } = await failedJobs(2);
    const operation = await ActingOperation.over(home, { max_in_flight: 1 });
    await operation.untilCounts({ in_flight: 1, delivered: 1 });
    const lines = await linesOf(operation.id, 'operation_changed', async () => {
      for (const [number, command] of (['pause', 'resume', 'cancel'] as const).entries()) {
        await operation.command(command, { 'x-correlation-id': `ticket-${number}` });
      }
    });
    expect(lines).toEqual(
      ['paused', 'running', 'cancelling'].map((operation_state, number) =>
        expect.objectContaining({
          ...{ operation_id: operation.id, operation_state },
          ...{ actor_id: home.actorId, correlation_id: `ticket-${number}` },
        }),
      ),
    );
  });

  test('a job that is erased', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const lines = await linesOf(job.id, 'job_erased', () => job.erase(GIVEN));
    expect(lines).toMatchObject([{ job_id: job.id, correlation_id: 'ticket-4711' }]);
  });

  test('a project that is erased', async () => {
    const { token, projectId, actorId } = await newHome();
    const lines = await linesOf(projectId, 'project_erased', () =>
      call('DELETE', `/projects/${projectId}`, { token, headers: GIVEN }),
    );
    expect(lines).toMatchObject([
      { project_id: projectId, actor_id: actorId, correlation_id: 'ticket-4711' },
    ]);
  });
});

test('a report has its own id, else that of its dispatch; and so has what happens without one', async () => {
  const job = await uploadedJob();
  const run = await job.run(GIVEN);
  const pipeline = await job.pipeline(run.body.dispatch_id);
  await pipeline.report('AUDIO_READY', { correlation_id: 'exe-9' });
  await pipeline.report('TRANSCRIBING', { correlation_id: undefined });
  await job.age(4_000_000);
  await job.alarm();

  expect((await job.get()).status).toBe('FAILED');
  expect((await idsOf(job)).slice(1)).toEqual(['ticket-4711', 'exe-9', 'ticket-4711', 'ticket-4711']);
  expect((await job.get()).failure.correlation_id).toBe('ticket-4711');
  await orchestrator.waitFor(job.id, 'cancels');
});
