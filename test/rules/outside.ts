// What the API shows and what the orchestrator's log holds, in the form of a case: for the suites that judge from outside.
import type { RequestRecord } from '../support/orchestrator/log.ts';
import type { CaseDispatch, Entry, OrchestratorRequest, PlannedStage, Report, ReportAnswer } from './case.ts';
import { ARTIFACT_FIELD } from './protocol.ts';

/** Of a dispatch as the API shows it. */
export interface ShownDispatch {
  dispatch_id: string;
  kind: 'run' | 'retry';
  dispatch_state: string;
  resume_from_status: string | null;
  checkpoint_ref: string | null;
  model_profile: string;
  engines: Readonly<Record<string, string>>;
  plan: { resume_from: string | null; stages: readonly PlannedStage[] } | null;
  client_request_id: string | null;
  delivery_attempts: number;
  created_at: string;
  updated_at: string;
}

/** Of an entry of the audit trail as the API shows it. */
export interface ShownTransition {
  seq: number;
  event_type: string;
  actor_type: 'editor' | 'orchestrator' | 'system';
  prev_status: string;
  new_status: string;
  dispatch_id: string | null;
  occurred_at: string;
  correlation_id: string | null;
}

/** Of a report as a pipeline sends it. */
export interface SentBody {
  event_id: string;
  status: string;
  occurred_at: string;
  correlation_id: string;
  artifact_updates?: object | undefined;
  failed_stage?: string | undefined;
}

export const toDispatch = (shown: ShownDispatch): CaseDispatch => ({
  id: shown.dispatch_id,
  kind: shown.kind,
  state: shown.dispatch_state,
  request: shown.client_request_id ?? 'run',
  resumeFrom: shown.resume_from_status,
  ref: shown.checkpoint_ref,
  profile: shown.model_profile,
  engines: shown.engines,
  plan: shown.plan && { asked: shown.plan.resume_from, stages: shown.plan.stages },
  attempts: shown.delivery_attempts,
});

export const toEntry = (shown: ShownTransition): Entry => ({
  seq: shown.seq,
  type: shown.event_type,
  actor: shown.actor_type,
  from: shown.prev_status,
  to: shown.new_status,
  dispatchId: shown.dispatch_id,
  occurredAt: Date.parse(shown.occurred_at),
  correlationId: shown.correlation_id,
});

export function toRequest({ dispatch_id, type, body, answer }: RequestRecord): OrchestratorRequest {
  const resumed = body.type === 'job.run' || body.type === 'job.cancel' ? null : body;
  const isRefusal = typeof answer === 'number' && answer >= 300 && answer < 500;
  return {
    dispatchId: dispatch_id,
    type,
    resumeFrom: resumed?.resume_from_status ?? null,
    ref: resumed?.checkpoint_ref ?? null,
    wasRefused: isRefusal && ![408, 425, 429].includes(answer),
  };
}

export function toReport(
  dispatchId: string,
  body: SentBody,
  attempt: Pick<Report, 'sentAfter' | 'answeredAt' | 'answer'>,
): Report {
  const updates: Readonly<Record<string, unknown>> = { ...body.artifact_updates };
  return {
    dispatchId,
    eventId: body.event_id,
    status: body.status,
    occurredAt: Date.parse(body.occurred_at),
    correlationId: body.correlation_id,
    // audioUri goes by the name of audio_uri.
    artifacts: byCheckpoint((field) => updates[field.replace('Uri', '_uri')]),
    failedStage: body.failed_stage ?? null,
    ...attempt,
  };
}

/** The artifacts that a report brings, by checkpoint. */
export function byCheckpoint(
  brought: (field: (typeof ARTIFACT_FIELD)[string]) => unknown,
): Report['artifacts'] {
  const found: Record<string, string> = {};
  for (const [checkpoint, field] of Object.entries(ARTIFACT_FIELD)) {
    const uri = brought(field);
    if (typeof uri === 'string') found[checkpoint] = uri;
  }
  return found;
}

/** `status` is null when there was no answer. */
export function toReportAnswer(status: number | null, errorCode: string | null): ReportAnswer {
  if (status === null) return 'none';
  if (status >= 500) return errorCode === 'INTERNAL' ? 'failed' : 'none';
  if (status >= 300) return 'refused';
  return status === 204 ? 'applied' : 'replayed';
}
