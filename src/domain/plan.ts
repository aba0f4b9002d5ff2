// What a dispatch would do, decided before anything is done: where it resumes, what it keeps, what is made again and why, or
// why it is refused. A run, a retry, the plan that an editor is shown and what they are offered are all read from here.
import { ACTS, retryNotAllowed } from './acts.ts';
import { refuseAtWork } from './decision.ts';
import type { DispatchKind, StagePlan } from './dispatch.ts';
import { type Evidence, type Proof, proofOf } from './evidence.ts';
import type { ArtifactVersion, Job } from './job.ts';
import {
  checkpointOf,
  type Engines,
  isBehind,
  RESUME_STATUSES,
  type ResumeStatus,
  STAGES,
} from './lifecycle.ts';
import { chainOf, type PassedOver, resumeFrom } from './lineage.ts';
import { enginesOf, refuseProfile, withEngines } from './policy.ts';
import type { Rejection } from './rejection.ts';
import type { Rules } from './rules.ts';

export interface PlanRequest {
  kind: DispatchKind;
  modelProfile: string;
  /** Where to begin, at the furthest; null for wherever the rule leads. */
  resumeFrom: ResumeStatus | null;
  evidence: Evidence;
}

export interface ResumePoint {
  status: ResumeStatus;
  /** The artifact to resume from: a version's, or the video itself. */
  ref: string;
  /** Null for the upload. */
  version: ArtifactVersion | null;
  /** Null for the upload, which nobody has made. */
  proof: Proof | null;
}

export interface Plan {
  kind: DispatchKind;
  modelProfile: string;
  policyVersion: string;
  engines: Engines;
  asked: ResumeStatus | null;
  /** Null when there is not even a video. */
  resume: ResumePoint | null;
  /** What is done about each stage, in pipeline order. */
  stages: readonly StagePlan[];
  /** The versions that were looked at before the resume point, in that order. */
  passedOver: readonly PassedOver[];
  /** Why it is refused; null when it is allowed. */
  refusal: Rejection | null;
}

/** What of the job a plan depends on. */
interface Planned {
  job: Job;
  open: { id: string } | null;
}

export function planDispatch(planned: Planned, request: PlanRequest, rules: Rules): Plan {
  const { open } = planned;
  const job = { ...planned.job, versions: withEngines(planned.job.versions, rules.policy) };
  const { kind, modelProfile, evidence } = request;
  const act = ACTS[kind];
  const engines = enginesOf(rules.policy, modelProfile);
  const upTo = nearer(act.upTo, request.resumeFrom ?? act.upTo);
  const { version, passedOver } = resumeFrom(job.versions, { engines, evidence, upTo });
  const resume = resumePoint(job, version, evidence);
  const start = resume?.status ?? 'UPLOADED';
  return {
    kind,
    modelProfile,
    policyVersion: rules.policy.version,
    engines,
    asked: request.resumeFrom,
    resume,
    stages: stagesFrom(job, { start, version, upTo, passedOver }, engines),
    passedOver,
    refusal: refusalOf({ job, open }, request, start, resume, rules),
  };
}

function refusalOf(
  { job, open }: Planned,
  { kind, modelProfile, resumeFrom: asked, evidence }: PlanRequest,
  start: ResumeStatus,
  resume: ResumePoint | null,
  rules: Rules,
): Rejection | null {
  const act = ACTS[kind];
  const refusal =
    refuseAtWork(job, open, act.attempts(start)) ??
    act.refuse(job, start) ??
    refuseProfile(rules.policy, modelProfile, null);
  if (refusal) return refusal;
  if (asked !== null && (asked !== start || resume === null)) {
    const request = { kind, modelProfile, resumeFrom: null, evidence };
    const available = planDispatch({ job, open }, request, rules).resume?.status ?? null;
    return { code: 'RESUME_POINT_NOT_AVAILABLE', requested: asked, available };
  }
  const atThatPoint = refuseProfile(rules.policy, modelProfile, resume && start);
  if (atThatPoint) return atThatPoint;
  return resume === null ? retryNotAllowed(job, start, 'nothing_to_resume_from') : null;
}

function resumePoint(job: Job, version: ArtifactVersion | null, evidence: Evidence): ResumePoint | null {
  if (version) {
    const { stage, ref } = version;
    return { status: checkpointOf(stage), ref, version, proof: proofOf(version, evidence) };
  }
  const { videoUri } = job.manifest;
  return videoUri === null ? null : { status: 'UPLOADED', ref: videoUri, version: null, proof: null };
}

function stagesFrom(
  { versions }: Job,
  {
    start,
    version,
    upTo,
    passedOver,
  }: {
    start: ResumeStatus;
    version: ArtifactVersion | null;
    upTo: ResumeStatus;
    passedOver: readonly PassedOver[];
  },
  engines: Engines,
): StagePlan[] {
  const chain = version ? chainOf(version, versions) : [];
  return STAGES.map((stage): StagePlan => {
    const { name } = stage;
    if (isBehind(start, stage)) {
      const kept = chain.find((link) => link.stage === name);
      const reason = kept !== undefined && kept === version ? 'resume_point' : 'before_resume_point';
      return {
        stage: name,
        action: 'keep',
        version: kept?.version ?? null,
        ref: kept?.ref ?? null,
        reason,
      };
    }
    const isMade = versions.some((made) => made.stage === name);
    const found = passedOver.find((passed) => passed.stage === name);
    const reason = !isMade ? 'never_made' : isBehind(upTo, stage) && found ? found.reason : 'asked';
    return { stage: name, action: 'redo', engine: engines[name] ?? null, reason };
  });
}

const nearer = (a: ResumeStatus, b: ResumeStatus): ResumeStatus =>
  RESUME_STATUSES.indexOf(a) < RESUME_STATUSES.indexOf(b) ? a : b;

/**
 * The plan in a few words: two plans with one tag do the same. It says what is kept, by version, and by which engine the
 * rest is made; nothing that may differ between two looks at the same plan, such as a store that did not answer. Visible
 * ASCII without quotes and commas, so that it can stand in a list of entity tags (RFC 9110 §8.8.3).
 */
export function planTag({ modelProfile, resume, stages, refusal }: Plan): string {
  const words = refusal
    ? ['refused', refusal.code, 'reason' in refusal ? refusal.reason : '']
    : [
        resume?.status ?? '',
        ...stages.map((plan) =>
          plan.action === 'keep'
            ? `${plan.stage}=keep(${plan.version ?? ''})`
            : `${plan.stage}=redo(${encodeURIComponent(plan.engine ?? '')})`,
        ),
      ];
  return [encodeURIComponent(modelProfile), ...words].join(':');
}
