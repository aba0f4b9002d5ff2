// The rules that every peer keeps, as pure functions: which command a job takes, where a retry resumes, which report
// moves it. Where a job is stored, and how a dispatch gets to the orchestrator, is each peer's own.

export type Status =
  | 'CREATED'
  | 'UPLOADING'
  | 'UPLOADED'
  | 'AUDIO_EXTRACTING'
  | 'AUDIO_READY'
  | 'TRANSCRIBING'
  | 'TRANSCRIPT_READY'
  | 'GENERATING'
  | 'DRAFT_READY'
  | 'FAILED';

export interface Job {
  id: string;
  status: Status;
  video_uri: string | null;
  artifacts: Record<string, string>;
  failure_code: string | null;
  /** The one that is open: accepted, and not yet at `DRAFT_READY` or `FAILED`. */
  dispatch: Dispatch | null;
  dispatches: number;
  /** Grows with every change. */
  version: number;
}

export interface Dispatch {
  dispatch_id: string;
  type: DispatchType;
  resume_from_status: Status;
  checkpoint_ref: string;
  model_profile: string;
}

export type DispatchType = 'job.run' | 'job.retry';

/** What a retry is asked with; a run has no `client_request_id`. */
export interface DispatchRequest {
  model_profile: string;
  client_request_id?: string;
}

/** What the pipeline POSTs back. */
export interface Report {
  event_id: string;
  dispatch_id: string;
  status: Status;
  occurred_at: string;
  artifact_updates?: Record<string, string>;
  failure_code?: string;
}

/** One entry of the audit. */
export interface Transition {
  from: Status;
  to: Status;
  at: string;
}

export interface Change {
  job: Job;
  /** Null when the status stays as it was. */
  transition: Transition | null;
}

export interface Acceptance {
  job: Job;
  dispatch: Dispatch;
  answer: DispatchAnswer;
}

export interface DispatchAnswer extends Omit<Dispatch, 'type'> {
  job_id: string;
  status: Status;
  replayed: boolean;
}

export interface Refusal {
  refused: { status: 404 | 409; error_code: string };
}

/** What the orchestrator is POSTed. */
export interface Delivery extends Dispatch {
  job_id: string;
  video_uri: string | null;
  callback_url: string;
}

const NEXT: Record<Status, readonly Status[]> = {
  CREATED: ['UPLOADING', 'UPLOADED'],
  UPLOADING: ['UPLOADED'],
  UPLOADED: ['AUDIO_EXTRACTING'],
  AUDIO_EXTRACTING: ['AUDIO_EXTRACTING', 'AUDIO_READY'],
  AUDIO_READY: ['TRANSCRIBING'],
  TRANSCRIBING: ['TRANSCRIBING', 'TRANSCRIPT_READY'],
  TRANSCRIPT_READY: ['GENERATING'],
  GENERATING: ['GENERATING', 'DRAFT_READY'],
  DRAFT_READY: [],
  FAILED: [],
};

/** Furthest first. */
const CHECKPOINTS: readonly (readonly [Status, artifact: string])[] = [
  ['DRAFT_READY', 'draft_uri'],
  ['TRANSCRIPT_READY', 'transcript_uri'],
  ['AUDIO_READY', 'audio_uri'],
];

const refusal = (status: 404 | 409, errorCode: string): Refusal => ({
  refused: { status, error_code: errorCode },
});
export const NOT_FOUND = refusal(404, 'RESOURCE_NOT_FOUND');

export function createJob(id: string): Job {
  return {
    id,
    status: 'CREATED',
    video_uri: null,
    artifacts: {},
    failure_code: null,
    dispatch: null,
    dispatches: 0,
    version: 1,
  };
}

export function confirmUpload(job: Job, videoUri: string, at: string): Change | Refusal {
  if (!NEXT[job.status].includes('UPLOADED')) return refusal(409, 'FSM_TRANSITION_INVALID');
  return move(job, { status: 'UPLOADED', video_uri: videoUri }, at);
}

/** A run or a retry that is not a repeat; those are recognised by what the peer has stored. */
export function acceptDispatch(
  job: Job,
  type: DispatchType,
  { model_profile }: DispatchRequest,
  dispatchId: string,
): Acceptance | Refusal {
  if (job.dispatch !== null) return refusal(409, 'JOB_ALREADY_RUNNING');
  const isAllowed = job.status === (type === 'job.run' ? 'UPLOADED' : 'FAILED');
  if (!isAllowed || job.video_uri === null) return refusal(409, 'RETRY_NOT_ALLOWED_STATE');
  const dispatch: Dispatch = {
    dispatch_id: dispatchId,
    type,
    ...resumePoint(job.artifacts, job.video_uri),
    model_profile,
  };
  return {
    job: { ...job, dispatch, dispatches: job.dispatches + 1, version: job.version + 1 },
    dispatch,
    answer: {
      job_id: job.id,
      dispatch_id: dispatchId,
      status: job.status,
      resume_from_status: dispatch.resume_from_status,
      checkpoint_ref: dispatch.checkpoint_ref,
      model_profile,
      replayed: false,
    },
  };
}

/** A report whose `event_id` has not been applied before. */
export function applyReport(job: Job, report: Report): Change | Refusal {
  const { dispatch } = job;
  if (dispatch === null || dispatch.dispatch_id !== report.dispatch_id) {
    return refusal(409, 'DISPATCH_NOT_CURRENT');
  }
  // A retried job stays FAILED until its pipeline reports; until then it is judged from where it resumes.
  const effective = job.status === 'FAILED' ? dispatch.resume_from_status : job.status;
  if (report.status !== 'FAILED' && !NEXT[effective].includes(report.status)) {
    return refusal(409, 'FSM_TRANSITION_INVALID');
  }
  const isOver = report.status === 'FAILED' || report.status === 'DRAFT_READY';
  return move(
    job,
    {
      status: report.status,
      artifacts: { ...job.artifacts, ...report.artifact_updates },
      failure_code: report.failure_code ?? job.failure_code,
      dispatch: isOver ? null : dispatch,
    },
    report.occurred_at,
  );
}

export function deliveryOf(job: Job, dispatch: Dispatch, callbackUrl: string): Delivery {
  return { job_id: job.id, video_uri: job.video_uri, callback_url: callbackUrl, ...dispatch };
}

function move(job: Job, changes: Partial<Job> & { status: Status }, at: string): Change {
  return {
    job: { ...job, ...changes, version: job.version + 1 },
    transition: changes.status === job.status ? null : { from: job.status, to: changes.status, at },
  };
}

function resumePoint(
  artifacts: Record<string, string>,
  videoUri: string,
): Pick<Dispatch, 'resume_from_status' | 'checkpoint_ref'> {
  for (const [status, artifact] of CHECKPOINTS) {
    const reference = artifacts[artifact];
    if (reference !== undefined) return { resume_from_status: status, checkpoint_ref: reference };
  }
  return { resume_from_status: 'UPLOADED', checkpoint_ref: videoUri };
}
