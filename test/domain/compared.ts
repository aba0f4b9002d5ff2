// A job beside the model's, in the model's words: what both have to say the same of.
import { nextRetryAt } from '../../src/domain/automatic-retry.ts';
import type { StagePlan, Task } from '../../src/domain/dispatch.ts';
import { isOpen, requestKeyOf } from '../../src/domain/dispatch.ts';
import type { Proof } from '../../src/domain/evidence.ts';
import type { ArtifactVersion, Failure } from '../../src/domain/job.ts';
import type { VersionName } from '../../src/domain/lineage.ts';
import type { Rejection } from '../../src/domain/rejection.ts';
import { awaited } from '../../src/domain/timeouts.ts';
import { type MemoryState, RULES } from './memory-job.ts';
import type { ModelJob } from './model.ts';
import { exportInWords } from './model-asks.ts';
import type { ModelVersion } from './model-versions.ts';

export const doneInWords = (plan: StagePlan): string =>
  plan.action === 'keep'
    ? `${plan.stage} keep ${plan.version} ${plan.ref}`
    : `${plan.stage} redo ${plan.engine}`;
export const nameInWords = ({ stage, version }: VersionName): string => `${stage} ${version}`;
const taskInWords = (task: Task): string =>
  task.kind === 'export' ? exportInWords(task.formats, task.params) : task.kind;
export const proofInWords = (proof: Proof | null): string | null =>
  proof && ('reason' in proof ? `${proof.state} ${proof.reason}` : proof.state);
export function refusalInWords(refusal: Rejection): string {
  if (refusal.code === 'RETRY_LIMIT_REACHED') return `${refusal.code} ${refusal.made}`;
  if (refusal.code === 'RESUME_POINT_NOT_AVAILABLE') return `${refusal.code} ${refusal.available}`;
  if (refusal.code === 'EDITS_IN_THE_WAY') {
    const edits = refusal.edits.map((edit) => `${nameInWords(edit)} ${edit.reason}`);
    return `${refusal.code} ${edits.join(', ')}`;
  }
  return 'reason' in refusal ? `${refusal.code} ${refusal.reason}` : refusal.code;
}

export function same(what: string, seenNow: unknown, modelled: unknown): void {
  sameText(what, JSON.stringify(seenNow), JSON.stringify(modelled));
}

export function sameText(what: string, seenNow: string, modelled: string): void {
  if (seenNow !== modelled)
    throw new Error(`${what} differs from the model's\n  job   ${seenNow}\n  model ${modelled}`);
}

const madeBy = ({ madeBy }: ArtifactVersion) =>
  madeBy.kind === 'editor'
    ? [`editor ${madeBy.actorId} ${madeBy.actorName}`, madeBy.edits, null, null, []]
    : [madeBy.dispatchId, null, madeBy.modelProfile, madeBy.engine, madeBy.discards ?? []];
const versionInWords = (v: ArtifactVersion) => [
  ...[v.stage, v.version, v.ref, v.digest, v.sizeBytes, v.madeFrom, v.isComplete],
  ...madeBy(v),
];
const modelledInWords = (v: ModelVersion) => [
  ...[v.stage, v.n, v.ref, v.digest, v.size, v.from, v.isComplete],
  ...[v.by, v.edits, v.profile, v.engine, v.discards],
];

/** What the model knows of a job too, in the model's words. */
export function seen({ job, dispatches, events, edits, transitions }: MemoryState) {
  const { videoUri, audioUri, transcriptUri, draftUri } = job.manifest;
  const open = dispatches.find(isOpen) ?? null;
  return {
    status: job.status,
    manifest: { videoUri, audioUri, transcriptUri, draftUri },
    exports: job.manifest.exports,
    labels: [Object.entries(job.metadata), job.tags],
    failure: failureInWords(job.failure),
    failedUnder: job.failure?.modelProfile ?? null,
    progress: job.progressPct,
    latestProfile: job.latestProfile,
    task: taskInWords(job.unfinishedTask),
    versions: job.versions.map(versionInWords),
    made: [...events.flatMap(({ versions }) => versions), ...edits.map(({ version }) => version)].length,
    open: job.openDispatchId,
    due: [job.nextRetryAt, nextRetryAt(job, open), job.retries],
    awaits: awaited(job, open, RULES),
    latest: job.latestCallback && [
      ...[job.latestCallback.dispatchId, job.latestCallback.occurredAt, job.latestCallback.kept],
    ],
    events: events.length,
    edits: edits.map(({ clientRequestId, payloadDigest }) => [clientRequestId, payloadDigest]),
    trail: transitions.map(
      ({ prevStatus, newStatus, actor, actorName, dispatchId }) =>
        `${prevStatus} > ${newStatus} by ${actor} ${actorName} of ${dispatchId}`,
    ),
    dispatches: dispatches.map((d) => [
      ...[d.id, d.kind, d.isAutomatic, d.actorId, d.actorName, requestKeyOf(d), d.correlationId],
      ...[d.state, d.modelProfile, d.resumeFromStatus, d.checkpointRef, d.deliverUntil],
      ...[d.createdAt, d.deliveryAttempts, d.executionId, d.cancelNotice?.state ?? null],
      ...[d.policyVersion, { ...d.engines }, failureInWords(d.failure)],
      ...[taskInWords(d.task), d.plan?.discardEdits, d.plan?.editsDiscarded.map(nameInWords)],
      ...[d.plan?.asked, d.plan?.stages.map(doneInWords), d.plan?.stages.map(({ reason }) => reason)],
      proofInWords(d.plan?.proof ?? null),
      d.cancelNotice?.state === 'PENDING' ? [d.cancelNotice.until, d.cancelNotice.attempts] : null,
    ]),
  };
}

const failureInWords = (failure: Failure | null): string | null =>
  failure && `${failure.failureCode} ${failure.failureClass} ${failure.retryAt}`;

export function expected(model: ModelJob): ReturnType<typeof seen> {
  const { awaits } = model;
  return {
    status: model.status,
    manifest: model.manifest,
    exports: model.exports,
    labels: [[...model.metadata], model.tagged],
    failure: model.failure,
    failedUnder: model.failedUnder,
    progress: model.progress,
    latestProfile: model.lastProfile,
    task: model.task,
    versions: model.lineage.versions.map(modelledInWords),
    made: model.lineage.all.length,
    open: model.open?.id ?? null,
    due: [model.automatic.due, model.open ? null : model.automatic.due, model.retries],
    awaits: awaits && { kind: awaits.what, until: awaits.until },
    latest: model.latest && [model.latest.dispatch, model.latest.at, model.latest.kept],
    events: Object.keys(model.events).length,
    edits: Object.entries(model.edits),
    trail: model.trail,
    dispatches: model.dispatches.map((d) => [
      ...[
        d.id,
        d.kind,
        d.isOwn,
        d.isOwn ? null : 'alice',
        d.isOwn ? null : 'Alice Adams',
        d.request,
        d.correlation,
      ],
      ...[d.state, d.profile, d.resumeFrom, d.ref, d.until],
      ...[d.createdAt, d.attempts, d.executionId, d.notice?.state ?? null],
      ...[d.policyVersion, d.engines, d.failure, d.task, d.plan.discard, d.plan.editsDiscarded],
      ...[d.plan.asked, d.plan.does, d.plan.why, d.plan.proof],
      d.notice?.state === 'PENDING' ? [d.notice.until, d.notice.attempts] : null,
    ]),
  } as ReturnType<typeof seen>;
}
