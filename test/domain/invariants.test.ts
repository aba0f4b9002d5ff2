// What a commit may never store, one broken rule at a time.
import { describe, expect, test } from 'vitest';
import type { Changes } from '../../src/domain/decision.ts';
import type { Dispatch } from '../../src/domain/dispatch.ts';
import type { Transition } from '../../src/domain/history.ts';
import { brokenInvariant, type Present } from '../../src/domain/invariants.ts';
import type { Job } from '../../src/domain/job.ts';
import { failedJob, retry } from './builders.ts';

/** A failed job whose retry is under way, as it is stored, with its run as an earlier dispatch. */
function retried() {
  const job = failedJob();
  // As they are once all of them is known.
  const versions = job.job.versions.map((version) => ({ ...version, digest: 'md5:1', sizeBytes: 7 }));
  job.state = { ...job.state, job: { ...job.job, versions } };
  const before: Present = { job: job.job, newest: job.state.dispatches.at(-1) ?? null, previous: null };
  job.execute(retry('dsp_retry'), 1_000);
  const [run, newest] = job.state.dispatches;
  if (!run || !newest) throw new Error('a run and a retry');
  const entry = job.state.transitions.at(-1);
  if (!entry) throw new Error('a failure leaves an entry');
  return { before, after: { job: job.job, newest, previous: run } satisfies Present, run, entry };
}

const { before, after, run, entry } = retried();
interface Patch {
  job?: object;
  newest?: object;
  previous?: object;
}
const broken = ({ job = {}, newest = {}, previous = {} }: Patch, changes: Changes = {}) =>
  brokenInvariant(
    before,
    {
      job: { ...after.job, ...job } as Job,
      newest: { ...after.newest, ...newest } as Dispatch,
      previous: { ...after.previous, ...previous } as Dispatch,
    },
    changes,
  );

const [audio] = before.job.versions;
if (!audio) throw new Error('the run left its audio');
const known = before.job.versions;
const versionAs = (patch: object) => ({ job: { versions: [{ ...audio, ...patch }] } });

test('what the pure core decides breaks none', () => {
  expect(brokenInvariant(null, before, {})).toBeNull();
  expect(
    brokenInvariant(before, after, { opened: after.newest, updated: [run], transitions: [entry] }),
  ).toBeNull();
});

test('a version may be completed, and learn what nobody had said; older ones than the newest may be left out', () => {
  const early = { ...audio, isComplete: false, digest: null, sizeBytes: null };
  const was: Present = { ...before, job: { ...before.job, versions: [early] } };
  expect(brokenInvariant(was, before, {})).toBeNull();
  const newer = { ...audio, version: 2, ref: 's3://b' };
  const grown: Present = { ...before, job: { ...before.job, versions: [audio, newer] } };
  expect(brokenInvariant(before, grown, {})).toBeNull();
  const fewer: Present = { ...before, job: { ...before.job, versions: [newer] } };
  expect(brokenInvariant(grown, fewer, {})).toBeNull();
  expect(brokenInvariant(fewer, grown, {})).toBe('versions are numbered in the order in which they are made');
});

test('a newest version that was never completed may be left out for a newer one, and for nothing else', () => {
  const part = { ...audio, version: 2, ref: 's3://part', isComplete: false };
  const was: Present = { ...before, job: { ...before.job, versions: [audio, part] } };
  const is = (...versions: object[]) => ({ ...was, job: { ...was.job, versions } }) as Present;
  const newer = { ...audio, version: 3, ref: 's3://b' };
  expect(brokenInvariant(was, is(audio, newer), {})).toBeNull();
  expect(brokenInvariant(was, is(audio), {})).toBe('the newest version of a stage is not lost');
  const whole: Present = is(audio, { ...part, isComplete: true });
  expect(brokenInvariant(whole, is(audio, newer), {})).toBe('the newest version of a stage is not lost');
});

describe('a job', () => {
  test('lets no second dispatch be open', () => {
    const other = { ...after.newest, id: 'dsp_other' } as Dispatch;
    const second = { ...after, job: { ...after.job, openDispatchId: 'dsp_other' }, newest: other };
    expect(brokenInvariant(after, second, {})).toBe('a dispatch is closed before another is opened');
  });

  test('lets the open dispatch be closed, and another take its place then', () => {
    const closed: Present = {
      job: { ...after.job, openDispatchId: null },
      newest: { ...after.newest, state: 'TIMED_OUT' },
      previous: run,
    };
    expect(brokenInvariant(after, closed, {})).toBeNull();
    const next: Present = {
      job: { ...after.job, openDispatchId: 'dsp_next' },
      newest: {
        ...after.newest,
        id: 'dsp_next',
        clientRequestId: 'next',
        createdAt: after.newest.createdAt + 1,
      },
      previous: closed.newest,
    };
    expect(brokenInvariant(closed, next, {})).toBeNull();
  });

  test('lets no dispatch be open but the newest, and none that it does not name', () => {
    expect(broken({ job: { openDispatchId: 'dsp_run' } })).toBe('the open dispatch is the newest or none');
    expect(broken({ job: { openDispatchId: null } })).toBe('the open dispatch is the newest or none');
    expect(broken({ newest: { state: 'FAILED' } })).toBe('the open dispatch is the newest or none');
    expect(broken({ previous: { state: 'RUNNING' } })).toBe('the open dispatch is the newest or none');
  });

  test('lets a request have one dispatch, and another once that was withdrawn', () => {
    const { kind, clientRequestId, resumeFromStatus, checkpointRef, createdAt } = after.newest;
    const same = { kind, clientRequestId, resumeFromStatus, checkpointRef, createdAt: createdAt - 1 };
    expect(broken({ previous: same })).toBe('a request has one dispatch');
    expect(broken({ previous: { ...same, state: 'UNDELIVERABLE' } })).toBeNull();
    const withdrawn = { job: { openDispatchId: null }, newest: { state: 'UNDELIVERABLE' } };
    expect(broken({ ...withdrawn, previous: same })).toBeNull();
  });

  test.for([
    ['a job in no known status', { job: { status: 'BROKEN' } }],
    ['a job that becomes another', { job: { id: 'job_2' } }],
    ['a job that changes its owner', { job: { owner: 'own_mallory' } }],
    ['a job that steps back', { job: { revision: 0 } }],
    ['a job whose dispatches are made backwards', { job: { latestDispatchAt: 1 } }],
    ['a job that loses an artifact', { job: { manifest: { ...after.job.manifest, audioUri: null } } }],
    ['a job that loses the newest version of a stage', { job: { versions: [] } }],
    ['a version that is numbered out of order', { job: { versions: [...known, { ...audio, version: 3 }] } }],
    [
      'a version that has the number of another',
      { job: { versions: [...known, { ...audio, version: 1, ref: 's3://b' }] } },
    ],
    ['a version that moves elsewhere', versionAs({ ref: 's3://elsewhere' })],
    [
      'a version that becomes of another engine',
      versionAs({ madeBy: { ...audio.madeBy, engine: 'ears-9' } }),
    ],
    ['a version that was made from something else', versionAs({ madeFrom: 7 })],
    ['a version that is not complete any more', versionAs({ isComplete: false })],
    ['a version that has another digest', versionAs({ digest: 'md5:2' })],
    ['a version that has another size', versionAs({ sizeBytes: 8 })],
    ['a dispatch in no known state', { newest: { state: 'SENT' } }],
    ['a dispatch of no known kind', { newest: { kind: 'rerun' } }],
    [
      'a run that claims a client_request_id',
      { newest: { kind: 'run', resumeFromStatus: null, checkpointRef: null } },
    ],
    ['a retry without one', { newest: { clientRequestId: null } }],
    ['a retry without a resume point', { newest: { resumeFromStatus: null } }],
    ['a retry without a checkpoint', { newest: { checkpointRef: null } }],
    ['a notice in no known state', { newest: { cancelNotice: { state: 'SENT' } } }],
    ['a dispatch before the newest that was made after it', { previous: { createdAt: 2_000_000_000_000 } }],
    ['a dispatch before the newest in no known state', { previous: { state: 'SENT' } }],
  ] as const)('takes no %s', ([_what, patch]) => {
    expect(broken(patch)).not.toBeNull();
  });

  const entryOf = (patch: object): Changes => ({ transitions: [{ ...entry, ...patch } as Transition] });

  test.for([
    [
      'an earlier dispatch in no known state',
      { updated: [{ ...run, state: 'SENT' } as unknown as Dispatch] },
    ],
    ['a callback of no known status', { event: { status: 'BROKEN', versions: [] } } as unknown as Changes],
    ['an audit entry from no known status', entryOf({ prevStatus: 'BROKEN' })],
    ['an audit entry to no known status', entryOf({ newStatus: 'BROKEN' })],
    ['an audit entry by nobody known', entryOf({ actor: 'nobody' })],
    ['an audit entry of no known kind', entryOf({ eventType: 'guessed' })],
    [
      'a version of no known stage',
      { event: { status: 'FAILED', versions: [{ stage: 'cellar' }] } } as unknown as Changes,
    ],
  ] as const)('takes no %s', ([_what, changes]) => {
    expect(broken({}, changes)).not.toBeNull();
  });
});
