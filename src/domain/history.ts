// What a job remembers of its past: the reports that were applied, and the audit trail.
import type { Checkpoint } from './job.ts';
import type { Actor, ReportableStatus, Status } from './lifecycle.ts';

/** One applied callback: what makes its repeat recognisable, and the artifact versions it brought. */
export interface CallbackEvent {
  eventId: string;
  dispatchId: string;
  payloadDigest: string;
  status: ReportableStatus;
  occurredAt: number;
  recordedAt: number;
  /** What `artifact_updates` held, as JSON; null when it held nothing. */
  artifacts: string | null;
}

/** One entry of the audit trail. */
export interface Transition {
  eventType: 'status_changed' | 'failed_again';
  actor: Actor;
  prevStatus: Status;
  newStatus: Status;
  dispatchId: string | null;
  /** The callback that brought it; null when no callback did. */
  eventId: string | null;
  occurredAt: number;
  recordedAt: number;
  correlationId: string | null;
  checkpoint: Checkpoint | null;
}
