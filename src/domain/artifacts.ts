// What reports bring: the manifest's newest references and their limits, and the checkpoints that they make.
import type { ArtifactUpdates, Callback } from './commands.ts';
import type { Dispatch } from './dispatch.ts';
import type { Checkpoint, Job, Manifest } from './job.ts';
import { isAtOrPast, STAGES, type Stage, type Status } from './lifecycle.ts';

/** All that a manifest may hold. It rides in the job's one row, which has to have room for a failure or a cancel at any time. */
export const MANIFEST_LIMITS = { maxExports: 200, maxBytes: 256 * 1024 } as const;

/** The manifest with what a report names in the place of what was there; itself when that is the same. Nothing is taken away. */
export function mergeManifest(manifest: Manifest, artifacts: ArtifactUpdates): Manifest {
  const merged = {
    videoUri: manifest.videoUri,
    audioUri: artifacts.audioUri ?? manifest.audioUri,
    transcriptUri: artifacts.transcriptUri ?? manifest.transcriptUri,
    draftUri: artifacts.draftUri ?? manifest.draftUri,
    exports: { ...manifest.exports, ...artifacts.exports },
  };
  return JSON.stringify(merged) === JSON.stringify(manifest) ? manifest : merged;
}

const utf8 = new TextEncoder();

/** Whether a manifest has outgrown its limits, in bytes of UTF-8: a key of an object may be of any script. */
export function isTooLarge({ exports, ...refs }: Manifest): boolean {
  const entries = Object.entries(exports);
  const bytes = [...Object.values(refs), ...entries.flat()].reduce(
    (sum, text) => sum + (text === null ? 0 : utf8.encode(text).byteLength),
    0,
  );
  return entries.length > MANIFEST_LIMITS.maxExports || bytes > MANIFEST_LIMITS.maxBytes;
}

/**
 * The checkpoints that this report makes, judged from `current`: of each stage that its pipeline is at or behind the
 * checkpoint of, the artifact that it names, or, as the checkpoint itself is reached, one that came before.
 */
export function reachedCheckpoints(
  job: Job,
  dispatch: Dispatch,
  command: Callback,
  current: Status,
  now: number,
): Checkpoint[] {
  const { status, artifacts, failure } = command;
  const brought = STAGES.filter(({ artifact }) => artifacts[artifact] !== null);
  // A failure leaves the pipeline where it was, or in the stage that it says has failed.
  const reached = status === 'FAILED' ? [current, failure?.failedStage ?? ''] : [status];
  return STAGES.filter(({ checkpoint }) => reached.some((at) => isAtOrPast(at, checkpoint))).flatMap(
    (stage) => {
      const ref = newRef(job, command, stage);
      if (ref === null) return [];
      const isAbout = status === stage.checkpoint || (brought.length === 1 && brought[0] === stage);
      return {
        status: stage.checkpoint,
        ref,
        dispatchId: dispatch.id,
        modelProfile: dispatch.modelProfile,
        policyVersion: dispatch.policyVersion,
        engine: dispatch.engines[stage.name] ?? null,
        recordedAt: now,
        digest: isAbout ? artifacts.digest : null,
        sizeBytes: isAbout ? artifacts.sizeBytes : null,
      };
    },
  );
}

/** The reference of a new version of the stage's artifact; null where this report makes none. */
function newRef(job: Job, { status, artifacts }: Callback, { artifact, checkpoint }: Stage): string | null {
  const known = job.checkpoints[checkpoint]?.ref ?? null;
  const brought = artifacts[artifact];
  const isReached = status === checkpoint && job.status !== status;
  if (brought !== null) return brought !== known || isReached ? brought : null;
  const early = job.manifest[artifact];
  return (isReached || status === 'FAILED') && early !== known ? early : null;
}
