// What an execution of this orchestrator reports: the plan that a test has set, in the words of the shared script, for
// the video and the resume point of its dispatch. Pure; executor.ts gives it time and sends.

import { CALM, type Course, course, type Script, taskOf } from '../pipeline/script.ts';
import { resumeStatusOf, type WorkDispatch } from './dispatch.ts';
import { type Misbehaviours, spoilKey, spoilReports, spoilResume, spoilTask } from './misbehaviour.ts';
import type { PipelinePlan } from './plan.ts';

export type Pipeline = { script: Script; course: Course };

export type PipelineOptions = {
  /** Whether this execution is one of those that the plan lets fail. */
  mayFail: boolean;
  /** Where the plan does not say. */
  stepMs: number;
  misbehave: Misbehaviours;
};

export function pipelineOf(
  dispatch: WorkDispatch,
  executionId: string,
  plan: PipelinePlan,
  { mayFail, stepMs, misbehave }: PipelineOptions,
): Pipeline {
  const resumeFrom = spoilResume(resumeStatusOf(dispatch), dispatch, misbehave);
  const isUnreadable = resumeFrom === 'UPLOADED' && hasNoVideo(dispatch) && !misbehave.has('hides-failure');
  const planned = toScript(plan, mayFail);
  const script = { ...planned, stepMs: plan.step_ms ?? stepMs, ...(isUnreadable ? UNREADABLE : {}) };
  const key = spoilKey(executionId, dispatch, misbehave);
  const task = spoilTask(taskOf(dispatch), dispatch, misbehave);
  const { reports, end } = course(script, { task, resumeFrom, key });
  return { script, course: { reports: spoilReports(reports, { dispatch, key }, misbehave), end } };
}

function toScript(plan: PipelinePlan, mayFail: boolean): Script {
  const { fail_at: at, failure_code: code, failure_message: message } = plan;
  return {
    ...CALM,
    heartbeats: { TRANSCRIBING: plan.heartbeats ?? 2 },
    goesOnTo: plan.goes_on_to ?? [],
    restatesCheckpoint: plan.restates ?? false,
    artifactsCome: plan.artifacts_come ?? 'at-once',
    overwrites: plan.overwrites ?? false,
    endsEditing: plan.ends_editing ?? false,
    fails: mayFail && at !== undefined ? { comes: 'after', at, code, message } : null,
    diesBefore: plan.die_at ?? null,
    endsAfter: plan.stop_after ?? null,
    repeatsAfterMs: plan.duplicate ? 0 : null,
    swapsPairs: plan.reorder ?? false,
  };
}

const UNREADABLE: Partial<Script> = {
  fails: {
    comes: 'after',
    at: 'AUDIO_EXTRACTING',
    code: 'VIDEO_UNREADABLE',
    message: 'There is no video at the URI.',
  },
  diesBefore: null,
  endsAfter: null,
};

/** RFC 2606 keeps `.invalid` for names that never resolve: such a video can't be there. */
function hasNoVideo({ video_uri }: WorkDispatch): boolean {
  return URL.parse(video_uri)?.hostname.endsWith('.invalid') ?? false;
}
