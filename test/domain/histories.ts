// Random histories of one job, and what has to hold after every step of them: the same answer and state as the
// independent model, and the invariants that spec/ states.
import type { Decision } from '../../src/domain/decision.ts';
import { isAsk } from '../../src/domain/dispatching.ts';
import { brokenInvariant, type Present } from '../../src/domain/invariants.ts';
import { planTag } from '../../src/domain/plan.ts';
import type { Rules } from '../../src/domain/rules.ts';
import { holds } from '../rules/holds.ts';
import { expected, same, sameText, seen } from './compared.ts';
import { checkPlanned, planAsked, samePlan } from './compared-plans.ts';
import type { Look } from './looks.ts';
import { MemoryJob, type MemoryState, OWNER, RULES } from './memory-job.ts';
import { asRequest, MOST_KEPT, ModelJob } from './model.ts';
import { checkOffers } from './offers.ts';
import { POLICIES, toRules, type WordedPolicy } from './policies.ts';
import { checkErased, checkPresent, checkRoom, checkShown, checkStep, sameAgain } from './promises.ts';
import { checkEdits } from './promises-edits.ts';
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
    const plan = samePlan(job, model, { ...look, task: null });
    const tag = planTag(plan);
    const { words } = model.plan(asRequest(look));
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
      job.rules = { ...rulesUnder(act.policy), keepEndedMs: job.rules.keepEndedMs };
      model.policy = act.policy;
      continue;
    }
    if (act.type === 'keep') {
      job.rules = { ...job.rules, keepEndedMs: act.endedMs };
      model.keptFor = act.endedMs;
      continue;
    }
    if (act.type === 'chatter') {
      job.hasReported(MOST_KEPT);
      if (model.latest) model.latest = { ...model.latest, kept: MOST_KEPT };
      continue;
    }
    const command = act;
    const effective = model.effective;
    const asked = planAsked(command);
    const plan = asked && !model.isErased ? samePlan(job, model, asked) : null;
    const met = plan ? [...changes.since(plan, job)] : [];
    const decision = job.execute(command, now);
    const answer = model.apply(command, now);
    count(answers, `${command.type} ${answer}`);
    for (const situation of situationsOf(before, job.state, command, decision)) count(situations, situation);
    if (isJudgedByPlan(decision)) for (const situation of met) count(situations, situation);

    same('the answer', decision.kind === 'rejected' ? decision.rejection.code : decision.kind, answer);
    if (decision.kind !== 'rejected' && isAsk(command)) {
      same('the dispatch that is answered', decision.dispatch?.id, model.named);
    }
    if (plan) checkPlanned(plan, decision);
    // What was not accepted has changed nothing, of either: the next that is shows it.
    if (decision.kind === 'accepted') {
      sameText('the state', JSON.stringify(seen(job.state)), JSON.stringify(expected(model)));
      const broken = brokenInvariant(presentOf(before), presentOf(job.state), decision.changes);
      holds(`storage refuses nothing that is decided: ${broken}`, broken === null);
    }
    checkStep(before, job.state, command, decision, effective);
    checkEdits(before, job.state, command, decision);
    checkShown(before, job.state, job.rules);
    if (job.state !== before) checkPresent(job, now);
    if (decision.kind === 'replayed') sameAgain(job, command, decision, now);
  }
  if (job.job.erasure) checkErased(job, now);
  else {
    checkRoom(job, now);
    checkOffers(job, now);
  }
}

const isJudgedByPlan = (decision: Decision): boolean =>
  decision.kind === 'accepted' ||
  (decision.kind === 'rejected' && decision.rejection.code === 'PLAN_CHANGED');

const rulesUnder = (policy: WordedPolicy): Rules => ({ ...RULES, ...toRules(policy) });

const presentOf = ({ job, dispatches }: MemoryState): Present => ({
  job,
  newest: dispatches.at(-1) ?? null,
  previous: dispatches.at(-2) ?? null,
});
