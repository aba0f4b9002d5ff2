// An editor corrects what a pipeline has made: one more version, which no pipeline passes over unless somebody says so.
import { isTooLarge, MANIFEST_LIMITS } from './artifacts.ts';
import { CALLED_OFF } from './automatic-retry.ts';
import type { EditArtifact } from './commands.ts';
import { audit, type Decision, type JobView, refuseAtWork, reject, revise } from './decision.ts';
import { disproof } from './evidence.ts';
import type { ArtifactVersion, Job } from './job.ts';
import { isEditable, stageOf } from './lifecycle.ts';
import { isSameVersion, keptAtHand, MOST_AT_HAND } from './lineage.ts';
import { currentVersions } from './plan.ts';
import type { Rejection } from './rejection.ts';
import type { Rules } from './rules.ts';

export function editArtifact(view: JobView, command: EditArtifact, rules: Rules, now: number): Decision {
  const { job, open, seenEdit } = view;
  const { clientRequestId, payloadDigest } = command;
  if (seenEdit) {
    if (seenEdit.payloadDigest === payloadDigest) {
      return { kind: 'replayed', job, dispatch: open, edit: seenEdit.version };
    }
    return reject({ code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH', clientRequestId, dispatchId: null });
  }
  const refusal = refuseEdit(view, command, rules);
  if (refusal) return reject(refusal);

  const version = edited(job, command, now);
  const manifest = { ...job.manifest, [stageOf(command.stage).artifact]: version.ref };
  const versions = keptAtHand([...job.versions, version]);
  if (isTooLarge(manifest) || versions.length > MOST_AT_HAND)
    return reject({ code: 'MANIFEST_FULL', ...MANIFEST_LIMITS });
  const next = revise(job, now, {
    progressPct: job.progressPct,
    manifest,
    versions,
    latestEditAt: Math.max(now, job.latestDispatchAt ?? 0),
    ...CALLED_OFF,
  });
  const entry = {
    ...audit(job, job.status, 'editor', now, command),
    eventType: 'artifact_edited' as const,
  };
  return {
    kind: 'accepted',
    job: next,
    dispatch: open,
    edit: version,
    changes: { job: next, edit: { clientRequestId, payloadDigest, version }, transitions: [entry] },
  };
}

function refuseEdit({ job, open }: JobView, command: EditArtifact, rules: Rules): Rejection | null {
  const { stage, edits, uri } = command;
  const atWork = refuseAtWork(job, open, job.status);
  if (atWork) return atWork;
  const refused = (reason: 'status' | 'never_made'): Rejection => {
    return { code: 'ARTIFACT_NOT_EDITABLE', currentStatus: job.status, stage, reason };
  };
  if (!isEditable(job.status)) return refused('status');
  const newest = newestOf(job, command);
  if (newest === null) return refused('never_made');
  // Whoever has read the job corrects what counts there, and whoever has read the list what came last.
  if (edits !== newest.version && edits !== currentVersions(job, rules)[stage]?.version) {
    return { code: 'ARTIFACT_VERSION_CONFLICT', stage, submitted: edits, newest, versions: job.versions };
  }
  const reason = disproof({ ...command, ref: uri }, command.evidence);
  return reason && { code: 'ARTIFACT_NOT_FOUND', uri, reason };
}

const newestOf = ({ versions }: Job, { stage }: EditArtifact): ArtifactVersion | null =>
  versions.findLast((version) => version.stage === stage) ?? null;

/** What the editor did not say of it is as the store has it. */
function edited(job: Job, command: EditArtifact, now: number): ArtifactVersion {
  const { stage, uri, digest, sizeBytes, edits, actorId, actorName, evidence } = command;
  const found = evidence.get(uri);
  const stored = found?.kind === 'found' ? found : null;
  const corrected = job.versions.find((known) => isSameVersion(known, { stage, version: edits }));
  return {
    stage,
    version: (newestOf(job, command)?.version ?? 0) + 1,
    ref: uri,
    digest: digest ?? (stored?.sha256 ? `sha-256:${stored.sha256}` : null),
    sizeBytes: sizeBytes ?? stored?.sizeBytes ?? null,
    madeBy: { kind: 'editor', actorId, ...(actorName ? { actorName } : {}), edits },
    madeFrom: corrected?.madeFrom ?? null,
    isComplete: true,
    recordedAt: now,
  };
}
