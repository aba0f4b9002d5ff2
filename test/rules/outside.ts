// What the API shows and what the orchestrator's log holds, in the form of a case: for the suites that judge from outside.
import type { RequestRecord } from '../support/orchestrator/log.ts';
import type {
  CaseDispatch,
  Edit,
  Entry,
  Exporting,
  ListedVersion,
  OrchestratorRequest,
  PlannedStage,
  Report,
  ReportAnswer,
} from './case.ts';
import { ARTIFACT_FIELD } from './protocol.ts';

/** Of a dispatch as the API shows it. */
export interface ShownDispatch {
  dispatch_id: string;
  kind: CaseDispatch['kind'];
  dispatch_state: string;
  resume_from_status: string | null;
  checkpoint_ref: string | null;
  model_profile: string;
  engines: Readonly<Record<string, string>>;
  plan: {
    resume_from: string | null;
    discard_edits: readonly string[];
    edits_discarded: readonly { stage: string; version: number }[];
    stages: readonly PlannedStage[];
  } | null;
  export: ShownExport | null;
  client_request_id: string | null;
  actor_id: string | null;
  delivery_attempts: number;
  created_at: string;
  updated_at: string;
}

/** What a draft is wanted in, as it is shown and sent. */
export interface ShownExport {
  formats: readonly string[];
  params?: unknown;
}

/** Of a version of an artifact as the API shows it. */
export interface ShownVersion {
  stage: string;
  version: number;
  ref: string;
  digest: string | null;
  size_bytes: number | null;
  made_by: { kind: 'pipeline'; dispatch_id: string } | { kind: 'editor'; actor_id: string; edits: number };
  made_from: number | null;
  state: string;
  recorded_at: string;
}

/** Of an entry of the audit trail as the API shows it. */
export interface ShownTransition {
  seq: number;
  event_type: string;
  actor_type: 'editor' | 'orchestrator' | 'system';
  actor_id: string | null;
  prev_status: string;
  new_status: string;
  dispatch_id: string | null;
  occurred_at: string;
  recorded_at: string;
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
  isAutomatic: shown.actor_id === null,
  request: requestOf(shown.actor_id === null ? null : shown.kind, shown.client_request_id),
  resumeFrom: shown.resume_from_status,
  ref: shown.checkpoint_ref,
  profile: shown.model_profile,
  engines: shown.engines,
  plan: shown.plan && {
    asked: shown.plan.resume_from,
    discards: shown.plan.discard_edits,
    discarded: shown.plan.edits_discarded,
    stages: shown.plan.stages,
  },
  exports: toExporting(shown.export),
  attempts: shown.delivery_attempts,
});

/** One id may be that of requests of two kinds, which are two requests; what is made by itself is none of them. */
export const requestOf = (operation: string | null, clientRequestId: string | null): string =>
  [operation, clientRequestId].filter((word) => word !== null).join(' ');

/** Null where nothing is said of formats. */
export const toExporting = (shown: Partial<ShownExport> | null): Exporting | null =>
  shown?.formats
    ? { formats: shown.formats, params: shown.params ? JSON.stringify(shown.params) : null }
    : null;

export const toVersion = (shown: ShownVersion): ListedVersion => ({
  stage: shown.stage,
  version: shown.version,
  ref: shown.ref,
  digest: shown.digest,
  sizeBytes: shown.size_bytes,
  maker:
    shown.made_by.kind === 'editor'
      ? { actor: shown.made_by.actor_id, edits: shown.made_by.edits }
      : { dispatchId: shown.made_by.dispatch_id },
  from: shown.made_from,
  isComplete: shown.state !== 'incomplete',
});

/** The edits in such a list, which has them in the order in which they were made, as the trail has. */
export function toEdits(
  versions: readonly ShownVersion[],
  trail: readonly ShownTransition[],
  dispatches: readonly ShownDispatch[],
): Edit[] {
  const entries = trail.filter(({ event_type }) => event_type === 'artifact_edited');
  const edited = versions.filter(({ made_by }) => made_by.kind === 'editor');
  return edited.flatMap(({ stage, version, ref, made_by, recorded_at }, index) => {
    if (made_by.kind !== 'editor') return [];
    const madeAt = entries[index]?.recorded_at ?? recorded_at;
    // Every dispatch that is made after an edit is dated behind it.
    const after = dispatches.findLast(({ created_at }) => created_at <= madeAt);
    const { actor_id: actor, edits } = made_by;
    return [{ stage, version, ref, actor, edits, after: after?.dispatch_id ?? null }];
  });
}

export const toEntry = (shown: ShownTransition): Entry => ({
  seq: shown.seq,
  type: shown.event_type,
  actor: shown.actor_type,
  actorId: shown.actor_id,
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
    keep: body.type === 'job.cancel' ? null : (body.keep ?? []),
    exports: toExporting(body as Partial<ShownExport>),
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
  if (status >= 300) return errorCode === 'DISPATCH_NOT_CURRENT' ? 'stopped' : 'refused';
  return status === 204 ? 'applied' : 'replayed';
}
