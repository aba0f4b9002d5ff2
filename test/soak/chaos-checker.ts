// check(records): what has to hold of a chaos run, judged from outside. Pure: it believes what editors were
// answered, the final state of each job and the orchestrator's own log.
import { checkAnswers, whyWrong } from './chaos-answers.ts';
import { casesOf, type Found, type JobCase, type Violation, type Windows } from './chaos-case.ts';
import { isFenced, isNotDoubled, isNotLost, isWithdrawn } from './chaos-dispatch-rules.ts';
import type { ChaosRecords } from './chaos-records.ts';
import { checkTrail } from './chaos-trail.ts';

const RESTING = ['CREATED', 'UPLOADING', 'UPLOADED', 'DRAFT_READY', 'EDITING', 'DONE', 'FAILED', 'CANCELLED'];

export function check(records: ChaosRecords, windows: Windows): Violation[] {
  const violations: Violation[] = records.leaks.map((what) => ({ kind: 'secret', jobId: null, what }));
  for (const jobCase of casesOf(records)) {
    for (const rule of [isAtRest, isNotLost, isNotDoubled, isWithdrawn, isFenced, checkTrail, checkAnswers]) {
      for (const found of rule(jobCase, windows)) violations.push({ ...found, jobId: jobCase.job.id });
    }
  }
  return [...violations, ...checkJobsAtLarge(records)];
}

function* isAtRest({ job }: JobCase): Generator<Found> {
  if (!RESTING.includes(job.status)) yield { kind: 'stuck', what: `is still ${job.status}` };
  if (job.openDispatchId) yield { kind: 'stuck', what: `${job.openDispatchId} is still open` };
  if (job.listedStatus === null) yield { kind: 'list', what: 'is not in the list of its project' };
  else if (job.listedStatus !== job.status) {
    yield { kind: 'list', what: `is listed as ${job.listedStatus}, and is ${job.status}` };
  }
}

/** What no single job shows: jobs that nobody asked for, and requests that belong to none. */
function checkJobsAtLarge({ calls, jobs }: ChaosRecords): Violation[] {
  const made = calls.filter(({ operation, status }) => operation === 'create' && status === 201);
  const known = new Set(jobs.map(({ id }) => id));
  const lost = made.filter(({ jobId }) => !known.has(jobId ?? ''));
  const unanswered = calls.filter(({ operation, status }) => operation === 'create' && status !== 201).length;
  const unasked = jobs.length - made.length + lost.length - unanswered;
  const wrong = calls.filter((call) => call.jobId === null && whyWrong(call, []));
  return [
    ...wrong.map(
      ({ operation, status, errorCode, ending }): Violation => ({
        kind: 'answer',
        jobId: null,
        what: `${operation} → ${ending} ${status} ${errorCode ?? ''}`.trim(),
      }),
    ),
    ...lost.map(({ jobId }): Violation => ({ kind: 'lost', jobId, what: 'was created and is nowhere' })),
    ...(unasked > 0
      ? [{ kind: 'doubled' as const, jobId: null, what: `${unasked} jobs that nobody asked for` }]
      : []),
  ];
}
