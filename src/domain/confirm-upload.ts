// An editor says where the uploaded video is, and where else the same video is to be had when that has gone stale.
import type { ConfirmUpload, RenewVideo } from './commands.ts';
import {
  audit,
  type Decision,
  type JobView,
  refuseAtWork,
  refuseTransition,
  reject,
  revise,
} from './decision.ts';
import { isTerminal, type Status } from './lifecycle.ts';
import type { Rejection } from './rejection.ts';

export function confirmUpload({ job, open }: JobView, command: ConfirmUpload, now: number): Decision {
  const { videoUri } = job.manifest;
  if (videoUri === command.videoUri) return { kind: 'replayed', job, dispatch: open };
  if (videoUri !== null) {
    return reject({
      code: 'VIDEO_URI_CONFLICT',
      currentVideoUri: videoUri,
      submittedVideoUri: command.videoUri,
    });
  }
  const refusal = refuseTransition(job.status, 'UPLOADED', 'editor');
  if (refusal) return reject(refusal);
  const uploaded = revise(job, now, {
    status: 'UPLOADED',
    manifest: { ...job.manifest, videoUri: command.videoUri },
  });
  return {
    kind: 'accepted',
    job: uploaded,
    dispatch: open,
    changes: { job: uploaded, transitions: [audit(job, 'UPLOADED', 'editor', now, command)] },
  };
}

/** Whatever was made of the video stays: the caller says that it is the same, and that is written down. */
export function renewVideo({ job, open }: JobView, command: RenewVideo, now: number): Decision {
  const { videoUri } = job.manifest;
  if (videoUri === command.videoUri) return { kind: 'replayed', job, dispatch: open };
  if (videoUri === null || videoUri !== command.replaces) {
    return reject({
      code: 'VIDEO_URI_CONFLICT',
      currentVideoUri: videoUri,
      submittedVideoUri: command.videoUri,
    });
  }
  // A failed job is the one that this is for; any other that has ended is never worked on again.
  const refusal =
    refuseAtWork(job, open, 'UPLOADED') ?? (job.status === 'FAILED' ? null : refuseEnded(job.status));
  if (refusal) return reject(refusal);
  const renewed = revise(job, now, {
    progressPct: job.progressPct,
    manifest: { ...job.manifest, videoUri: command.videoUri },
  });
  const entry = { ...audit(job, job.status, 'editor', now, command), eventType: 'video_renewed' as const };
  return {
    kind: 'accepted',
    job: renewed,
    dispatch: open,
    changes: { job: renewed, transitions: [entry] },
  };
}

const refuseEnded = (status: Status): Rejection | null =>
  isTerminal(status) ? refuseTransition(status, 'UPLOADED', 'editor') : null;
