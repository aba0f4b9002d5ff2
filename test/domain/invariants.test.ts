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
  const before: Present = { job: job.job, newest: job.state.dispatches.at(-1) ?? null };
  job.execute(retry('dsp_retry'), 1_000);
  const [run, newest] = job.state.dispatches;
  if (!run || !newest) throw new Error('a run and a retry');
  const entry = job.state.transitions.at(-1);
  if (!entry) throw new Error('a failure leaves an entry');
  return { before, after: { job: job.job, newest } satisfies Present, run, entry };
}

const { before, after, run, entry } = retried();
const broken = ({ job = {}, newest = {} }: { job?: object; newest?: object }, changes: Changes = {}) =>
  brokenInvariant(
    before,
    { job: { ...after.job, ...job } as Job, newest: { ...after.newest, ...newest } as Dispatch },
    changes,
  );

test('what the pure core decides breaks none', () => {
  expect(brokenInvariant(null, before, {})).toBeNull();
  expect(
    brokenInvariant(before, after, { opened: after.newest, updated: [run], transitions: [entry] }),
  ).toBeNull();
});

describe('a job', () => {
  test('lets no second dispatch be open', () => {
    const other = { ...after.newest, id: 'dsp_other' } as Dispatch;
    const second = { job: { ...after.job, openDispatchId: 'dsp_other' }, newest: other };
    expect(brokenInvariant(after, second, {})).toBe('a dispatch is closed before another is opened');
  });

  test('lets the open dispatch be closed, and another take its place then', () => {
    const closed: Present = {
      job: { ...after.job, openDispatchId: null },
      newest: { ...after.newest, state: 'TIMED_OUT' },
    };
    expect(brokenInvariant(after, closed, {})).toBeNull();
    const next: Present = {
      job: { ...after.job, openDispatchId: 'dsp_next' },
      newest: { ...after.newest, id: 'dsp_next' },
    };
    expect(brokenInvariant(closed, next, {})).toBeNull();
  });

  test('lets no dispatch be open but the newest, and none that it does not name', () => {
    expect(broken({ job: { openDispatchId: 'dsp_run' } })).toBe('the open dispatch is the newest or none');
    expect(broken({ job: { openDispatchId: null } })).toBe('the open dispatch is the newest or none');
    expect(broken({ newest: { state: 'FAILED' } })).toBe('the open dispatch is the newest or none');
  });

  test.for([
    ['a job in no known status', { job: { status: 'BROKEN' } }],
    ['a job that becomes another', { job: { id: 'job_2' } }],
    ['a job that changes its owner', { job: { owner: 'own_mallory' } }],
    ['a job that steps back', { job: { revision: 0 } }],
    ['a job whose dispatches are made backwards', { job: { latestDispatchAt: 1 } }],
    ['a job that loses an artifact', { job: { manifest: { ...after.job.manifest, audioUri: null } } }],
    ['a job that loses a checkpoint', { job: { checkpoints: {} } }],
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
  ] as const)('takes no %s', ([_what, patch]) => {
    expect(broken(patch)).not.toBeNull();
  });

  const entryOf = (patch: object): Changes => ({ transitions: [{ ...entry, ...patch } as Transition] });

  test.for([
    [
      'an earlier dispatch in no known state',
      { updated: [{ ...run, state: 'SENT' } as unknown as Dispatch] },
    ],
    ['a callback of no known status', { event: { status: 'BROKEN', checkpoints: [] } } as unknown as Changes],
    ['an audit entry from no known status', entryOf({ prevStatus: 'BROKEN' })],
    ['an audit entry to no known status', entryOf({ newStatus: 'BROKEN' })],
    ['an audit entry by nobody known', entryOf({ actor: 'nobody' })],
    ['an audit entry of no known kind', entryOf({ eventType: 'guessed' })],
    [
      'a checkpoint that is none',
      { event: { status: 'FAILED', checkpoints: [{ status: 'FAILED' }] } } as unknown as Changes,
    ],
  ] as const)('takes no %s', ([_what, changes]) => {
    expect(broken({}, changes)).not.toBeNull();
  });
});
