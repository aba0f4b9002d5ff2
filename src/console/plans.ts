// Plans as they are asked for, compared and said in a few words.
import {
  type Answer,
  type Attempt,
  ask,
  type NextAction,
  type OfferedPlan,
  type Plan,
  type ResumeStatus,
  type StagePlan,
} from './api.ts';
import { duration } from './clock.ts';
import { listed, REASONS, STAGES, type Stage, versionName } from './words.ts';

export type PlanKind = 'retry' | 'redo';

/** Everything that a person chooses of a retry or redo. */
export interface Choices {
  profile: string | null;
  from: ResumeStatus | null;
  discard: readonly ('transcript' | 'draft')[];
}

export function askPlan(
  kind: PlanKind,
  jobId: string,
  { profile, from, discard }: Choices,
  signal?: AbortSignal,
): Promise<Answer<OfferedPlan>> {
  const query = {
    ...(profile === null ? {} : { model_profile: profile }),
    ...(from === null ? {} : { resume_from: from }),
    ...(discard.length === 0 ? {} : { discard_edits: discard.join(',') }),
  };
  const params = { path: { jobId }, query };
  return ask(
    (client, signal) =>
      kind === 'retry'
        ? client.GET('/jobs/{jobId}/retry-plan', { params, signal })
        : client.GET('/jobs/{jobId}/redo-plan', { params, signal }),
    signal,
  );
}

const redoneStages = ({ stages }: Pick<Plan, 'stages'>): Stage[] =>
  stages.filter(({ action }) => action === 'redo').map(({ stage }) => stage);

/** "Retry transcript and draft" */
export function verb(kind: PlanKind, plan: Plan | null): string {
  const word = kind === 'retry' ? 'Retry' : 'Redo';
  if (plan === null) return word;
  const redone = redoneStages(plan).map((stage) => STAGES[stage].toLowerCase());
  const named = [...redone, ...(plan.export ? ['export'] : [])];
  return named.length === 0 ? word : `${word} ${listed(named)}`;
}

/** "keeps audio v1 and transcript v2 · about 1 min" */
export function inShort(plan: OfferedPlan): string {
  const takes = estimate(plan);
  return takes === null ? keeps(plan) : `${keeps(plan)} · ${takes}`;
}

export function keeps(plan: Pick<Plan, 'stages'>): string {
  const kept = plan.stages.flatMap((entry) =>
    entry.action === 'keep' ? [versionName(entry.stage, entry.version).toLowerCase()] : [],
  );
  return kept.length === 0 ? 'starts from the upload' : `keeps ${listed(kept)}`;
}

/** By what the same stages took this job before; null where they never ran. */
export function estimate(plan: OfferedPlan): string | null {
  const redone = redoneStages(plan);
  const known = redone.flatMap((stage) => plan.estimate_seconds[stage] ?? []);
  if (known.length === 0) return null;
  const sum = duration(known.reduce((total, seconds) => total + seconds, 0));
  return known.length === redone.length ? `about ${sum}` : `at least ${sum}`;
}

/** What a row of the plan says, to be shown and to be compared. */
export const stageText = (entry: StagePlan): string =>
  entry.action === 'keep'
    ? `kept, ${versionName(entry.stage, entry.version)}`
    : `redone${entry.engine === null ? '' : ` by ${entry.engine}`}, ${REASONS[entry.reason]}`;

/** By stage: what it was before, where that is not what it is now. */
export function changes(
  before: Pick<Plan, 'stages'> | null,
  after: Pick<Plan, 'stages'>,
): ReadonlyMap<Stage, string> {
  const was = new Map(before?.stages.map((entry) => [entry.stage, stageText(entry)]));
  return new Map(
    after.stages.flatMap((entry) => {
      const text = was.get(entry.stage);
      return text === undefined || text === stageText(entry) ? [] : [[entry.stage, text]];
    }),
  );
}

/** "kept audio v1; made transcript v2" of an attempt that was planned so. */
export function attemptInShort({ dispatch, versions }: Attempt): string {
  const kept = (dispatch.plan?.stages ?? []).flatMap((entry) =>
    entry.action === 'keep' ? [versionName(entry.stage, entry.version).toLowerCase()] : [],
  );
  const made = versions.map(({ stage, version }) => versionName(stage, version).toLowerCase());
  const parts = [
    ...(kept.length === 0 ? [] : [`kept ${listed(kept)}`]),
    ...(made.length === 0 ? [] : [`made ${listed(made)}`]),
    ...(dispatch.export === null ? [] : [`export ${dispatch.export.formats.join(', ')}`]),
  ];
  return parts.join('; ');
}

/** Of an action that an editor can ask for. */
export const profileOf = (body: NextAction['body']): string | null => {
  const profile = body?.model_profile;
  return typeof profile === 'string' ? profile : null;
};
