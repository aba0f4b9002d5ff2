// Random histories of one job, and what has to hold after every step of them: the same answer and state as the
// independent model, and the invariants that spec/ states.
import type { Command } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import { isOpen, type StagePlan } from '../../src/domain/dispatch.ts';
import { NO_EVIDENCE, type Proof } from '../../src/domain/evidence.ts';
import { brokenInvariant, type Present } from '../../src/domain/invariants.ts';
import type { ArtifactVersion, Failure } from '../../src/domain/job.ts';
import { candidates, isOverwritten } from '../../src/domain/lineage.ts';
import { type Plan, type PlanRequest, planDispatch, planTag } from '../../src/domain/plan.ts';
import type { Rejection } from '../../src/domain/rejection.ts';
import type { Rules } from '../../src/domain/rules.ts';
import { awaited } from '../../src/domain/timeouts.ts';
import { holds } from '../rules/holds.ts';
import type { Look } from './looks.ts';
import { MemoryJob, type MemoryState, OWNER, RULES } from './memory-job.ts';
import { ModelJob } from './model.ts';
import { checkOffers } from './offers.ts';
import { POLICIES, toPolicy, type WordedPolicy } from './policies.ts';
import { checkPresent, checkRoom, checkStep, sameAgain } from './promises.ts';
import { Changes, situationsOf } from './situations.ts';
import type { Step } from './steps.ts';

/**
 * Lives through the history and checks every step; throws at the first that breaks a promise. Counts the answers, and the
 * situations that it has been in.
 */
export function live(
  history: readonly Step[],
  answers: Map<string, number>,
  situations: Map<string, number>,
): void {
  const job = new MemoryJob();
  job.rules = rulesUnder(POLICIES[0]);
  const model = new ModelJob(OWNER);
  const count = (counts: Map<string, number>, what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  const changes = new Changes();
  const see = (look: Look): string => {
    const plan = samePlan(job, model, { ...look, kind: 'retry', discardEdits: [], task: null });
    const tag = planTag(plan);
    const { words } = model.plan('retry', look.modelProfile, look.resumeFrom, look.evidence);
    for (const [known, promised] of model.tags) {
      holds('two plans have one tag exactly when they do the same', (known === tag) === (promised === words));
    }
    changes.saw(plan, job);
    model.saw(look, tag);
    return tag;
  };
  let now = 0;
  for (const [index, { waitMs, make }] of history.entries()) {
    now += waitMs;
    const before = job.state;
    const act = make(model, index, now, see);
    if (act.type === 'look') {
      see(act);
      continue;
    }
    if (act.type === 'deploy') {
      job.rules = rulesUnder(act.policy);
      model.policy = act.policy;
      continue;
    }
    const command = act;
    const effective = model.effective;
    const asked = planAsked(command, job);
    const plan = asked && samePlan(job, model, asked);
    const met = plan ? [...changes.since(plan, job)] : [];
    const decision = job.execute(command, now);
    const answer = model.apply(command, now);
    count(answers, `${command.type} ${answer}`);
    for (const situation of situationsOf(before, job.state, command, decision)) count(situations, situation);
    if (isJudgedByPlan(decision)) for (const situation of met) count(situations, situation);

    same('the answer', decision.kind === 'rejected' ? decision.rejection.code : decision.kind, answer);
    if (decision.kind !== 'rejected' && (command.type === 'run' || command.type === 'retry')) {
      same('the dispatch that is answered', decision.dispatch?.id, model.named);
    }
    if (plan) checkPlanned(plan, decision);
    sameText('the state', textOf(job.state), JSON.stringify(expected(model)));
    if (decision.kind === 'accepted') {
      const broken = brokenInvariant(presentOf(before), presentOf(job.state), decision.changes);
      holds(`storage refuses nothing that is decided: ${broken}`, broken === null);
    }
    checkStep(before, job.state, command, decision, effective);
    checkPresent(job, now);
    if (decision.kind === 'replayed') sameAgain(job, command, decision, now);
  }
  checkRoom(job, now);
  checkOffers(job, now);
}

const isJudgedByPlan = (decision: Decision): boolean =>
  decision.kind === 'accepted' ||
  (decision.kind === 'rejected' && decision.rejection.code === 'PLAN_CHANGED');

const rulesUnder = (policy: WordedPolicy): Rules => ({ ...RULES, policy: toPolicy(policy) });

/** The plan that this command will be judged by; null when it asks for no pipeline. */
function planAsked(command: Command, { rules }: MemoryJob): PlanRequest | null {
  if (command.type === 'run') {
    const modelProfile = command.modelProfile ?? rules.policy.defaultProfile;
    const wherever = { resumeFrom: null, discardEdits: [], task: null, evidence: NO_EVIDENCE };
    return { kind: 'run', modelProfile, ...wherever };
  }
  return command.type === 'retry' ? { ...command, kind: 'retry', task: null } : null;
}

/** The plan as it is now, after it was compared with the model's. */
function samePlan(job: MemoryJob, model: ModelJob, request: PlanRequest): Plan {
  const { kind, resumeFrom, evidence } = request;
  const plan = planDispatch({ job: job.job, open: job.open }, request, job.rules);
  if (kind !== 'run' && kind !== 'retry') throw new Error(`not modelled: ${kind}`);
  const modelled = model.plan(kind, plan.modelProfile, resumeFrom, evidence);
  const { resume, stages, passedOver, refusal } = plan;
  same(
    'the plan',
    [
      ...[resume?.ref ?? null, resume ? resume.status : 'UPLOADED', proofInWords(resume?.proof ?? null)],
      ...[stages.map(doneInWords), stages.map(({ reason }) => reason)],
      passedOver.map(({ stage, version, reason }) => `${stage} ${version} ${reason}`),
      refusal && refusalInWords(refusal),
    ],
    [
      ...[modelled.ref, modelled.from, modelled.proof, modelled.does, modelled.why, modelled.passed],
      modelled.refusal,
    ],
  );
  const { engines, versions } = { engines: plan.engines, versions: job.job.versions };
  const asked = candidates(versions, {
    engines,
    upTo: kind === 'run' ? 'UPLOADED' : (resumeFrom ?? 'DRAFT_READY'),
    discardEdits: [],
  });
  holds(
    'the store is asked about what is resumed from, and about all that it speaks against',
    (resume?.version ? [resume.version, ...disproved(plan, versions)] : disproved(plan, versions)).every(
      (version) => asked.includes(version),
    ),
  );
  return plan;
}

const disproved = ({ passedOver }: Plan, versions: readonly ArtifactVersion[]): ArtifactVersion[] =>
  versions.filter((version) =>
    passedOver.some(
      ({ stage, version: number, reason }) =>
        stage === version.stage &&
        number === version.version &&
        (reason === 'missing' || (reason === 'changed' && !isOverwritten(version, versions))),
    ),
  );

/** What is accepted is what was planned, and what the plan refuses is refused, with the same words. */
function checkPlanned(plan: Plan, decision: Decision): void {
  if (decision.kind === 'replayed') return;
  if (decision.kind === 'rejected') {
    const { rejection } = decision;
    // Refused for something else than the plan: whose it is, the key, or what the caller has seen.
    const others = ['RESOURCE_NOT_FOUND', 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH', 'PLAN_CHANGED'];
    if (!others.includes(rejection.code)) same('the refusal', rejection, plan.refusal);
    return;
  }
  const { dispatch } = decision;
  holds('what is accepted was planned as allowed', plan.refusal === null);
  same(
    'the dispatch',
    [dispatch?.modelProfile, dispatch?.policyVersion, dispatch?.engines, dispatch?.plan],
    [
      ...[plan.modelProfile, plan.policyVersion, plan.engines],
      {
        ...{ asked: plan.asked, discardEdits: [], editsDiscarded: [] },
        ...{ stages: plan.stages, proof: plan.resume?.proof },
      },
    ],
  );
  if (dispatch?.kind === 'retry') {
    same(
      'where it resumes',
      [dispatch.resumeFromStatus, dispatch.checkpointRef],
      [plan.resume?.status, plan.resume?.ref],
    );
  }
}

const doneInWords = (plan: StagePlan): string =>
  plan.action === 'keep'
    ? `${plan.stage} keep ${plan.version} ${plan.ref}`
    : `${plan.stage} redo ${plan.engine}`;
const proofInWords = (proof: Proof | null): string | null =>
  proof && ('reason' in proof ? `${proof.state} ${proof.reason}` : proof.state);
function refusalInWords(refusal: Rejection): string {
  if (refusal.code === 'RESUME_POINT_NOT_AVAILABLE') return `${refusal.code} ${refusal.available}`;
  return 'reason' in refusal ? `${refusal.code} ${refusal.reason}` : refusal.code;
}

const presentOf = ({ job, dispatches }: MemoryState): Present => ({ job, newest: dispatches.at(-1) ?? null });

function same(what: string, seenNow: unknown, modelled: unknown): void {
  sameText(what, JSON.stringify(seenNow), JSON.stringify(modelled));
}

function sameText(what: string, seenNow: string, modelled: string): void {
  if (seenNow !== modelled)
    throw new Error(`${what} differs from the model's\n  job   ${seenNow}\n  model ${modelled}`);
}

/** A state is never changed, so it is written down once. */
const texts = new WeakMap<MemoryState, string>();
function textOf(state: MemoryState): string {
  const text = texts.get(state) ?? JSON.stringify(seen(state));
  texts.set(state, text);
  return text;
}

/** What the model knows of a job too, in the model's words. */
function seen({ job, dispatches, events, transitions }: MemoryState) {
  const { videoUri, audioUri, transcriptUri, draftUri } = job.manifest;
  const open = dispatches.find(isOpen) ?? null;
  return {
    status: job.status,
    manifest: { videoUri, audioUri, transcriptUri, draftUri },
    exports: job.manifest.exports,
    failure: failureInWords(job.failure),
    failedUnder: job.failure?.modelProfile ?? null,
    progress: job.progressPct,
    versions: job.versions.map((v) => [
      ...[v.stage, v.version, v.ref, v.digest, v.sizeBytes, v.madeFrom, v.isComplete],
      ...(v.madeBy.kind === 'pipeline' ? [v.madeBy.dispatchId, v.madeBy.modelProfile, v.madeBy.engine] : []),
    ]),
    open: job.openDispatchId,
    awaits: awaited(job, open, RULES),
    latest: job.latestCallback && [
      ...[job.latestCallback.dispatchId, job.latestCallback.occurredAt, job.latestCallback.kept],
    ],
    events: events.length,
    trail: transitions.map(
      ({ prevStatus, newStatus, actor, dispatchId }) =>
        `${prevStatus} > ${newStatus} by ${actor} of ${dispatchId}`,
    ),
    dispatches: dispatches.map((d) => [
      ...[d.id, d.kind, d.state, d.modelProfile, d.resumeFromStatus, d.checkpointRef, d.deliverUntil],
      ...[d.createdAt, d.deliveryAttempts, d.executionId, d.cancelNotice?.state ?? null],
      ...[d.policyVersion, { ...d.engines }, failureInWords(d.failure)],
      ...[d.plan?.asked, d.plan?.stages.map(doneInWords), d.plan?.stages.map(({ reason }) => reason)],
      proofInWords(d.plan?.proof ?? null),
      d.cancelNotice?.state === 'PENDING' ? [d.cancelNotice.until, d.cancelNotice.attempts] : null,
    ]),
  };
}

const failureInWords = (failure: Failure | null): string | null =>
  failure && `${failure.failureCode} ${failure.failureClass} ${failure.retryAt}`;

function expected(model: ModelJob): ReturnType<typeof seen> {
  const { awaits } = model;
  return {
    status: model.status,
    manifest: model.manifest,
    exports: model.exports,
    failure: model.failure,
    failedUnder: model.failedUnder,
    progress: model.progress,
    versions: model.lineage.versions.map((v) => [
      ...[v.stage, v.n, v.ref, v.digest, v.size, v.from, v.isComplete, v.by, v.profile, v.engine],
    ]),
    open: model.open?.id ?? null,
    awaits: awaits && { kind: awaits.what, until: awaits.until },
    latest: model.latest && [model.latest.dispatch, model.latest.at, model.latest.kept],
    events: Object.keys(model.events).length,
    trail: model.trail,
    dispatches: model.dispatches.map((d) => [
      ...[d.id, d.kind, d.state, d.profile, d.resumeFrom, d.ref, d.until],
      ...[d.createdAt, d.attempts, d.executionId, d.notice?.state ?? null],
      ...[d.policyVersion, d.engines, d.failure, d.plan.asked, d.plan.does, d.plan.why, d.plan.proof],
      d.notice?.state === 'PENDING' ? [d.notice.until, d.notice.attempts] : null,
    ]),
  } as ReturnType<typeof seen>;
}
