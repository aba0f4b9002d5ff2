// The dry run of many jobs: how many would be retried and what they keep, how many refused and why, and each of them.
import type { BulkData, DryRun, PlannedJob } from './bulk-data.ts';
import { keeps } from './plans.ts';
import { ofMany, plannedInWords } from './refusals.ts';
import { to } from './router.ts';
import { Icon, jobName } from './shown.tsx';
import { jobsInWords, listed, STAGES } from './words.ts';

interface Props {
  data: BulkData;
  run: DryRun;
  again: () => void;
  more: () => void;
}

export function BulkPlan({ data, run, again, more }: Props) {
  const refused = run.jobs.filter(({ plan }) => plan.verdict === 'refused');
  const allowed = run.jobs.filter(({ plan }) => plan.verdict === 'allowed');
  return (
    <section class="would" aria-labelledby="would">
      <div class="page-head">
        <h2 id="would">What would happen</h2>
        <span class="muted">
          looked at {run.jobs.length.toLocaleString('en')} of {jobsInWords(run.found)}
        </span>
        <button type="button" onClick={again}>
          Check again
        </button>
      </div>
      <ul class="sums">
        <Sum
          shape="done"
          words={`${jobsInWords(allowed.length)} would be retried`}
          parts={counted(allowed, kept)}
        />
        {refused.length > 0 && (
          <Sum
            shape="cancelled"
            words={`${jobsInWords(refused.length)} would be refused`}
            parts={counted(refused, ({ plan }) => ofMany(plan.refusal?.error_code ?? ''))}
          />
        )}
      </ul>
      {run.next !== null && (
        <p class="muted">What was not looked at is decided job by job, by the same rules.</p>
      )}
      <table class="list planned">
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col">What would become of it</th>
          </tr>
        </thead>
        <tbody>
          {[...refused, ...allowed].map(({ job_id, external_id, plan }) => (
            <tr key={job_id}>
              <th scope="row">
                <a class="row-link" href={to(`/jobs/${job_id}`)}>
                  {jobName({ id: job_id, external_id })}
                </a>
              </th>
              <td>{plan.refusal ? plannedInWords(plan.refusal) : keeps(plan)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {run.next !== null && (
        <div class="more">
          <button type="button" aria-disabled={data.isLoadingMore.value} onClick={more}>
            {data.isLoadingMore.value ? 'Looking…' : 'Look at more'}
          </button>
        </div>
      )}
    </section>
  );
}

const Sum = ({ shape, words, parts }: { shape: 'done' | 'cancelled'; words: string; parts: string[] }) => (
  <li>
    <Icon shape={shape} /> <b>{words}</b>
    {parts.length > 0 && <span class="muted"> {parts.join(' · ')}</span>}
  </li>
);

function kept({ plan }: PlannedJob): string {
  const stages = plan.stages
    .filter(({ action }) => action === 'keep')
    .map(({ stage }) => STAGES[stage].toLowerCase());
  return stages.length === 0 ? 'from the upload' : `keeping ${listed(stages)}`;
}

/** "74 keeping audio and transcript", the most first. */
function counted(jobs: readonly PlannedJob[], wordsOf: (job: PlannedJob) => string): string[] {
  const counts = new Map<string, number>();
  for (const job of jobs) counts.set(wordsOf(job), (counts.get(wordsOf(job)) ?? 0) + 1);
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([words, count]) => `${count.toLocaleString('en')} ${words}`);
}
