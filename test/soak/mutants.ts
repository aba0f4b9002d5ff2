// Proof that the checkers bite: planted bugs, one at a time in a copy of the sources, and the suite that has to turn red.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Run, runTests } from './run-tests.ts';

const ROOT = join(import.meta.dirname, '../..');
const COPIED = [
  'src',
  'test',
  'spec',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'wrangler.toml',
  '.dev.vars',
];

interface Suite {
  project: string;
  files: string[];
}
const SUITES = {
  model: { project: 'pure', files: ['test/domain/histories.test.ts'] },
  simulation: { project: 'simulation', files: ['test/simulation'] },
  contract: { project: 'pure', files: ['test/contract'] },
  callbacks: { project: 'workerd', files: ['test/actor/callbacks.test.ts'] },
  deadlines: { project: 'workerd', files: ['test/actor/deadlines.test.ts'] },
  delivery: { project: 'workerd', files: ['test/dispatch'] },
  histories: { project: 'workerd', files: ['test/faults'] },
  leaks: { project: 'workerd', files: ['test/http/no-leak.test.ts'] },
  acceptance: { project: 'workerd', files: ['test/http/acceptance.test.ts'] },
} as const satisfies Record<string, Suite>;
type SuiteName = keyof typeof SUITES;

interface Mutant {
  bug: string;
  file: string;
  /** Exactly one place of the file. */
  from: string;
  to: string;
  /** Which has to find it. */
  suite: SuiteName;
}

export const MUTANTS: readonly Mutant[] = [
  {
    bug: 'the claim does not ask whether the dispatch is still wanted',
    file: 'src/actor/job-actor.ts',
    from: `if (until === null || !fitsWindow(now, until)) return { verdict: 'drop' };`,
    to: `if (until === null) return { verdict: 'deliver', delivery: { type: 'job.run', dispatchId, jobId: job.id, projectId: job.projectId, videoUri: job.manifest.videoUri, modelProfile: dispatch.modelProfile, resumeFromStatus: dispatch.resumeFromStatus, checkpointRef: dispatch.checkpointRef, executionId: null, traceparent: dispatch.traceparent, timeoutMs: 1000 } };`,
    suite: 'delivery',
  },
  {
    bug: 'two copies of a message are delivered side by side',
    file: 'src/actor/leases.ts',
    from: `if (held?.kind === 'claimed') return null;`,
    to: '',
    suite: 'delivery',
  },
  {
    bug: 'the fence is skipped: any dispatch of the job may report',
    file: 'src/domain/callback.ts',
    from: `if (!isOpen(subject) && !(settled && !view.subjectSuperseded)) {`,
    to: `if (!isOpen(subject) && !settled) {`,
    suite: 'simulation',
  },
  {
    bug: 'a timed out pipeline may go on',
    file: 'src/domain/callback.ts',
    from: `const settled = subject.state === 'SETTLED' || subject.state === 'FAILED';`,
    to: `const settled = subject.state === 'SETTLED' || subject.state === 'FAILED' || subject.state === 'TIMED_OUT';`,
    suite: 'model',
  },
  {
    bug: 'the idempotency key is not stored with the intent',
    file: 'src/actor/job-store.ts',
    from: `if (newest.state !== 'UNDELIVERABLE' && requestKeyOf(newest) === requestKey) return newest;`,
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'the idempotency key stays after the dispatch was withdrawn',
    file: 'src/actor/job-store.ts',
    from: `if (newest.state !== 'UNDELIVERABLE' && requestKeyOf(newest) === requestKey) return newest;`,
    to: `if (requestKeyOf(newest) === requestKey) return newest;`,
    suite: 'acceptance',
  },
  {
    bug: 'the effective status is ignored',
    file: 'src/domain/job.ts',
    from: `return job.status === 'FAILED' && open?.kind === 'retry' ? open.resumeFromStatus : job.status;`,
    to: `return open ? job.status : job.status;`,
    suite: 'model',
  },
  {
    bug: 'the deadline is not re-armed',
    file: 'src/actor/job-actor.ts',
    from: `if (current) this.#arm(current, { lookAt });`,
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'the alarm is moved to the later of two deadlines',
    file: 'src/actor/job-actor.ts',
    from: `at < this.#alarmAt || comesForNothing`,
    to: `at > this.#alarmAt || comesForNothing`,
    suite: 'simulation',
  },
  {
    bug: 'the transaction is split in two: the job’s row follows its history later',
    file: 'src/actor/job-store.ts',
    from: `if (!isSame) this.#updateJob(present);`,
    to: `queueMicrotask(() => this.#updateJob(present));`,
    suite: 'simulation',
  },
  {
    bug: 'a replayed callback is compared without its payload',
    file: 'src/domain/callback.ts',
    from: `seenEvent.payloadDigest === command.payloadDigest && seenEvent.dispatchId === command.dispatchId;`,
    to: `seenEvent.dispatchId === command.dispatchId;`,
    suite: 'model',
  },
  {
    bug: 'a replayed retry is compared without its payload',
    file: 'src/domain/dispatching.ts',
    from: `if (subject.modelProfile === command.modelProfile) return`,
    to: `if (subject) return`,
    suite: 'model',
  },
  {
    bug: 'applied callbacks are not remembered',
    file: 'src/actor/job-store.ts',
    from: `event?.eventId ?? \` \${seq}\`,`,
    to: `crypto.randomUUID(),`,
    suite: 'callbacks',
  },
  {
    bug: 'cancel forgets the dispatch',
    file: 'src/domain/dispatching.ts',
    from: `updated.push({ ...move(open, 'CANCELLED', now), cancelNotice: reached ? notice : null });`,
    to: `updated.push({ ...open, cancelNotice: reached ? notice : null });`,
    suite: 'model',
  },
  {
    bug: 'cancel does not tell a pipeline whose delivery was under way',
    file: 'src/actor/leases.ts',
    from: `return !this.#madeHere.has(id) || this.#everClaimed.has(id) || deliveryAttempts > 0;`,
    to: `return deliveryAttempts > 0;`,
    suite: 'simulation',
  },
  {
    bug: 'the owner is checked after the read of a replay',
    file: 'src/domain/decide.ts',
    from: `if ('owner' in command && command.owner !== view.job.owner) return`,
    to: `if ('owner' in command && command.owner !== view.job.owner && !view.subject) return`,
    suite: 'model',
  },
  {
    bug: 'a job is read without asking whose it is',
    file: 'src/actor/job-actor.ts',
    from: `  show(owner: string): ShownAnswer {\n    const job = this.#store.job();\n    if (job?.owner !== owner) return NOT_FOUND;`,
    to: `  show(owner: string): ShownAnswer {\n    const job = this.#store.job();\n    if (!job || owner === '') return NOT_FOUND;`,
    suite: 'leaks',
  },
  {
    bug: 'any callback token of the right form passes',
    file: 'src/contract/callback-token.ts',
    from: `if (valid) return dispatchId;`,
    to: `if (valid || bytes.length > 0) return dispatchId;`,
    suite: 'contract',
  },
  {
    bug: 'an unknown outcome counts as delivered',
    file: 'src/domain/delivery.ts',
    from: `  if (outcome.kind === 'delivered') {\n    if (subject.state === 'PENDING') {\n      const { job: next, dispatch, transitions } = delivered(job, subject, outcome.executionId, now);`,
    to: `  if (outcome.kind === 'delivered' || outcome.kind === 'unknown') {\n    if (subject.state === 'PENDING') {\n      const { job: next, dispatch, transitions } = delivered(job, subject, null, now);`,
    suite: 'simulation',
  },
  {
    bug: 'what the queue lost is not sent again',
    file: 'src/actor/job-actor.ts',
    from: `if (job) await this.#send(job.id, undelivered);`,
    to: '',
    suite: 'deadlines',
  },
  {
    bug: 'a second pipeline may be opened beside the first',
    file: 'src/domain/dispatching.ts',
    from: `  const point = resumePoint(job);\n  if (open || isInProgress(job.status)) return`,
    to: `  const point = resumePoint(job);\n  if (isInProgress(job.status)) return`,
    suite: 'model',
  },
  {
    bug: 'a withdrawn dispatch stays the open one',
    file: 'src/domain/decision.ts',
    from: `  const next = { ...job, openDispatchId: null };\n  const withdrawn`,
    to: `  const next = { ...job };\n  const withdrawn`,
    suite: 'model',
  },
  {
    bug: 'a report that is older than the last is applied',
    file: 'src/domain/callback.ts',
    from: `if (latest && command.occurredAt < latest.occurredAt) {`,
    to: `if (latest && command.occurredAt < 0) {`,
    suite: 'model',
  },
  {
    bug: 'a retry resumes from the nearest checkpoint instead of the furthest',
    file: 'src/domain/resume.ts',
    from: `CHECKPOINT_STATUSES.toReversed()`,
    to: `CHECKPOINT_STATUSES`,
    suite: 'model',
  },
  {
    bug: 'the model policy is not asked for a retry',
    file: 'src/domain/dispatching.ts',
    from: `const refusal = refuseProfile(rules.policy, command.modelProfile, point?.status ?? null);`,
    to: `const refusal = refuseProfile(rules.policy, command.modelProfile, null);`,
    suite: 'model',
  },
  {
    bug: 'history steps back with the clock, and dispatches are told apart by it',
    file: 'src/domain/dispatching.ts',
    from: `const createdAt = Math.max(now, (job.latestDispatchAt ?? 0) + 1);`,
    to: `const createdAt = now;`,
    suite: 'model',
  },
  {
    bug: 'the summary is pushed once and not again',
    file: 'src/actor/outbox.ts',
    from: `return this.isListed(job) ? null : now + pushBackoffMs(this.#pushFailures);`,
    to: `return this.isListed(job) || now > 0 ? null : now + pushBackoffMs(this.#pushFailures);`,
    suite: 'simulation',
  },
  {
    bug: 'an earlier dispatch frees its request when a newer one is made',
    file: 'src/actor/job-store.ts',
    from: `dispatch.state === 'UNDELIVERABLE' ? \`withdrawn:\${dispatch.id}\` : requestKeyOf(dispatch),`,
    to: `\`withdrawn:\${dispatch.id}\`,`,
    suite: 'simulation',
  },
  {
    bug: 'a report is answered although the workspace has not heard of it and no alarm is set',
    file: 'src/actor/job-actor.ts',
    from: `if (mayHaveMoved(decision)) await this.#listed();\n    if (decision.kind === 'rejected')`,
    to: `if (decision.kind === 'rejected')`,
    suite: 'callbacks',
  },
  {
    bug: 'a lost memory under a request is a 500',
    file: 'src/http/app.ts',
    from: `if (overloaded || retryable || durableObjectReset)`,
    to: `if (overloaded || retryable)`,
    suite: 'histories',
  },
  {
    bug: 'a failed pipeline reports itself back to life',
    file: 'src/domain/callback.ts',
    from: `const current = effectiveStatus(job, isOpen(dispatch) ? dispatch : null);`,
    to: `const current = job.status === 'FAILED' ? 'TRANSCRIBING' : effectiveStatus(job, dispatch);`,
    suite: 'simulation',
  },
  {
    bug: 'a withdrawn dispatch may still report',
    file: 'src/domain/callback.ts',
    from: `const settled = subject.state === 'SETTLED' || subject.state === 'FAILED';`,
    to: `const settled = ['SETTLED', 'FAILED', 'UNDELIVERABLE'].includes(subject.state);`,
    suite: 'simulation',
  },
  {
    bug: 'a late ghost is not told to stop',
    file: 'src/domain/delivery.ts',
    from: `const isGhost = subject.state === 'UNDELIVERABLE' || subject.state === 'CANCELLED';`,
    to: `const isGhost = subject.state === 'CANCELLED';`,
    suite: 'model',
  },
  {
    bug: 'a null in a report clears an artifact',
    file: 'src/domain/callback.ts',
    from: `audioUri: artifacts.audioUri ?? manifest.audioUri,`,
    to: `audioUri: artifacts.audioUri,`,
    suite: 'model',
  },
  {
    bug: 'a caller waits longer than the wait',
    file: 'src/actor/job-actor.ts',
    from: `      }, waitMs);`,
    to: `      }, waitMs + 5_000);`,
    suite: 'simulation',
  },
];

export interface MutantsReport {
  planted: number;
  killed: number;
  survivors: string[];
}

/** Plants each bug in a copy of the sources. Throws when a suite is red without one. */
export async function runMutants(print: (line: string) => void, only?: string): Promise<MutantsReport> {
  const mutants = MUTANTS.filter(({ bug }) => only === undefined || bug.includes(only));
  const copy = mkdtempSync(join(tmpdir(), 'retake-mutants-'));
  const leave = () => rmSync(copy, { recursive: true, force: true });
  process.on('exit', leave);
  try {
    for (const name of COPIED) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    for (const suite of new Set(mutants.map((mutant) => mutant.suite))) {
      const { isGreen, output } = await run(copy, suite);
      if (!isGreen) throw new Error(`the suite ${suite} is red without a bug:\n${output.slice(-3_000)}`);
    }
    const survivors: string[] = [];
    for (const [index, mutant] of mutants.entries()) {
      const path = join(copy, mutant.file);
      const source = readFileSync(path, 'utf8');
      if (source.split(mutant.from).length !== 2) {
        throw new Error(`${mutant.file} does not hold exactly once what is to be replaced: ${mutant.bug}`);
      }
      writeFileSync(
        path,
        source.replace(mutant.from, () => mutant.to),
      );
      const { failed } = await run(copy, mutant.suite);
      writeFileSync(path, source);
      // A suite that could not run at all has found nothing.
      if (failed === 0) survivors.push(mutant.bug);
      const verdict = failed > 0 ? `killed by ${mutant.suite}` : `SURVIVED ${mutant.suite}`;
      print(`mutant ${index + 1}/${mutants.length} ${verdict}: ${mutant.bug}`);
    }
    return { planted: mutants.length, killed: mutants.length - survivors.length, survivors };
  } finally {
    leave();
    process.off('exit', leave);
  }
}

const run = (directory: string, suite: SuiteName): Promise<Run> =>
  runTests({
    directory,
    ...SUITES[suite],
    // Enough to find any of them, few enough to be quick.
    env: { HISTORIES: '5000', SIMULATIONS: '3000', FAULT_HISTORIES: '100', SEED: '1' },
  });
