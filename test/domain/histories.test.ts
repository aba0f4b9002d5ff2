// Random histories of one job: whatever is asked in whatever order, the promises hold after every step.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Command } from '../../src/domain/commands.ts';
import { awaited, nextWakeUp } from '../../src/domain/deadlines.ts';
import type { Decision } from '../../src/domain/decision.ts';
import {
  isResting,
  isTransitionAllowed,
  REPORTABLE_STATUSES,
  RESUME_STATUSES,
} from '../../src/domain/lifecycle.ts';
import { callback, cancel, confirmUpload, NO_ARTIFACTS, retry, run } from './builders.ts';
import { MemoryJob, type MemoryState, OWNER, openDispatches, RULES } from './memory-job.ts';

type Step = { waitMs: number; make: (job: MemoryJob, index: number) => Command };

const owner = fc.constantFrom(OWNER, OWNER, OWNER, OWNER, 'own_mallory');
const profile = fc.constantFrom('balanced', 'balanced', 'late', 'off', 'nobody');
/** Mostly the newest dispatch, sometimes an older one, sometimes one that never was. */
const age = fc.constantFrom(1, 1, 1, 2, 3, 99);
const nameOf = (job: MemoryJob, back: number) => job.state.dispatches.at(-back)?.id ?? 'dsp_none';

const make: fc.Arbitrary<Step['make']> = fc.oneof(
  fc
    .record({ videoUri: fc.constantFrom('s3://v', 's3://v', 's3://other'), owner })
    .map((c) => () => confirmUpload(c)),
  fc
    .record({ modelProfile: fc.option(profile), owner })
    .map((c) => (_job: MemoryJob, index: number) => run(`dsp_${index}`, c)),
  fc
    .record({ modelProfile: profile, clientRequestId: fc.constantFrom('a', 'b', 'c', 'd'), owner })
    .map((c) => (_job: MemoryJob, index: number) => retry(`dsp_${index}`, c)),
  fc.record({ owner, deliveryMayHaveStarted: fc.boolean() }).map((c) => () => cancel(c)),
  {
    weight: 6,
    arbitrary: fc
      .record({
        back: age,
        status: fc.constantFrom(...REPORTABLE_STATUSES),
        occurredAt: fc.integer({ min: 0, max: 20 }),
        event: fc.integer({ min: 0, max: 40 }),
        digest: fc.constantFrom('x', 'x', 'x', 'y'),
        uri: fc.option(fc.constantFrom('s3://1', 's3://2')),
      })
      .map(
        (c) => (job: MemoryJob) =>
          callback(nameOf(job, c.back), c.status, {
            occurredAt: c.occurredAt,
            eventId: `event-${c.event}-${c.status}`,
            payloadDigest: c.digest,
            artifacts: { ...NO_ARTIFACTS, audioUri: c.uri, transcriptUri: c.uri, draftUri: c.uri },
          }),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({
        back: age,
        message: fc.constantFrom('dispatch' as const, 'dispatch' as const, 'cancel' as const),
        outcome: fc.constantFrom(
          { kind: 'delivered' as const, executionId: 'x1' },
          { kind: 'delivered' as const, executionId: null },
          { kind: 'refused' as const, error: 'no' },
          { kind: 'unreachable' as const, error: 'later', retryAfterMs: null },
          { kind: 'unknown' as const, error: 'silence', retryAfterMs: 5_000 },
          { kind: 'dead-lettered' as const },
        ),
      })
      .map(({ back, ...c }) => (job: MemoryJob) => ({
        type: 'report-delivery' as const,
        dispatchId: nameOf(job, back),
        ...c,
      })),
  },
  fc.constant(() => ({ type: 'deadline' as const })),
);

const steps = fc.array(fc.record({ waitMs: fc.constantFrom(0, 1, 500, 10_000, 61_000, 4_000_000), make }), {
  minLength: 1,
  maxLength: 60,
});

test('no history of commands breaks a promise', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const job = new MemoryJob();
      job.execute(confirmUpload({ videoUri: 's3://v' }), 0);
      let now = 0;
      for (const [index, { waitMs, make }] of history.entries()) {
        now += waitMs;
        const before = job.state;
        const command = make(job, index);
        const decision = job.execute(command, now);
        checkStep(before, job.state, command, decision);
        checkState(job, now);
      }
    }),
    { numRuns: 3_000 },
  );
});

function checkStep(before: MemoryState, after: MemoryState, command: Command, decision: Decision): void {
  // A refusal and a replay change nothing, and a replay repeated answers the same.
  if (decision.kind !== 'accepted') expect(after).toBe(before);
  if ('owner' in command && command.owner !== OWNER) {
    expect(decision).toEqual({ kind: 'rejected', rejection: { code: 'RESOURCE_NOT_FOUND' } });
  }
  // Only the job's own pipeline moves it: the open dispatch, or the last one that was neither withdrawn nor ended.
  if (command.type === 'callback' && decision.kind === 'accepted') {
    const standing = before.dispatches.filter(({ state }) => state !== 'UNDELIVERABLE').at(-1);
    expect(command.dispatchId).toBe(standing?.id);
    expect(['CANCELLED', 'TIMED_OUT']).not.toContain(standing?.state);
  }
  // History only grows.
  expect(after.transitions.slice(0, before.transitions.length)).toEqual(before.transitions);
  expect(after.events.slice(0, before.events.length)).toEqual(before.events);
  expect(after.dispatches.map(({ id }) => id).slice(0, before.dispatches.length)).toEqual(
    before.dispatches.map(({ id }) => id),
  );
  for (const key of ['videoUri', 'audioUri', 'transcriptUri', 'draftUri'] as const) {
    if (before.job.manifest[key] !== null) expect(after.job.manifest[key]).not.toBeNull();
  }
  expect(Object.keys(after.job.checkpoints)).toEqual(
    expect.arrayContaining(Object.keys(before.job.checkpoints)),
  );
  // Every change of status is in the audit trail, allowed by the table or out of FAILED by an open retry.
  const added = after.transitions.slice(before.transitions.length);
  if (before.job.status !== after.job.status) expect(added.at(-1)?.newStatus).toBe(after.job.status);
  for (const { prevStatus, newStatus, actor, dispatchId } of added) {
    const retried = before.dispatches.find(({ id, kind }) => id === dispatchId && kind === 'retry');
    const from = prevStatus === 'FAILED' && retried ? (retried.resumeFromStatus ?? prevStatus) : prevStatus;
    const restated = from === newStatus && RESUME_STATUSES.some((status) => status === from);
    expect(isTransitionAllowed(from, newStatus, actor) || restated).toBe(true);
  }
  // What editors see of the job changes exactly when its revision does.
  const visible = ({ openDispatchId: _open, ...job }: MemoryState['job']) => job;
  if (after.job.revision === before.job.revision) expect(visible(after.job)).toEqual(visible(before.job));
  else expect(after.job.revision).toBeGreaterThan(before.job.revision);
}

function checkState(job: MemoryJob, now: number): void {
  const { state } = job;
  const open = openDispatches(state);
  expect(open.map(({ id }) => id)).toEqual(
    state.job.openDispatchId === null ? [] : [state.job.openDispatchId],
  );
  // The audit trail replays to the present.
  let status: string = 'CREATED';
  for (const { prevStatus, newStatus } of state.transitions) {
    expect(prevStatus).toBe(status);
    status = newStatus;
  }
  expect(status).toBe(state.job.status);
  // Whatever is awaited has a deadline.
  const isAwaiting = open.length > 0 || !isResting(state.job.status);
  expect(awaited(state.job, job.open, RULES) !== null).toBe(isAwaiting);
  if (isAwaiting) expect(nextWakeUp(state.job, job.open, [], RULES, now)).not.toBeNull();
  // No request is held by two dispatches.
  const keys = state.dispatches
    .filter((d) => d.state !== 'UNDELIVERABLE')
    .map((d) => `${d.kind} ${d.clientRequestId}`);
  expect(new Set(keys).size).toBe(keys.length);
}
