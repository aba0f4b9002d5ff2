// In which situations a history has been, by what happened and not by what was answered: a suite that has not been in one
// proves nothing about it.
import type { Command } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import { KEEP_REASONS } from '../../src/domain/dispatch.ts';
import { isMadeBy } from '../../src/domain/edits.ts';
import { isAtWork } from '../../src/domain/job.ts';
import { isTerminal } from '../../src/domain/lifecycle.ts';
import { PASSED_OVER_REASONS } from '../../src/domain/lineage.ts';
import type { Plan } from '../../src/domain/plan.ts';
import { isAtOrPast } from '../rules/protocol.ts';
import type { MemoryJob, MemoryState } from './memory-job.ts';
import { MOST_KEPT } from './model.ts';
import { automaticSituationsOf, SITUATIONS_OF_AUTOMATIC } from './situations-automatic.ts';
import { editSituationsOf, SITUATIONS_OF_EDITS } from './situations-edits.ts';
import { erasureSituationsOf, SITUATIONS_OF_ERASURE } from './situations-erasure.ts';

const POINTS = ['UPLOADED', 'AUDIO_READY', 'TRANSCRIPT_READY', 'DRAFT_READY'] as const;

/** Situations that a fair number of histories have to be in. */
export const SITUATIONS: readonly string[] = [
  ...POINTS.map((point) => `a retry from ${point} was accepted`),
  ...POINTS.map((point) => `a retry from ${point} reported first what it does next`),
  ...POINTS.slice(1).map((point) => `a retry from ${point} reported first where it begins`),
  ...POINTS.map((point) => `a retry from ${point} failed again`),
  ...['failed', 'timed out', 'was abandoned', 'was cancelled', 'settled'].map((how) => `a pipeline ${how}`),
  'a settled pipeline went on',
  'a settled pipeline was too late',
  'a settled pipeline was cancelled',
  'a delivery was withdrawn after an attempt without an answer',
  'a delivery was withdrawn, nobody having it',
  'a message was a dead letter',
  'a ghost was told to stop',
  'a report came under an older date and was applied',
  'an artifact came behind its checkpoint',
  'an artifact came with a failure',
  'a manifest was full',
  'a failure was told although the manifest was full',
  'a pipeline had reported more than is kept',
  'a pipeline ended that had reported all that is kept',
  'a heartbeat in a checkpoint',
  'a video was renewed for a failed job',
  ...['a pipeline was at work', 'the job had ended'].map((when) => `labels changed while ${when}`),
  ...PASSED_OVER_REASONS.map((reason) => `a version was passed over: ${reason}`),
  'a version was passed over: overwritten',
  ...['never_made', 'asked', ...PASSED_OVER_REASONS].map((reason) => `a stage was made again: ${reason}`),
  ...KEEP_REASONS.map((reason) => `a stage was kept: ${reason}`),
  ...['verified', 'not_in_store', 'store_unavailable', 'not_checked'].map(
    (how) => `a resume point was ${how}`,
  ),
  'a retry went back to an older version',
  'an artifact came early',
  'an early artifact was completed when its stage was reached',
  'an early artifact was completed by a failure of a later stage',
  'a reference was written to by another pipeline',
  'a reference was written to once more by its own pipeline',
  'an artifact that a pipeline was given was handed on',
  'an artifact that was not the newest was handed on',
  'a digest or a size was learnt later',
  'a retry could not begin where it was wanted',
  'a retry did what its editor had seen',
  'a retry would have done something else than its editor had seen',
  'the evidence changed between plan and retry',
  'the policy changed between plan and retry',
  ...SITUATIONS_OF_EDITS,
  ...SITUATIONS_OF_ERASURE,
  ...SITUATIONS_OF_AUTOMATIC,
];

export function situationsOf(
  before: MemoryState,
  after: MemoryState,
  command: Command,
  decision: Decision,
): string[] {
  const found = [
    ...endings(before, after, command),
    ...editSituationsOf(before, after, command, decision),
    ...erasureSituationsOf(before, after, command, decision),
    ...automaticSituationsOf(before, after, command, decision),
  ];
  if (command.type === 'retry') found.push(...retries(before, command, decision));
  if (decision.kind === 'accepted' && command.type === 'renew-video' && before.job.status === 'FAILED') {
    found.push('a video was renewed for a failed job');
  }
  if (decision.kind === 'accepted' && command.type === 'change-labels') {
    if (isAtWork(before.job, before.job.openDispatchId ? before : null))
      found.push('labels changed while a pipeline was at work');
    if (isTerminal(before.job.status)) found.push('labels changed while the job had ended');
  }
  if (command.type === 'report-delivery' && decision.kind === 'accepted') {
    if (command.outcome.kind === 'dead-lettered') found.push('a message was a dead letter');
    const { dispatch } = decision;
    const isGhost = command.outcome.kind === 'delivered' && dispatch?.state === 'UNDELIVERABLE';
    if (isGhost) found.push('a ghost was told to stop');
  }
  if (command.type === 'callback') found.push(...reports(before, after, command, decision));
  return found;
}

function* retries(
  { job }: MemoryState,
  { ifMatch }: Extract<Command, { type: 'retry' }>,
  decision: Decision,
): Generator<string> {
  if (decision.kind === 'rejected') {
    const { code } = decision.rejection;
    if (code === 'RESUME_POINT_NOT_AVAILABLE') yield 'a retry could not begin where it was wanted';
    if (code === 'PLAN_CHANGED') yield 'a retry would have done something else than its editor had seen';
  }
  if (decision.kind !== 'accepted' || !decision.dispatch) return;
  const { resumeFromStatus, plan } = decision.dispatch;
  yield `a retry from ${resumeFromStatus} was accepted`;
  if (ifMatch) yield 'a retry did what its editor had seen';
  for (const { stage, reason, ...planned } of plan?.stages ?? []) {
    yield `a stage was ${planned.action === 'keep' ? 'kept' : 'made again'}: ${reason}`;
    const newest = job.versions.findLast((version) => version.stage === stage)?.version ?? 0;
    if (reason === 'resume_point' && planned.action === 'keep' && (planned.version ?? 0) < newest) {
      yield 'a retry went back to an older version';
    }
  }
  if (plan?.proof)
    yield `a resume point was ${'reason' in plan.proof ? plan.proof.reason : plan.proof.state}`;
}

/** What has changed since an editor looked at a plan, the job staying as it was. */
export class Changes {
  #seen: {
    modelProfile: string;
    resumeFrom: string | null;
    done: string;
    policy: string;
    job: object;
  } | null = null;

  saw(plan: Plan, { job, rules }: MemoryJob): void {
    const { modelProfile, asked } = plan;
    const policy = rules.policy.version;
    this.#seen = { modelProfile, resumeFrom: asked, done: doneBy(plan), policy, job };
  }

  *since(plan: Plan, { job, rules }: MemoryJob): Generator<string> {
    for (const { stage, version, reason } of plan.passedOver) {
      yield `a version was passed over: ${reason}`;
      const at = job.versions.findIndex((made) => made.stage === stage && made.version === version);
      const isOverwritten = job.versions.slice(at + 1).some(({ ref }) => ref === job.versions[at]?.ref);
      if (reason === 'changed' && isOverwritten) yield 'a version was passed over: overwritten';
    }
    const seen = this.#seen;
    if (seen?.job !== job || seen.modelProfile !== plan.modelProfile || seen.resumeFrom !== plan.asked)
      return;
    if (seen.done === doneBy(plan)) return;
    const what = seen.policy === rules.policy.version ? 'evidence' : 'policy';
    yield `the ${what} changed between plan and retry`;
  }
}

const doneBy = ({ resume, stages, refusal }: Plan): string =>
  JSON.stringify([resume?.ref, stages.map(({ reason: _why, ...done }) => done), refusal?.code]);

function* endings(before: MemoryState, after: MemoryState, command: Command): Generator<string> {
  const hows: Record<string, string> = { FAILED: 'failed', TIMED_OUT: 'timed out', SETTLED: 'settled' };
  for (const [index, dispatch] of after.dispatches.entries()) {
    const was = before.dispatches[index]?.state;
    if (was === undefined || was === dispatch.state) continue;
    if (dispatch.state === 'UNDELIVERABLE') {
      yield dispatch.outcomeUnknown
        ? 'a delivery was withdrawn after an attempt without an answer'
        : 'a delivery was withdrawn, nobody having it';
    } else if (dispatch.state === 'CANCELLED') {
      yield `a pipeline was ${command.type === 'abandon' ? 'abandoned' : 'cancelled'}`;
      if (was === 'SETTLED') yield 'a settled pipeline was cancelled';
    } else if (hows[dispatch.state]) yield `a pipeline ${hows[dispatch.state]}`;
  }
}

function* reports(
  before: MemoryState,
  after: MemoryState,
  command: Extract<Command, { type: 'callback' }>,
  decision: Decision,
): Generator<string> {
  const dispatch = before.dispatches.find(({ id }) => id === command.dispatchId);
  if (decision.kind === 'rejected') {
    if (decision.rejection.code === 'MANIFEST_FULL') yield 'a manifest was full';
    if (decision.rejection.code === 'REPORTS_EXHAUSTED') yield 'a pipeline had reported more than is kept';
    const isLate = decision.rejection.code === 'DISPATCH_NOT_CURRENT' && dispatch?.state === 'SETTLED';
    const newest = before.dispatches.filter(({ state }) => state !== 'UNDELIVERABLE').at(-1);
    const isEdited = (before.job.latestEditAt ?? 0) >= (dispatch?.createdAt ?? 0);
    if (isLate && newest === dispatch && !isEdited && before.job.openDispatchId === null) {
      yield 'a settled pipeline was too late';
    }
  }
  if (decision.kind !== 'accepted' || !dispatch) return;
  const { status } = command;
  if (dispatch.kind === 'retry' && before.job.status === 'FAILED') {
    const from = dispatch.resumeFromStatus;
    if (status === 'FAILED') yield `a retry from ${from} failed again`;
    else if (status === from) yield `a retry from ${from} reported first where it begins`;
    else yield `a retry from ${from} reported first what it does next`;
  }
  if (dispatch.state === 'SETTLED') yield 'a settled pipeline went on';
  const { latestCallback } = before.job;
  if (latestCallback?.dispatchId === dispatch.id && command.occurredAt < latestCallback.occurredAt) {
    yield 'a report came under an older date and was applied';
  }
  const isChatty = latestCallback?.dispatchId === dispatch.id && latestCallback.kept >= MOST_KEPT;
  const isSettled = after.dispatches.some(({ id, state }) => id === dispatch.id && state === 'SETTLED');
  if (isChatty && dispatch.state !== 'SETTLED' && isSettled) {
    yield 'a pipeline ended that had reported all that is kept';
  }
  yield* artifacts(before, after, command, decision);
  const names = Object.keys(command.artifacts.exports);
  if (status === 'FAILED' && names.some((name) => after.job.manifest.exports[name] === undefined)) {
    yield 'a failure was told although the manifest was full';
  }
  const isSign = status === before.job.status && decision.changes.event === undefined;
  if (isSign && (status === 'AUDIO_READY' || status === 'TRANSCRIPT_READY'))
    yield 'a heartbeat in a checkpoint';
}

const POINT_OF = { audio: 'AUDIO_READY', transcript: 'TRANSCRIPT_READY', draft: 'DRAFT_READY' };
const FIELD_OF = { audio: 'audioUri', transcript: 'transcriptUri', draft: 'draftUri' } as const;

function* artifacts(
  { job: before }: MemoryState,
  { job: after }: MemoryState,
  { status, dispatchId, artifacts }: Extract<Command, { type: 'callback' }>,
  decision: Extract<Decision, { kind: 'accepted' }>,
): Generator<string> {
  const made = decision.changes.event?.versions ?? [];
  for (const { stage, version, ref, isComplete } of made) {
    const other = before.versions.findLast((known) => known.stage === stage && known.version < version);
    if (other?.ref === ref) {
      const isOwn = isMadeBy(other.madeBy, dispatchId);
      yield `a reference was written to ${isOwn ? 'once more by its own pipeline' : 'by another pipeline'}`;
    }
    if (status === 'FAILED') yield 'an artifact came with a failure';
    else if (!isComplete && !isAtOrPast(status, POINT_OF[stage])) yield 'an artifact came early';
    else if (status !== POINT_OF[stage]) yield 'an artifact came behind its checkpoint';
  }
  for (const old of before.versions) {
    const now = after.versions.find(({ stage, version }) => stage === old.stage && version === old.version);
    if (!now || now === old) continue;
    if (now.digest !== old.digest || now.sizeBytes !== old.sizeBytes)
      yield 'a digest or a size was learnt later';
    if (now.isComplete && !old.isComplete) {
      const how = status === 'FAILED' ? 'by a failure of a later stage' : 'when its stage was reached';
      yield `an early artifact was completed ${how}`;
    }
  }
  for (const { stage, ...planned } of decision.dispatch?.plan?.stages ?? []) {
    if (planned.action !== 'keep' || planned.ref === null) continue;
    const isNew = made.some((version) => version.stage === stage);
    if (planned.ref !== artifacts[FIELD_OF[stage]] || isNew) continue;
    yield 'an artifact that a pipeline was given was handed on';
    const newest = before.versions.findLast((version) => version.stage === stage);
    if (newest?.ref !== planned.ref) yield 'an artifact that was not the newest was handed on';
  }
}
