// The ways in which this orchestrator can be told to break the contract, one for each thing that the conformance kit
// looks at, so that the kit itself is tested. The other files ask for a name where they would do the right thing.

import type { Answer } from '../pipeline/answers.ts';
import { artifactUri, type Report, type ResumeStatus, type Task, taskOf } from '../pipeline/script.ts';
import { DISPATCH_TYPES, resumeStatusOf, type WorkDispatch } from './dispatch.ts';
import type { CallbackBody } from './log.ts';
import type { PipelinePlan } from './plan.ts';

export const misbehaviours = [
  'accepts-unsigned',
  'accepts-wrong-signature',
  'accepts-stale',
  'claims-forgeries',
  'reads-one-signature',
  'answers-too-late',
  'executes-repeats',
  'locks-known-keys',
  'wrong-token',
  'invalid-body',
  'skips-a-status',
  'reuses-event-ids',
  'goes-back-in-time',
  'withholds-artifacts',
  'silent',
  'gives-up-callbacks',
  'new-event-id-on-repeat',
  'gives-up-on-429',
  'repeats-refused-reports',
  'restarts-from-scratch',
  'resumes-too-far',
  'remakes-what-is-kept',
  'tidies-kept-refs',
  'writes-to-fixed-keys',
  'exports-unasked',
  'redrafts-unasked',
  'finishes-a-finished-draft',
  'takes-unknown-types',
  'redoes-as-a-retry',
  'redoes-everything',
  'hides-what-a-redo-makes',
  'executes-repeated-redos',
  'exports-to-one-format',
  'redrafts-for-an-export',
  'executes-repeated-exports',
  'forgets-formats',
  'hides-failure',
  'goes-on-after-failure',
  'ignores-cancel',
  'wants-work-of-cancel',
  'refuses-repeated-cancel',
  'forgets-early-cancel',
  'ignores-409',
  'ignores-terminal',
  'ignores-full',
  'ignores-401',
] as const;
export type Misbehaviour = (typeof misbehaviours)[number];
export type Misbehaviours = ReadonlySet<Misbehaviour>;

/** How late `answers-too-late` is: later than the kit is told to wait for it. */
export const lateAnswerMs = 3_000;

/** What an orchestrator that does not care takes an answer for. */
export const TAKEN: Answer = { status: 204, errorCode: null };

/** What says that Retake keeps no more of what this pipeline reports. */
const FULL: readonly string[] = ['MANIFEST_FULL', 'REPORTS_EXHAUSTED'];

/** Throws for a name that is not in the list. */
export function toMisbehaviours(names: readonly string[]): Misbehaviour[] {
  return names.map((name) => {
    const known = misbehaviours.find((misbehaviour) => misbehaviour === name);
    if (!known) throw new Error(`there is no misbehaviour "${name}"; there are ${misbehaviours.join(', ')}`);
    return known;
  });
}

/** Whatever it does not know it takes for a run. */
export function spoilBody(body: { type?: unknown }, misbehave: Misbehaviours): unknown {
  const isKnown = DISPATCH_TYPES.some((type) => type === body.type);
  return isKnown || !misbehave.has('takes-unknown-types') ? body : { ...body, type: 'job.run' };
}

export function spoilPlan(plan: PipelinePlan, misbehave: Misbehaviours): PipelinePlan {
  return misbehave.has('silent') ? { ...plan, heartbeats: 0, pause_before: 'TRANSCRIPT_READY' } : plan;
}

export function spoilResume(
  point: ResumeStatus,
  { type }: WorkDispatch,
  misbehave: Misbehaviours,
): ResumeStatus {
  if (misbehave.has('restarts-from-scratch')) return 'UPLOADED';
  if (type === 'job.redo' && misbehave.has('redoes-everything')) return 'UPLOADED';
  const isTooFar = type === 'job.retry' && point === 'UPLOADED' && misbehave.has('resumes-too-far');
  return isTooFar ? 'AUDIO_READY' : point;
}

export function spoilTask(task: Task, dispatch: WorkDispatch, misbehave: Misbehaviours): Task {
  const { type } = dispatch;
  if (hasNothingToDo(task, dispatch) && misbehave.has('exports-unasked')) {
    return { kind: 'export', formats: ['srt'] };
  }
  if (task.kind === 'redraft' && misbehave.has('redoes-as-a-retry')) return { kind: 'draft' };
  if (task.kind !== 'export') return task;
  if (type === 'job.retry' && misbehave.has('forgets-formats')) return { kind: 'draft' };
  return misbehave.has('exports-to-one-format') ? { ...task, formats: task.formats.slice(0, 1) } : task;
}

const hasNothingToDo = (task: Task, dispatch: WorkDispatch): boolean =>
  task.kind === 'draft' && resumeStatusOf(dispatch) === 'DRAFT_READY';

/** Whether a key that is known begins another pipeline. */
export const executesAgain = ({ type }: WorkDispatch, misbehave: Misbehaviours): boolean =>
  misbehave.has('executes-repeats') ||
  (type === 'job.redo' && misbehave.has('executes-repeated-redos')) ||
  (type === 'job.export' && misbehave.has('executes-repeated-exports'));

/** What the artifacts of an execution are kept under. */
export const spoilKey = (executionId: string, { job_id }: WorkDispatch, misbehave: Misbehaviours): string =>
  misbehave.has('writes-to-fixed-keys') ? job_id : executionId;

export function spoilReports(
  reports: Report[],
  { dispatch, key }: { dispatch: WorkDispatch; key: string },
  misbehave: Misbehaviours,
): Report[] {
  const kept = reports
    .map((report) => remade(report, dispatch, key, misbehave))
    .map((report) => tidied(report, dispatch, misbehave))
    .map((report) => hidden(report, misbehave))
    .flatMap((report) => unasked(report, dispatch, key, misbehave))
    .flatMap((report): Report[] => {
      if (report.status === 'TRANSCRIBING' && misbehave.has('skips-a-status')) return [];
      const goesBack = report.status === 'AUDIO_READY' && misbehave.has('goes-back-in-time');
      return goesBack ? [report, { status: 'AUDIO_EXTRACTING' }] : [report];
    });
  const failed = misbehave.has('goes-on-after-failure') && kept.some(({ status }) => status === 'FAILED');
  return failed ? [...kept, { status: 'AUDIO_READY' }] : kept;
}

/** The draft comes with an audio and a transcript of its own, though those were there; its export with a draft. */
function remade(report: Report, { keep = [] }: WorkDispatch, key: string, misbehave: Misbehaviours): Report {
  const isRemade =
    (report.status === 'DRAFT_READY' && misbehave.has('remakes-what-is-kept')) ||
    (report.status === 'EXPORTING' && misbehave.has('redrafts-for-an-export'));
  if (!isRemade) return report;
  const own = keep.map(({ stage }) => [`${stage}_uri`, artifactUri(key, stage)]);
  return { ...report, artifact_updates: { ...Object.fromEntries(own), ...report.artifact_updates } };
}

/** What was kept is named once more, as a URL parser writes it. */
function tidied(report: Report, { keep = [] }: WorkDispatch, misbehave: Misbehaviours): Report {
  const last = keep.at(-1);
  if (report.status !== 'DRAFT_READY' || !last || !misbehave.has('tidies-kept-refs')) return report;
  const named = { [`${last.stage}_uri`]: URL.parse(last.ref)?.href ?? last.ref };
  return { ...report, artifact_updates: { ...named, ...report.artifact_updates } };
}

/** Where nothing is left to do, another draft is made for an editor, or the one that is there is finished again. */
function unasked(report: Report, dispatch: WorkDispatch, key: string, misbehave: Misbehaviours): Report[] {
  if (report.status !== 'EDITING' || !hasNothingToDo(taskOf(dispatch), dispatch)) return [report];
  if (misbehave.has('redrafts-unasked')) {
    return [{ ...report, artifact_updates: { draft_uri: artifactUri(key, 'draft') } }];
  }
  const restated: Report = { status: 'DRAFT_READY' };
  return misbehave.has('finishes-a-finished-draft') ? [restated, restated] : [report];
}

function hidden(report: Report, misbehave: Misbehaviours): Report {
  if (report.status !== 'REGENERATING' || !misbehave.has('hides-what-a-redo-makes')) return report;
  const { artifact_updates: _, ...rest } = report;
  return rest;
}

export function spoilCallback(body: CallbackBody, misbehave: Misbehaviours): CallbackBody {
  const { correlation_id, artifact_updates, ...rest } = body;
  const occurredMs = Date.parse(body.occurred_at);
  return {
    ...rest,
    correlation_id,
    ...(misbehave.has('invalid-body') ? { event_id: '' } : {}),
    ...(artifact_updates && !misbehave.has('withholds-artifacts') ? { artifact_updates } : {}),
    ...(misbehave.has('reuses-event-ids') ? { event_id: correlation_id.replace('exe_', '') } : {}),
    ...(misbehave.has('goes-back-in-time') && body.status === 'AUDIO_EXTRACTING'
      ? { occurred_at: new Date(occurredMs - 60_000).toISOString() }
      : {}),
  };
}

export function spoilAnswer(answer: Answer | null, misbehave: Misbehaviours): Answer | null {
  const isIgnored =
    (answer?.status === 409 && misbehave.has('ignores-409')) ||
    (answer?.errorCode === 'FSM_TERMINAL_IMMUTABLE' && misbehave.has('ignores-terminal')) ||
    (FULL.includes(answer?.errorCode ?? '') && misbehave.has('ignores-full')) ||
    (answer?.status === 401 && misbehave.has('ignores-401'));
  return isIgnored ? TAKEN : answer;
}
