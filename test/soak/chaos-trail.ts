// What the audit trail promises: no gap, the present at its end, every report that was accepted in it once and none
// that was not; and that each retry resumed from what it had on record.
import { eventKey, type Found, isTaken, type JobCase, keyOf } from './chaos-case.ts';
import type { DispatchRow } from './chaos-records.ts';

const HEARTBEATS = ['AUDIO_EXTRACTING', 'TRANSCRIBING', 'GENERATING', 'REGENERATING', 'EXPORTING'];
const ARTIFACT_OF = {
  DRAFT_READY: 'draft_uri',
  TRANSCRIPT_READY: 'transcript_uri',
  AUDIO_READY: 'audio_uri',
} as const;
/** Furthest first. */
const CHECKPOINTS = ['DRAFT_READY', 'TRANSCRIPT_READY', 'AUDIO_READY'] as const;

export function* checkTrail(jobCase: JobCase): Generator<Found> {
  yield* hasNoGap(jobCase);
  yield* matchesReports(jobCase);
  yield* resumesFromRecord(jobCase);
}

function* hasNoGap({ job, rank, calls }: JobCase): Generator<Found> {
  let status = 'CREATED';
  let seq = 0;
  let newest = -1;
  for (const entry of job.transitions) {
    const { prev_status, new_status, dispatch_id } = entry;
    if (entry.seq <= seq) yield { kind: 'audit trail', what: `entry ${entry.seq} comes after entry ${seq}` };
    if (prev_status !== status) {
      yield { kind: 'audit trail', what: `entry ${entry.seq} begins at ${prev_status}, after ${status}` };
    }
    status = new_status;
    seq = entry.seq;
    if (dispatch_id === null) continue;
    const mover = rank.get(dispatch_id) ?? -1;
    if (mover < newest) {
      yield { kind: 'two at once', what: `entry ${seq} is of ${dispatch_id}, after one of a newer dispatch` };
    }
    newest = Math.max(newest, mover);
  }
  if (status !== job.status) {
    yield { kind: 'audit trail', what: `it ends at ${status}, and the job is ${job.status}` };
  }
  const cancels = calls.filter(({ operation }) => operation === 'cancel');
  if (cancels.some(({ status }) => status === 200) && job.status !== 'CANCELLED') {
    yield { kind: 'broken cancel', what: `was cancelled, and is ${job.status}` };
  }
  if (cancels.length === 0 && job.status === 'CANCELLED') {
    yield { kind: 'broken cancel', what: 'is cancelled, and nobody asked for it' };
  }
}

function* matchesReports({ job, callbacks }: JobCase): Generator<Found> {
  const reported = job.transitions.filter(({ actor_type }) => actor_type === 'orchestrator');
  const entries = Map.groupBy(reported, keyOf);
  for (const [key, same] of entries) {
    if (same.length > 1) yield { kind: 'audit trail', what: `${key} is there ${same.length} times` };
  }
  const events = new Map(
    [...Map.groupBy(callbacks, ({ event_id }) => event_id).values()].flatMap((attempts) => {
      const [{ body }] = attempts as [JobCase['callbacks'][number]];
      return [[eventKey(body.correlation_id, body.occurred_at, body.status), attempts] as const];
    }),
  );
  for (const [key, attempts] of events) {
    if (entries.has(key) || !attempts.some(({ answer }) => isTaken(answer))) continue;
    const [{ status, dispatch_id }] = attempts as [JobCase['callbacks'][number]];
    // A heartbeat leaves no entry, and has one before it that brought the job there.
    const isHeartbeat =
      HEARTBEATS.includes(status) &&
      job.transitions.some((entry) => entry.new_status === status && entry.dispatch_id === dispatch_id);
    if (!isHeartbeat) yield { kind: 'audit trail', what: `${key} was accepted and is not in it` };
  }
  for (const key of entries.keys()) {
    const attempts = events.get(key);
    // An attempt whose answer was cut off may have been applied.
    const mayHaveApplied = attempts?.some(
      ({ answer }) => isTaken(answer) || answer === 'unreachable' || answer >= 500,
    );
    if (!mayHaveApplied) {
      yield {
        kind: 'audit trail',
        what: `${key} is in it and was ${attempts ? 'refused' : 'never reported'}`,
      };
    }
  }
}

function* resumesFromRecord(jobCase: JobCase): Generator<Found> {
  const { calls, dispatches, executions, requests } = jobCase;
  for (const dispatch of dispatches.values()) {
    if (dispatch.kind !== 'retry') continue;
    const { dispatch_id, resume_from_status: from, checkpoint_ref: ref } = dispatch;
    const expected = resumePoint(dispatch, jobCase);
    if (from !== expected.status || ref !== expected.ref) {
      yield {
        kind: 'checkpoint',
        what: `${dispatch_id} resumed from ${from} ${ref}; on record was ${expected.status} ${expected.ref}`,
      };
    }
    const told = [
      ...executions
        .filter((execution) => execution.dispatch_id === dispatch_id)
        .map(({ resume_from_status }) => resume_from_status),
      ...calls
        .filter(({ dispatchId, resumeFrom }) => dispatchId === dispatch_id && resumeFrom !== null)
        .map(({ resumeFrom }) => resumeFrom),
    ];
    const toldRefs = [
      ...requests.flatMap(({ body }) =>
        body.type === 'job.retry' && body.dispatch_id === dispatch_id ? [body.checkpoint_ref ?? null] : [],
      ),
      ...calls
        .filter(({ dispatchId, checkpointRef }) => dispatchId === dispatch_id && checkpointRef !== null)
        .map(({ checkpointRef }) => checkpointRef),
    ];
    const other = told.find((status) => status !== from) ?? toldRefs.find((reference) => reference !== ref);
    if (other !== undefined) {
      yield { kind: 'checkpoint', what: `${dispatch_id} has ${from} ${ref}, and somebody was told ${other}` };
    }
  }
}

/** The furthest checkpoint in its newest version, as the trail and the reports had it when the retry was made. */
function resumePoint(
  { created_at }: DispatchRow,
  { job, callbacks }: JobCase,
): { status: string; ref: string | null } {
  const before = job.transitions.filter(({ recorded_at }) => recorded_at <= created_at);
  for (const status of CHECKPOINTS) {
    const reached = before.findLast(({ new_status }) => new_status === status);
    if (!reached) continue;
    const report = callbacks.find(
      ({ body }) => eventKey(body.correlation_id, body.occurred_at, body.status) === keyOf(reached),
    );
    return { status, ref: report?.body.artifact_updates?.[ARTIFACT_OF[status]] ?? null };
  }
  return { status: 'UPLOADED', ref: job.videoUri };
}
