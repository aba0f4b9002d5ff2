// What a job remembers of its past: the reports that were applied, and the audit trail.
import type { ArtifactVersion } from './job.ts';
import type { Actor, ReportableStatus, Status } from './lifecycle.ts';

/** One applied callback: what makes its repeat recognisable, and the artifact versions it brought. Its id is its dispatch's own. */
export interface CallbackEvent {
  eventId: string;
  dispatchId: string;
  payloadDigest: string;
  status: ReportableStatus;
  occurredAt: number;
  recordedAt: number;
  /** What `artifact_updates` held, as JSON; null when it held nothing. */
  artifacts: string | null;
  /** The versions that it made, as they were then. */
  versions: readonly ArtifactVersion[];
}

/** One correction by an editor. */
export interface RecordedEdit {
  /** The editor's own: a repeat bears it again. */
  clientRequestId: string;
  payloadDigest: string;
  /** As it was then. */
  version: ArtifactVersion;
}

/**
 * A change of status, a retry that failed again without one, a video that was replaced by the same one elsewhere, a correction,
 * or other labels.
 */
export const AUDIT_EVENTS = [
  'status_changed',
  'failed_again',
  'video_renewed',
  'artifact_edited',
  'labels_changed',
] as const;

/** One entry of the audit trail. */
export interface Transition {
  eventType: (typeof AUDIT_EVENTS)[number];
  actor: Actor;
  /** The editor, where one did it. */
  actorId: string | null;
  /** What they were called then; null where nobody said. */
  actorName: string | null;
  prevStatus: Status;
  newStatus: Status;
  dispatchId: string | null;
  /** The callback that brought it; null when no callback did. */
  eventId: string | null;
  occurredAt: number;
  recordedAt: number;
  /** Of the request or report that brought it; of what happened by itself the one of its dispatch's request. */
  correlationId: string | null;
}
