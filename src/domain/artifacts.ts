// What reports bring: the manifest's newest references, and the checkpoints that they make.
import type { ArtifactUpdates, Callback } from './commands.ts';
import type { Dispatch } from './dispatch.ts';
import type { Checkpoint, Job, Manifest } from './job.ts';
import { isCheckpoint, stageOf } from './lifecycle.ts';

/** The manifest with what a report names in the place of what was there; nothing is ever taken away. */
export function mergeManifest(manifest: Manifest, artifacts: ArtifactUpdates): Manifest {
  return {
    videoUri: manifest.videoUri,
    audioUri: artifacts.audioUri ?? manifest.audioUri,
    transcriptUri: artifacts.transcriptUri ?? manifest.transcriptUri,
    draftUri: artifacts.draftUri ?? manifest.draftUri,
    exports: { ...manifest.exports, ...artifacts.exports },
  };
}

/** The checkpoint that this callback records: one it brings, or one whose artifact came earlier. */
export function reachedCheckpoint(
  job: Job,
  dispatch: Dispatch,
  command: Callback,
  now: number,
): Checkpoint | null {
  const { status, artifacts } = command;
  if (!isCheckpoint(status)) return null;
  const { name, artifact } = stageOf(status);
  const brought = artifacts[artifact];
  const ref = brought ?? job.manifest[artifact];
  if (ref === null || (brought === null && job.checkpoints[status]?.ref === ref)) return null;
  return {
    status,
    ref,
    dispatchId: dispatch.id,
    modelProfile: dispatch.modelProfile,
    policyVersion: dispatch.policyVersion,
    engine: dispatch.engines[name] ?? null,
    recordedAt: now,
    digest: artifacts.digest,
    sizeBytes: artifacts.sizeBytes,
  };
}
