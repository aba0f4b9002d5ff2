// What a contestant is asked over HTTP, and how each is started. Retake is asked in its own API; everyone else serves
// the plain protocol below, without tokens.
import { type ReportStatus, reportOf } from '../support/pipeline/script.ts';

export interface Call {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface Report {
  jobId: string;
  dispatchId: string;
  eventId: string;
  status: ReportStatus;
  /** What it says of artifacts, where that is not what the pipeline would say by itself. */
  artifactUpdates?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * A contestant's requests, each answered with 2xx; the answers of run and retry hold `dispatch_id`, and `replayed` when
 * they are an identical repeat.
 */
export interface Protocol {
  /** Asked once, before anything else. */
  prepare?(url: string): Promise<void>;
  /** Answered with the job's `id`. */
  create(): Call;
  confirm(jobId: string): Call;
  /** Answered as soon as the dispatch is durable. */
  run(jobId: string): Call;
  /** With `wait`, answered when the orchestrator has it; else as soon as it is durable. */
  retry(jobId: string, requestId: string, wait?: 'wait'): Call;
  report(report: Report): Call | Promise<Call>;
  read(jobId: string): Call;
  /** False where a retry is always answered at once. */
  waits?: boolean;
  /** True where an identical request is one more dispatch. */
  repeatsAreNew?: boolean;
}

const json = { 'content-type': 'application/json' };

/** What the pipeline reports, in the form that Retake and the plain protocol share. */
export const reportBody = ({
  dispatchId,
  eventId,
  status,
  artifactUpdates,
}: Report): Record<string, unknown> => ({
  event_id: eventId,
  occurred_at: new Date().toISOString(),
  correlation_id: 'bench',
  ...reportOf(status, dispatchId),
  ...(artifactUpdates ? { artifact_updates: artifactUpdates } : {}),
});

/**
 * The plain protocol: POST /jobs, /jobs/{id}/confirm-upload, /run, /retry, /status, and GET /jobs/{id}. What goes to the
 * orchestrator is a POST of JSON with `type`, `job_id`, `dispatch_id`, `callback_url`, `video_uri` and, on a retry,
 * `resume_from_status`, `checkpoint_ref` and `model_profile`, under the dispatch id as `Idempotency-Key`.
 */
export const plainProtocol: Protocol = {
  create: () => ({ method: 'POST', path: '/jobs' }),
  confirm: (jobId) => post(`/jobs/${jobId}/confirm-upload`, { video_uri: 's3://media/talk.mp4' }),
  run: (jobId) => atOnce(post(`/jobs/${jobId}/run`, { model_profile: 'balanced' })),
  retry: (jobId, requestId, wait) => {
    const call = post(`/jobs/${jobId}/retry`, { model_profile: 'balanced', client_request_id: requestId });
    return wait ? call : atOnce(call);
  },
  report: (report) =>
    post(`/jobs/${report.jobId}/status`, { ...reportBody(report), dispatch_id: report.dispatchId }),
  read: (jobId) => ({ method: 'GET', path: `/jobs/${jobId}` }),
};

const atOnce = (call: Call): Call => ({ ...call, headers: { ...call.headers, prefer: 'respond-async' } });

const post = (path: string, body: unknown): Call => ({
  method: 'POST',
  path,
  headers: json,
  body: JSON.stringify(body),
});
