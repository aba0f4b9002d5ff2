// How a bulk operation is asked for, and what a dry run of it answers.
import * as z from 'zod';
import { DEFAULT_IN_FLIGHT, type JobChoice, MOST_IN_FLIGHT, OUTCOMES } from '../domain/operation.ts';
import type { Plan } from '../domain/plan.ts';
import { cursorOf, page, positionCursor, token } from './fields.ts';
import { jobFilterQuery, toJobFilter } from './job-filter.ts';
import { plan, type ShowRefusal, toPlanResource } from './plans.ts';
import { clientRequestId, discardEdits } from './requests.ts';
import { jobStatus } from './statuses.ts';

const MOST_JOB_IDS = 1_000;
const MOST_PLANS = 200;
const DEFAULT_PLANS = 50;

/** The words of the list, and what no list is asked for by. */
const jobFilter = jobFilterQuery
  .extend({
    status: z.array(jobStatus).min(1).optional().meta({ description: 'Any of these.' }),
    job_ids: z
      .array(token(64))
      .min(1)
      .max(MOST_JOB_IDS)
      .optional()
      .meta({ description: 'What was selected. What is not there, or not in this project, is left out.' }),
    operation: token(64).optional().meta({
      description:
        'An earlier operation over jobs of this project: with `outcome`, those that ended so in it.',
    }),
    outcome: z.enum(OUTCOMES).optional(),
  })
  .refine((given) => Object.values(given).some((value) => value !== undefined), 'must name something')
  .refine(
    (given) => (given.operation === undefined) === (given.outcome === undefined),
    'must name operation and outcome together',
  )
  .meta({
    id: 'BulkFilter',
    description: 'All that is named has to hold. It has to name something.',
    minProperties: 1,
    dependentRequired: { operation: ['outcome'], outcome: ['operation'] },
    example: { status: ['FAILED'], failure_class: 'transient' },
  });

export const retryJobsRequest = z
  .strictObject({
    model_profile: token(64).meta({ example: 'balanced' }),
    client_request_id: clientRequestId.meta({
      description:
        'Chosen by the caller; a repeat with the same id and payload finds the operation that the first began. ' +
        'Required, unless it is a dry run or the header `Idempotency-Key` says it.',
    }),
    filter: jobFilter,
    dry_run: z.boolean().optional().meta({
      description: 'Only look: how many jobs match, and what would be done with each. Nothing is stored.',
    }),
    expected: z.int().min(0).nullish().meta({
      description: 'How many jobs a dry run has found: if there are not as many, nothing is done (412).',
    }),
    max_in_flight: z
      .int()
      .min(1)
      .max(MOST_IN_FLIGHT)
      .optional()
      .meta({
        description: `How many of the jobs may have an open dispatch at any time; ${DEFAULT_IN_FLIGHT} where it is not said.`,
      }),
    discard_edits: discardEdits.nullish().meta({
      description:
        'The stages whose corrections may be looked past. Without it nothing passes over what a person has corrected.',
    }),
    cursor: cursorOf(positionCursor.decode)
      .nullish()
      .meta({ type: ['string', 'null'], description: 'Of a dry run: `next_cursor` of the page before.' }),
    limit: z
      .int()
      .min(1)
      .max(MOST_PLANS)
      .optional()
      .meta({ description: `Of a dry run: how many plans; ${DEFAULT_PLANS} where it is not said.` }),
  })
  .meta({ id: 'RetryJobsRequest' });
export type RetryJobsRequest = z.infer<typeof retryJobsRequest>;

export const maxInFlightOf = ({ max_in_flight }: RetryJobsRequest): number =>
  max_in_flight ?? DEFAULT_IN_FLIGHT;
export const plansAskedFor = ({ limit }: RetryJobsRequest): number => limit ?? DEFAULT_PLANS;

export const toJobChoice = ({
  job_ids,
  operation,
  outcome,
  status,
  ...words
}: RetryJobsRequest['filter']): JobChoice => ({
  filter: toJobFilter({ ...words, status }),
  jobIds: job_ids ?? null,
  endedIn: operation === undefined || outcome === undefined ? null : { operationId: operation, outcome },
});

export const dryRun = page(
  z.object({ job_id: z.string(), external_id: z.string().nullable(), plan }).meta({ id: 'PlannedJob' }),
)
  .extend({
    found: z.int().meta({ description: 'How many jobs match in all, to be named as `expected`.' }),
    totals: z
      .object({ allowed: z.int(), refused: z.int(), refused_by: z.record(z.string(), z.int()) })
      .meta({ description: 'Of this page.' }),
  })
  .meta({ id: 'BulkDryRun' });

interface PlannedJob {
  id: string;
  externalId: string | null;
  plan: Plan;
}

/** The plans of a page, and how many of them are refused, and why. */
export function toPlannedJobs(planned: readonly PlannedJob[], showRefusal: ShowRefusal) {
  const refusedBy = new Map<string, number>();
  for (const { plan: of } of planned) {
    if (of.refusal) refusedBy.set(of.refusal.code, (refusedBy.get(of.refusal.code) ?? 0) + 1);
  }
  const refused = planned.filter(({ plan: of }) => of.refusal !== null).length;
  return {
    items: planned.map(({ id, externalId, plan: of }) => ({
      job_id: id,
      external_id: externalId,
      plan: toPlanResource(of, showRefusal),
    })),
    totals: { allowed: planned.length - refused, refused, refused_by: Object.fromEntries(refusedBy) },
  };
}
