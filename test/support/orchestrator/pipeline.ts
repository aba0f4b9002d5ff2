// The make-believe pipeline as data: which callbacks an execution would send, in order, and how it
// ends. Pure; executor.ts gives it time and sends.

import { createHash } from 'node:crypto';
import { type ResumeStatus, resumeStatusOf, type WorkDispatch } from './dispatch.ts';
import type { CallbackBody } from './log.ts';
import { type Misbehaviours, spoilSteps } from './misbehaviour.ts';
import type { CallbackStatus, PipelinePlan, Stage } from './plan.ts';

/** A callback before it gets its identity and time. */
export type Step = Omit<CallbackBody, 'event_id' | 'occurred_at' | 'correlation_id'>;

export type Course = { steps: Step[]; end: 'finished' | 'failed' | 'died' };

const stagesFrom: Record<ResumeStatus, readonly Stage[]> = {
  UPLOADED: [
    'AUDIO_EXTRACTING',
    'AUDIO_READY',
    'TRANSCRIBING',
    'TRANSCRIPT_READY',
    'GENERATING',
    'DRAFT_READY',
  ],
  AUDIO_READY: ['TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY'],
  TRANSCRIPT_READY: ['GENERATING', 'DRAFT_READY'],
  DRAFT_READY: ['EXPORTING', 'DONE'],
};

const failureCodes: Partial<Record<string, string>> = {
  AUDIO_EXTRACTING: 'AUDIO_EXTRACTION_FAILED',
  TRANSCRIBING: 'TRANSCRIPTION_FAILED',
  GENERATING: 'GENERATION_FAILED',
  EXPORTING: 'EXPORT_FAILED',
};

/** `mayFail` says whether this execution is one of those that the plan lets fail. */
export function courseOf(
  dispatch: WorkDispatch,
  executionId: string,
  plan: PipelinePlan,
  mayFail: boolean,
  misbehave: Misbehaviours = new Set(),
): Course {
  const start = misbehave.has('restarts-from-scratch') ? 'UPLOADED' : resumeStatusOf(dispatch);
  if (start === 'UPLOADED' && isUnreadable(dispatch.video_uri) && !misbehave.has('hides-failure')) {
    const failed: Step[] = [{ status: 'AUDIO_EXTRACTING' }, failure('AUDIO_EXTRACTING', unreadable)];
    return { steps: spoilSteps(failed, misbehave), end: 'failed' };
  }
  const folder = `s3://retake-artifacts/${dispatch.job_id}/${executionId}`;
  const reached: { status: ResumeStatus | Stage; steps: Step[] }[] = [
    { status: start, steps: [] },
    ...stagesFrom[start].map((status) => ({
      status,
      steps: stageSteps(status, folder, plan.heartbeats ?? 2),
    })),
  ];

  const steps: Step[] = [];
  let end: Course['end'] = 'finished';
  for (const stage of reached) {
    steps.push(...stage.steps);
    if (mayFail && stage.status === plan.fail_at) {
      steps.push(failure(stage.status, plan));
      end = 'failed';
      break;
    }
    if (stage.status === plan.stop_after) break;
  }
  const death = steps.findIndex((step) => step.status === plan.die_at);
  return death < 0
    ? { steps: spoilSteps(steps, misbehave), end }
    : { steps: steps.slice(0, death), end: 'died' };
}

function stageSteps(status: Stage, folder: string, heartbeats: number): Step[] {
  switch (status) {
    case 'TRANSCRIBING': {
      const beats = Array.from({ length: heartbeats }, (_, n) =>
        Math.round((100 * (n + 1)) / (heartbeats + 1)),
      );
      return [{ status, progress_pct: 0 }, ...beats.map((progress_pct): Step => ({ status, progress_pct }))];
    }
    case 'AUDIO_READY': {
      const audio_uri = `${folder}/audio.m4a`;
      return [{ status, artifact_updates: { audio_uri, ...fingerprint(audio_uri) } }];
    }
    case 'TRANSCRIPT_READY': {
      const transcript_uri = `${folder}/transcript.json`;
      return [{ status, artifact_updates: { transcript_uri, ...fingerprint(transcript_uri) } }];
    }
    case 'DRAFT_READY': {
      const draft_uri = `${folder}/draft.json`;
      return [{ status, artifact_updates: { draft_uri, ...fingerprint(draft_uri) } }];
    }
    case 'DONE':
      return [{ status, artifact_updates: { exports: { srt: `${folder}/captions.srt` } } }];
    case 'AUDIO_EXTRACTING':
    case 'GENERATING':
    case 'EXPORTING':
      return [{ status }];
  }
}

const unreadable: PipelinePlan = {
  failure_code: 'VIDEO_UNREADABLE',
  failure_message: 'There is no video at the URI.',
};

/** RFC 2606 keeps `.invalid` for names that never resolve: such a video can't be there. */
function isUnreadable(videoUri: string): boolean {
  return URL.parse(videoUri)?.hostname.endsWith('.invalid') ?? false;
}

function failure(stage: string, plan: PipelinePlan): Step {
  return {
    status: 'FAILED' satisfies CallbackStatus,
    failure_code: plan.failure_code ?? failureCodes[stage] ?? 'PIPELINE_FAILED',
    failure_message: plan.failure_message ?? `The pipeline failed at ${stage}.`,
    failed_stage: stage,
  };
}

/** There is no file behind the URI, so its name stands in for its content. */
function fingerprint(uri: string): { digest: string; size_bytes: number } {
  const hash = createHash('sha256').update(uri);
  const digest = hash.digest();
  return { digest: `sha-256:${digest.toString('hex')}`, size_bytes: 10_000 + digest.readUInt16BE(0) };
}
