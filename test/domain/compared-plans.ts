// A plan beside the model's, and beside what is done.
import type { Command } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import { asked, isAsk } from '../../src/domain/dispatching.ts';
import type { ArtifactVersion } from '../../src/domain/job.ts';
import { isOverwritten } from '../../src/domain/lineage.ts';
import { lookedAt, type Plan, type PlanRequest, planDispatch } from '../../src/domain/plan.ts';
import { holds } from '../rules/holds.ts';
import { doneInWords, nameInWords, proofInWords, refusalInWords, same } from './compared.ts';
import type { MemoryJob } from './memory-job.ts';
import type { ModelJob } from './model.ts';
import { requestOf } from './model-asks.ts';

/** The plan that this command will be judged by; null when it asks for no pipeline. */
export const planAsked = (command: Command): PlanRequest | null =>
  isAsk(command) ? asked(command).request : null;

/** The plan as it is now, after it was compared with the model's. */
export function samePlan(job: MemoryJob, model: ModelJob, request: PlanRequest): Plan {
  const plan = planDispatch({ job: job.job, open: job.open }, request, job.rules);
  const modelled = model.plan(requestOf(request));
  const { resume, stages, passedOver, refusal } = plan;
  same('the refusal of the plan', refusal && refusalInWords(refusal), modelled.refusal);
  // Of an export that is refused there is nothing else to say.
  if (request.kind === 'export' && refusal !== null) return plan;
  same(
    'the plan',
    [
      ...[resume?.ref ?? null, resume ? resume.status : 'UPLOADED', proofInWords(resume?.proof ?? null)],
      ...[stages.map(doneInWords), stages.map(({ reason }) => reason)],
      passedOver.map(({ stage, version, reason }) => `${stage} ${version} ${reason}`),
      ...[plan.editsKept.map(nameInWords), plan.editsDiscarded.map(nameInWords)],
    ],
    [
      ...[modelled.ref, modelled.from, modelled.proof, modelled.does, modelled.why, modelled.passed],
      ...[modelled.editsKept, modelled.editsDiscarded],
    ],
  );
  const { versions } = job.job;
  const looked = lookedAt(request, job.job, job.rules);
  holds(
    'the store is asked about what is resumed from, and about all that it speaks against',
    (resume?.version ? [resume.version, ...disproved(plan, versions)] : disproved(plan, versions)).every(
      (version) => looked.some(({ stage, version: n }) => stage === version.stage && n === version.version),
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
export function checkPlanned(plan: Plan, decision: Decision): void {
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
    [dispatch?.task, dispatch?.modelProfile, dispatch?.policyVersion, dispatch?.engines, dispatch?.plan],
    [
      ...[plan.task, plan.modelProfile, plan.policyVersion, plan.engines],
      {
        ...{ asked: plan.asked, discardEdits: plan.discardEdits, editsDiscarded: plan.editsDiscarded },
        ...{ stages: plan.stages, proof: plan.resume?.proof },
      },
    ],
  );
  if (dispatch && dispatch.kind !== 'run') {
    same(
      'where it resumes',
      [dispatch.resumeFromStatus, dispatch.checkpointRef],
      [plan.resume?.status, plan.resume?.ref],
    );
  }
}
