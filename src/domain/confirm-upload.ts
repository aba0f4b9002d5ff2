// An editor says where the uploaded video is.
import type { ConfirmUpload } from './commands.ts';
import { audit, type Decision, type JobView, refuseTransition, reject, revise } from './decision.ts';

export function confirmUpload({ job, open }: JobView, command: ConfirmUpload, now: number): Decision {
  const { videoUri } = job.manifest;
  if (videoUri === command.videoUri) return { kind: 'replayed', job, dispatch: open };
  if (videoUri !== null) {
    return reject({
      code: 'VIDEO_URI_CONFLICT',
      confirmedVideoUri: videoUri,
      requestedVideoUri: command.videoUri,
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
