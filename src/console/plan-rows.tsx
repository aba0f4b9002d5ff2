// A plan, row by row: of each stage whether it is kept or made again, by whom it was or will be made, and why.
import type { OfferedPlan, Plan, StagePlan, Version } from './api.ts';
import { duration } from './clock.ts';
import { changes } from './plans.ts';
import { Who } from './shown.tsx';
import { REASONS, STAGES, versionName } from './words.ts';

interface PlanRowsProps {
  plan: OfferedPlan;
  /** What it has taken the place of. */
  before: Plan | null;
  versions: readonly Version[];
}

export function PlanRows({ plan, before, versions }: PlanRowsProps) {
  const changed = changes(before, plan);
  return (
    <table class="plan">
      <caption class="unseen">What is kept and what is made again</caption>
      <thead class="unseen">
        <tr>
          <th scope="col">What happens</th>
          <th scope="col">Stage</th>
          <th scope="col">Why</th>
          <th scope="col">How long</th>
        </tr>
      </thead>
      <tbody>
        {plan.stages.map((entry) => {
          const was = changed.get(entry.stage);
          const seconds = entry.action === 'redo' ? plan.estimate_seconds[entry.stage] : undefined;
          return (
            <tr key={entry.stage} class={`is-${entry.action} ${was === undefined ? '' : 'is-changed'}`}>
              <td class="verb">
                {entry.action === 'keep' ? <Kept /> : <Redone />}{' '}
                {entry.action === 'keep' ? 'Kept' : entry.reason === 'never_made' ? 'Made' : 'Redone'}
              </td>
              <th scope="row">
                {entry.action === 'keep' ? versionName(entry.stage, entry.version) : STAGES[entry.stage]}
              </th>
              <td>
                <Why entry={entry} plan={plan} versions={versions} />
                {was !== undefined && <p class="was">before: {was}</p>}
              </td>
              <td class="seconds">{seconds !== undefined && `about ${duration(seconds)}`}</td>
            </tr>
          );
        })}
        {plan.export && (
          <tr class="is-redo">
            <td class="verb">
              <Redone /> Redone
            </td>
            <th scope="row">Export</th>
            <td>{plan.export.formats.join(', ')}</td>
            <td />
          </tr>
        )}
      </tbody>
    </table>
  );
}

const Kept = () => (
  <svg class="line" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
    <path d="m3 8.5 3.2 3.2L13 5" />
  </svg>
);
const Redone = () => (
  <svg class="line" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
    <path d="M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3" />
  </svg>
);

const PROOFS = {
  not_in_store: 'taken as recorded; it lies in a store that is not asked',
  store_unavailable: 'taken as recorded; the store did not answer',
  not_checked: 'taken as recorded; the store was not asked',
} as const;

/** Only what the pipeline resumes from was looked for in the store. */
function Why({
  entry,
  plan,
  versions,
}: {
  entry: StagePlan;
  plan: OfferedPlan;
  versions: readonly Version[];
}) {
  if (entry.action === 'redo') {
    const passed = plan.passed_over.filter(({ stage }) => stage === entry.stage);
    const newest = passed.reduce((most, { version }) => Math.max(most, version), 0);
    const subject =
      newest > 0 && entry.reason !== 'asked' && entry.reason !== 'never_made' ? `v${newest}: ` : '';
    return (
      <>
        {entry.engine && <>{entry.engine}, </>}
        <span class="muted">
          {subject}
          {REASONS[entry.reason]}
        </span>
      </>
    );
  }
  const version = versions.find((each) => each.stage === entry.stage && each.version === entry.version);
  const proof = entry.reason === 'resume_point' ? plan.resume?.proof : null;
  const isSaid = version?.made_by.kind === 'editor' || (version?.made_by.engine ?? null) !== null;
  return (
    <>
      {version?.made_by.kind === 'editor' && (
        <>
          corrected by <Who of={version.made_by} />
        </>
      )}
      {version?.made_by.kind === 'pipeline' && version.made_by.engine}
      {proof && (
        <span class="muted">
          {isSaid ? ', ' : ''}
          {proof.state === 'verified' ? 'verified' : PROOFS[proof.reason ?? 'not_checked']}
        </span>
      )}
    </>
  );
}

/** Versions that are there and are not used, each with its cause. */
export function Passed({ plan, versions }: { plan: OfferedPlan; versions: readonly Version[] }) {
  if (plan.passed_over.length === 0) return null;
  return (
    <details class="passed">
      <summary>
        Not used: {plan.passed_over.length} {plan.passed_over.length === 1 ? 'version' : 'versions'}
      </summary>
      <ul>
        {plan.passed_over.map(({ stage, version, reason }) => {
          const made = versions.find((each) => each.stage === stage && each.version === version)?.made_by;
          const engine = made?.kind === 'pipeline' && made.engine ? ` (${made.engine})` : '';
          return (
            <li key={`${stage}${version}`}>
              {versionName(stage, version)}
              {engine}: {REASONS[reason]}
            </li>
          );
        })}
      </ul>
    </details>
  );
}
