// What a dispatch would do, decided before anything is done: where it resumes, what it keeps, what is made again and why, or
// why it is refused. Whatever is asked of a pipeline, the plan that an editor is shown and what they are offered are read from here.
import { ACTS } from './acts.ts';
import { refuseAtWork, refuseTransition, retryNotAllowed } from './decision.ts';
import type { DispatchKind, DispatchPlan, Export, StagePlan, Task } from './dispatch.ts';
import { type Chain, isEdit, standingEdits } from './edits.ts';
import { disproof, type Evidence, type Proof, proofOf } from './evidence.ts';
import type { ArtifactVersion, Job } from './job.ts';
import {
  checkpointOf,
  type Engines,
  isBehind,
  type ResumeStatus,
  STAGES,
  type StageName,
} from './lifecycle.ts';
import {
  candidates,
  current,
  isOverwritten,
  isSameVersion,
  nameOf,
  type PassedOver,
  provenanceOf,
  resumeFrom,
  staleBy,
  type VersionName,
  type Wish,
} from './lineage.ts';
import { enginesOf, refuseProfile, withEngines } from './policy.ts';
import type { Rejection } from './rejection.ts';
import type { Rules } from './rules.ts';

/** What somebody asks a pipeline for. */
export interface PlanRequest {
  kind: DispatchKind;
  /** Null for the one that goes without saying: of a run the default, of an export that of before. */
  modelProfile: string | null;
  /** Where to begin, at the furthest; null for wherever the rule leads. */
  resumeFrom: ResumeStatus | null;
  /** The stages whose edits are looked past, in pipeline order. */
  discardEdits: readonly StageName[];
  /** What an export is asked for. */
  task: Export | null;
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

export interface Plan extends Omit<DispatchPlan, 'proof'> {
  kind: DispatchKind;
  task: Task;
  modelProfile: string;
  policyVersion: string;
  engines: Engines;
  /** Null when there is not even a video. */
  resume: ResumePoint | null;
  /** The versions that were looked at before the resume point, in that order. */
  passedOver: readonly PassedOver[];
  /** The edits that are kept. */
  editsKept: readonly VersionName[];
  /** Why it is refused; null when it is allowed. */
  refusal: Rejection | null;
}

/** What of the job a plan depends on. */
interface Planned {
  job: Job;
  open: { id: string } | null;
}

export function planDispatch(planned: Planned, request: PlanRequest, rules: Rules): Plan {
  const job = { ...planned.job, versions: withEngines(planned.job.versions, rules.policy) };
  const { kind, resumeFrom: asked, discardEdits, evidence } = request;
  const { takesDraft } = ACTS[kind];
  const modelProfile = profileOf(request, job, rules);
  const wish = wishOf(request, job, rules);
  const found = takesDraft ? theDraft(job, rules) : resumeFrom(job.versions, { ...wish, evidence });
  const resume = resumePoint(job, found.version, evidence);
  const kept = found.version ? provenanceOf(found.version, job.versions) : [];
  const stages = stagesFrom(job, resume?.status ?? 'UPLOADED', { ...found, kept }, wish);
  const lost = standingEdits(job.versions).filter((edit) => !kept.includes(edit));
  const plan = {
    kind,
    task: taskOf(request, job),
    modelProfile,
    policyVersion: rules.policy.version,
    engines: wish.engines,
    asked,
    discardEdits,
    resume,
    stages,
    passedOver: found.passedOver,
    editsKept: kept.filter(isEdit).map(nameOf),
    editsDiscarded: lost.filter(({ stage }) => discardEdits.includes(stage)).map(nameOf),
  };
  // What is made again, or, of what takes the draft as it is, what that does not rest on.
  const passed = takesDraft
    ? found.version && staleBy(found.version, job.versions)
    : lost.filter((edit) => isMadeAgain(plan, edit));
  const inTheWay = (passed ?? []).filter(({ stage }) => !discardEdits.includes(stage));
  return {
    ...plan,
    refusal:
      refuseState(planned, kind, resume?.status) ??
      refuseMore(job, kind, rules) ??
      (takesDraft ? null : refuseProfile(rules.policy, modelProfile, null)) ??
      refusePoint({ ...planned, job }, request, plan, rules) ??
      (takesDraft ? refuseDraft(job, found.version, evidence) : null) ??
      refuseLoss(plan, inTheWay) ??
      (takesDraft ? null : refuseProfile(rules.policy, modelProfile, resume?.status ?? null)) ??
      (resume === null ? retryNotAllowed(job.status, 'UPLOADED', 'nothing_to_resume_from') : null),
  };
}

/** What a pipeline is wanted for that is asked for so. */
function wishOf(request: PlanRequest, job: Job, rules: Rules): Wish {
  const { kind, resumeFrom: asked, discardEdits } = request;
  const engines = enginesOf(rules.policy, profileOf(request, job, rules));
  return { engines, upTo: ACTS[kind].upTo(taskOf(request, job), asked), discardEdits };
}

const taskOf = ({ kind, task }: PlanRequest, job: Job): Task => {
  const asked = ACTS[kind].task?.(job) ?? task;
  if (asked === null) throw new Error('an export says what it is asked for');
  return asked;
};

const profileOf = ({ kind, modelProfile }: PlanRequest, job: Job, { policy }: Rules): string =>
  modelProfile ?? (ACTS[kind].takesDraft ? job.latestProfile : null) ?? policy.defaultProfile;

/** The versions that evidence could speak against, in the order in which they are looked at. */
export function lookedAt(request: PlanRequest, job: Job, rules: Rules): ArtifactVersion[] {
  const known = { ...job, versions: withEngines(job.versions, rules.policy) };
  if (!ACTS[request.kind].takesDraft) return candidates(known.versions, wishOf(request, known, rules));
  const { version } = theDraft(known, rules);
  return version ? [version] : [];
}

/** Of each stage the version that counts, as the manifest shows it. */
export const currentVersions = (job: Job, { policy }: Rules): ReturnType<typeof current> =>
  current(
    withEngines(job.versions, policy),
    job.latestProfile === null ? {} : enginesOf(policy, job.latestProfile),
  );

const theDraft = (job: Job, rules: Rules): Found => {
  const { draft } = currentVersions(job, rules);
  return {
    version: (draft && job.versions.find((known) => isSameVersion(known, draft))) ?? null,
    passedOver: [],
  };
};

/** What the rule found. */
interface Found {
  version: ArtifactVersion | null;
  passedOver: readonly PassedOver[];
}

type Refusable = Omit<Plan, 'refusal'>;

/** Why nothing of this kind can be asked for as the job stands, wherever it would begin. */
export function refuseState(
  { job, open }: Planned,
  kind: DispatchKind,
  start: ResumeStatus = 'UPLOADED',
): Rejection | null {
  const { begins } = ACTS[kind];
  const atWork = refuseAtWork(job, open, begins ?? start);
  if (atWork) return atWork;
  if (begins !== null) return refuseTransition(job.status, begins, 'system');
  return job.status === 'FAILED' ? null : retryNotAllowed(job.status, start, 'not_failed');
}

/** Why a job may not be retried once more, whoever asks. */
function refuseMore({ retries }: Job, kind: DispatchKind, { retriesPerJob }: Rules): Rejection | null {
  if (kind !== 'retry' || retriesPerJob === 0 || retries < retriesPerJob) return null;
  return { code: 'RETRY_LIMIT_REACHED', limit: retriesPerJob, made: retries };
}

/** Why it may not begin where it was asked to. */
function refusePoint(
  planned: Planned,
  request: PlanRequest,
  { kind, asked, resume }: Refusable,
  rules: Rules,
): Rejection | null {
  if (asked === null) return null;
  const refusal = ACTS[kind].refuse(asked);
  if (refusal || asked === resume?.status) return refusal;
  const wherever = planDispatch(planned, { ...request, resumeFrom: null }, rules);
  return { code: 'RESUME_POINT_NOT_AVAILABLE', requested: asked, available: wherever.resume?.status ?? null };
}

/** Nothing but the caller's word passes over what a person has corrected. */
function refuseLoss({ passedOver }: Refusable, edits: readonly VersionName[]): Rejection | null {
  if (edits.length === 0) return null;
  const reasonOf = (edit: VersionName) => passedOver.find((passed) => isSameVersion(passed, edit))?.reason;
  return {
    code: 'EDITS_IN_THE_WAY',
    edits: edits.map((edit) => ({ ...nameOf(edit), reason: reasonOf(edit) ?? 'asked' })),
  };
}

function isMadeAgain({ stages }: Pick<Plan, 'stages'>, { stage }: VersionName): boolean {
  return stages.some((planned) => planned.stage === stage && planned.action === 'redo');
}

/** Why the draft cannot be handed on. */
function refuseDraft({ versions }: Job, draft: ArtifactVersion | null, evidence: Evidence): Rejection | null {
  const reason =
    draft === null
      ? 'no_draft'
      : !draft.isComplete
        ? 'incomplete'
        : isOverwritten(draft, versions)
          ? 'changed'
          : disproof(draft, evidence);
  return reason && { code: 'NOTHING_TO_EXPORT', reason };
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
  start: ResumeStatus,
  { version, passedOver, kept }: Found & { kept: Chain },
  { upTo, engines }: Wish,
): StagePlan[] {
  return STAGES.map((stage): StagePlan => {
    const { name } = stage;
    if (isBehind(start, stage)) {
      const link = kept.find((candidate) => candidate.stage === name);
      const reason = link !== undefined && link === version ? 'resume_point' : 'before_resume_point';
      return {
        stage: name,
        action: 'keep',
        version: link?.version ?? null,
        ref: link?.ref ?? null,
        reason,
      };
    }
    const isMade = versions.some((made) => made.stage === name);
    const found = passedOver.find((passed) => passed.stage === name);
    const reason = !isMade ? 'never_made' : isBehind(upTo, stage) && found ? found.reason : 'asked';
    return { stage: name, action: 'redo', engine: engines[name] ?? null, reason };
  });
}

/**
 * The plan in a few words: two plans with one tag do the same. It says what is kept, by version, by which engine the rest is
 * made, which edits are looked past, and what is exported; nothing that may differ between two looks at the same plan, such as a store that did
 * not answer. Visible ASCII without quotes and commas, so that it can stand in a list of entity tags (RFC 9110 §8.8.3).
 */
export function planTag({ modelProfile, task, resume, stages, editsDiscarded, refusal }: Plan): string {
  const discarded = (name: StageName): string =>
    editsDiscarded.flatMap(({ stage, version }) => (stage === name ? [`!${version}`] : [])).join('');
  const words = refusal
    ? ['refused', refusal.code, 'reason' in refusal ? refusal.reason : '']
    : [
        resume?.status ?? '',
        ...stages.map((plan) => {
          const what = plan.action === 'keep' ? (plan.version ?? '') : encodeURIComponent(plan.engine ?? '');
          return `${plan.stage}=${plan.action}(${what})${discarded(plan.stage)}`;
        }),
        ...(task.kind === 'export' ? [`export(${exportTag(task)})`] : []),
      ];
  return [encodeURIComponent(modelProfile), ...words].join(':');
}

/** Params may be long, so of them there is a word (FNV-1a, 32 bits): who changes theirs does so on purpose. */
function exportTag({ formats, params }: Export): string {
  let word = 0x811c9dc5;
  for (const unit of params ?? '') word = Math.imul(word ^ (unit.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return [...formats.map(encodeURIComponent), word.toString(16)].join('+');
}
