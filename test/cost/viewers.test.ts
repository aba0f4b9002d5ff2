// What it costs to be looked at: nothing that is written, and nothing that is asked for.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReportableStatus } from '../../src/domain/lifecycle.ts';
import { type ActingJob, type ActingPipeline, jobAt, until } from '../support/workerd/acting.ts';
import { ActingOperation, failedJobs, succeed } from '../support/workerd/bulk.ts';
import { call, editorToken, settledTraceOf } from '../support/workerd/harness.ts';
import { type Counts, Meter } from '../support/workerd/meter.ts';
import { type Viewer, watch } from '../support/workerd/viewing.ts';

let meter: Meter;
beforeAll(async () => {
  meter = await Meter.start();
});
afterAll(() => meter.stop());

const REPORTS: [ReportableStatus, Record<string, unknown>][] = [
  ['TRANSCRIBING', {}],
  ['TRANSCRIBING', { progress_pct: 50 }],
  ['TRANSCRIPT_READY', {}],
  ['GENERATING', {}],
  ['DRAFT_READY', {}],
];

/** But for what is read, of which there is more for who looks on. */
async function costOf(act: () => Promise<unknown>): Promise<Omit<Counts, 'rowsRead' | 'objectsCalled'>> {
  await until(async () => expect(meter.isQuiet()).toBe(true));
  meter.reset();
  await act();
  await until(async () => expect(meter.isQuiet()).toBe(true));
  const { rowsRead: _read, objectsCalled: _called, ...counts } = meter.counts();
  return counts;
}

/** What each report costs, from the first of the transcript to the draft. */
async function costs({ pipeline }: { pipeline: ActingPipeline }, isSeen: () => Promise<unknown>) {
  const all = [];
  for (const [status, fields] of REPORTS) {
    all.push(
      await costOf(async () => {
        await pipeline.report(status, fields);
        await isSeen();
      }),
    );
  }
  return all;
}

const eventsOf = ({ id, projectId }: ActingJob): string[] => [
  `/jobs/${id}/events`,
  `/projects/${projectId}/events`,
];

test('a report costs the same rows, alarms and requests whether anybody looks on or not', async () => {
  const unwatched = await jobAt('AUDIO_READY');
  const alone = await costs(unwatched, async () => {});

  const watched = await jobAt('AUDIO_READY');
  const { job } = watched;
  await settledTraceOf(job);
  // It ends before anything else is due, so that an alarm stands for it.
  const { owner: _owner, ...origin } = await job.stored();
  const token = await editorToken(String(origin.ownerIdentity?.value), {
    exp: Math.floor(Date.now() / 1_000) + 300,
  });
  const viewers: Viewer[] = [];
  const opened = await costOf(async () => {
    for (const path of [...eventsOf(job), ...eventsOf(job)]) viewers.push(await watch(path, { token }));
    await Promise.all(viewers.map((viewer) => viewer.until(({ records }) => records.length > 0)));
  });
  // One alarm each, for the end of all their viewers.
  expect(opened).toMatchObject({ jobRows: 0, listRows: 0, alarmsSet: 2, queueOperations: 0, logLines: 0 });

  let messages = viewers.map((viewer) => viewer.messages.length);
  const inCompany = await costs(watched, async () => {
    const [ofJob] = viewers;
    await ofJob?.until((viewer) => viewer.messages.length > (messages[0] ?? 0));
    messages = viewers.map((viewer) => viewer.messages.length);
  });
  expect(inCompany).toEqual(alone);
  expect(viewers[1]?.of('summary').at(-1)).toMatchObject({ id: job.id, status: 'DRAFT_READY' });
});

test('an operation that goes on to its end costs the same rows and no more alarms whether anybody looks on or not', async () => {
  const course = async (look: (operation: ActingOperation) => Promise<Viewer[]>) => {
    const { home, jobs } = await failedJobs(3);
    const operation = await ActingOperation.over(home);
    await operation.untilCounts({ in_flight: 3, delivered: 3 });
    let viewers: Viewer[] = [];
    const opened = await costOf(async () => {
      viewers = await look(operation);
    });
    const ended = await costOf(async () => {
      await succeed(jobs);
      await operation.untilState('done');
      for (const viewer of viewers) {
        await viewer.until((seen) => seen.of('operation').at(-1)?.state === 'done');
      }
    });
    const { jobRows, operationRows, operationAlarms } = ended;
    return { opened, ended: { jobRows, operationRows, operationAlarms } };
  };
  // What jobs say together costs less than what they say one by one, and which it is, is chance.
  const several = async (look: Parameters<typeof course>[0]) => {
    const courses = [await course(look), await course(look), await course(look), await course(look)];
    const least = <K extends string>(counts: Record<K, number>[], key: K) =>
      Math.min(...counts.map((each) => each[key]));
    const ended = courses.map((each) => each.ended);
    return {
      opened: (key: keyof Omit<Counts, 'rowsRead' | 'objectsCalled'>) =>
        least(
          courses.map((each) => each.opened),
          key,
        ),
      rows: [least(ended, 'jobRows'), least(ended, 'operationRows')],
      alarms: ended.map(({ operationAlarms }) => operationAlarms),
    };
  };
  const alone = await several(async () => []);
  const inCompany = await several(async ({ id, home }) => {
    const viewers = [];
    for (let count = 0; count < 3; count += 1) viewers.push(await watch(`/operations/${id}/events`, home));
    await Promise.all(viewers.map((viewer) => viewer.until(({ records }) => records.length > 0)));
    return viewers;
  });
  expect(Math.min(...alone.rows)).toBeGreaterThan(0);
  expect(inCompany.rows).toEqual(alone.rows);
  expect(Math.min(...inCompany.alarms)).toBeLessThanOrEqual(Math.max(...alone.alarms));
  for (const key of ['operationRows', 'listRows', 'jobRows', 'logLines'] as const)
    expect(inCompany.opened(key), key).toBe(0);
  // One for the end of all of them, where it is the first that is due.
  expect(inCompany.opened('operationAlarms')).toBeLessThanOrEqual(1);
});

test('a ping costs nothing, and wakes nobody', async () => {
  const { job } = await jobAt('AUDIO_READY');
  const viewer = await watch(`/jobs/${job.id}/events`, job);
  await viewer.until(({ records }) => records.length > 0);
  await job.forget();
  const cost = await costOf(async () => {
    viewer.socket.send('ping');
    await viewer.until(({ pongs }) => pongs > 0);
  });
  expect(Object.entries(cost).filter(([, count]) => count > 0)).toEqual([]);
  expect(meter.counts().rowsRead).toBe(0);
});

test('who may not look costs what a read that is refused costs', async () => {
  const { job } = await jobAt('AUDIO_READY');
  const token = await editorToken('a stranger');
  const headers = { accept: 'text/event-stream' };
  const refused = await costOf(() => call('GET', `/jobs/${job.id}/events`, { token, headers }));
  const read = await costOf(() => call('GET', `/jobs/${job.id}`, { token }));
  // Of refusals of one kind a line is written now and then.
  expect({ ...refused, logLines: 0 }).toEqual({ ...read, logLines: 0 });
});
