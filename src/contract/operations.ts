// Bulk operations: how they are asked for, and how they, their jobs and a dry run are shown.
import * as z from 'zod';
import {
  DEFAULT_IN_FLIGHT,
  type Item,
  type JobChoice,
  type ListedOperation,
  MOST_IN_FLIGHT,
  OPERATION_STATES,
  type Operation,
  type OperationOrigin,
  OUTCOMES,
  SHOWN_STATES,
  shownState,
} from '../domain/operation.ts';
import type { Counts } from '../domain/operation-counts.ts';
import type { Plan } from '../domain/plan.ts';
import {
  actorName,
  cursorOf,
  orNull,
  page,
  positionCursor,
  timestamp,
  token,
  toTimestamp,
} from './fields.ts';
import { jobFilterQuery, toFilterWords, toJobFilter } from './job-filter.ts';
import { plan, type ShowRefusal, toPlanResource } from './plans.ts';
import { clientRequestId, discardEdits } from './requests.ts';
import { editableStage, jobStatus } from './statuses.ts';

const MOST_JOB_IDS = 1_000;
const MOST_PLANS = 200;
const DEFAULT_PLANS = 50;

const outcome = z.enum(OUTCOMES);
export const shownItemState = z.enum(SHOWN_STATES);

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
    outcome: outcome.optional(),
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

const asked = z
  .object({
    model_profile: z.string(),
    filter: z.record(z.string(), z.unknown()).meta({ description: 'Without the ids that it named.' }),
    max_in_flight: z.int(),
    discard_edits: z.array(editableStage),
  })
  .meta({ id: 'OperationRequest' });

const operationCounts = z
  .object({
    total: z.int(),
    waiting: z.int(),
    in_flight: z.int().meta({ description: 'With an open dispatch.' }),
    accepted: z.int().meta({ description: 'For which a dispatch was made, whatever became of it.' }),
    delivered: z.int().meta({ description: 'Whose dispatch the orchestrator is known to have taken.' }),
    succeeded: z.int(),
    failed: z.int().meta({ description: 'Which failed again.' }),
    cancelled: z.int().meta({ description: 'Which somebody cancelled, or whose pipeline they gave up.' }),
    refused: z.int().meta({ description: 'As a retry of each alone would have been.' }),
    withdrawn: z.int().meta({ description: 'Which the orchestrator would not take.' }),
    skipped: z.int().meta({ description: 'Which had not begun when it was cancelled.' }),
    erased: z.int(),
    refused_by: z.record(z.string(), z.int()).meta({ description: 'Error code → how many.' }),
  })
  .meta({ id: 'OperationCounts' });

const listedOperation = z.object({
  id: z.string(),
  project_id: z.string(),
  state: z.enum(OPERATION_STATES),
  request: asked,
  actor_id: z.string().meta({ description: 'Who asked for it: the `sub` of their token.' }),
  actor_name: actorName,
  correlation_id: z.string(),
  created_at: timestamp,
  started_at: timestamp.nullable(),
  ended_at: timestamp.nullable(),
  resume_at: timestamp
    .nullable()
    .meta({ description: 'When one that waits for the orchestrator goes on by itself.' }),
});
export const operation = listedOperation
  .extend({
    counts: operationCounts,
    progress_pct: z.number().meta({ description: 'How many of its jobs have ended.' }),
  })
  .meta({ id: 'Operation' });
export const operationSummary = listedOperation
  .extend({
    total: z.int(),
    counts: orNull(operationCounts).meta({ description: 'Of one that is over.' }),
  })
  .meta({ id: 'OperationSummary' });
export const operationPage = page(operationSummary).meta({ id: 'OperationPage' });

const operationItem = z
  .object({
    job_id: z.string().nullable().meta({ description: 'Null for one that was erased.' }),
    outcome: shownItemState,
    reason: z
      .string()
      .nullable()
      .meta({ description: 'The code of the failure or refusal; null where there is none.' }),
    dispatch_id: z.string().nullable(),
    delivered: z.boolean(),
    changed_at: timestamp,
  })
  .meta({ id: 'OperationItem' });
export const operationItemPage = page(operationItem).meta({ id: 'OperationItemPage' });

export const dryRun = page(z.object({ job_id: z.string(), plan }).meta({ id: 'PlannedJob' }))
  .extend({
    found: z.int().meta({ description: 'How many jobs match in all, to be named as `expected`.' }),
    totals: z
      .object({ allowed: z.int(), refused: z.int(), refused_by: z.record(z.string(), z.int()) })
      .meta({ description: 'Of this page.' }),
  })
  .meta({ id: 'BulkDryRun' });

const toAsked = (origin: OperationOrigin): z.infer<typeof asked> => {
  const { modelProfile, choice, maxInFlight, discardEdits: stages } = origin;
  const { filter, endedIn } = choice;
  return {
    model_profile: modelProfile,
    filter: {
      ...toFilterWords(filter),
      ...(endedIn ? { operation: endedIn.operationId, outcome: endedIn.outcome } : {}),
    },
    max_in_flight: maxInFlight,
    discard_edits: editableStage.options.filter((stage) => stages.includes(stage)),
  };
};

const toCounts = ({ state }: Pick<Operation, 'state'>, counts: Counts): z.infer<typeof operationCounts> => {
  const { total, accepted, delivered, byState, refusedBy } = counts;
  const shown = Object.fromEntries(SHOWN_STATES.map((name) => [name, 0])) as Record<
    (typeof SHOWN_STATES)[number],
    number
  >;
  for (const name of Object.keys(byState) as (keyof typeof byState)[]) {
    shown[shownState({ state }, name)] += byState[name] ?? 0;
  }
  return { total, accepted, delivered, ...shown, refused_by: { ...refusedBy } };
};

const orTimestamp = (ms: number | null): string | null => (ms === null ? null : toTimestamp(ms));

const toOrigin = (origin: OperationOrigin) => ({
  id: origin.id,
  project_id: origin.projectId,
  request: toAsked(origin),
  actor_id: origin.actorId,
  actor_name: origin.actorName,
  correlation_id: origin.correlationId,
  created_at: toTimestamp(origin.createdAt),
});

export function toOperationResource(record: Operation, counted: Counts): z.infer<typeof operation> {
  const counts = toCounts(record, counted);
  const ended = counts.total - counts.waiting - counts.in_flight;
  return {
    ...toOrigin(record),
    state: record.state,
    started_at: toTimestamp(record.startedAt),
    ended_at: orTimestamp(record.endedAt),
    resume_at: orTimestamp(record.resumeAt),
    counts,
    progress_pct: counts.total === 0 ? 100 : (ended / counts.total) * 100,
  };
}

export function toOperationSummary(record: ListedOperation): z.infer<typeof operationSummary> {
  const { total, shown } = record;
  const state = shown?.state ?? 'running';
  return {
    ...toOrigin(record),
    state,
    started_at: orTimestamp(shown?.startedAt ?? null),
    ended_at: orTimestamp(shown?.endedAt ?? null),
    resume_at: orTimestamp(shown?.resumeAt ?? null),
    total,
    counts: shown?.counts ? toCounts({ state }, shown.counts) : null,
  };
}

export const toItemResource = (
  item: Item,
  record: Pick<Operation, 'state'>,
): z.infer<typeof operationItem> => ({
  job_id: item.state === 'erased' ? null : item.jobId,
  outcome: shownState(record, item.state),
  reason: item.code,
  dispatch_id: item.dispatchId,
  delivered: item.isDelivered,
  changed_at: toTimestamp(item.changedAt),
});

/** Where an item stands among those of its operation. */
export const itemCursor = {
  encode: ({ jobId }: Pick<Item, 'jobId'>): string => btoa(`item:${jobId}`),
  decode: (cursor: string): string | null => {
    try {
      return /^item:([\w:-]{1,64})$/.exec(atob(cursor))?.[1] ?? null;
    } catch {
      return null;
    }
  },
};

/** The plans of a page, and how many of them are refused, and why. */
export function toPlannedJobs(planned: readonly { id: string; plan: Plan }[], showRefusal: ShowRefusal) {
  const refusedBy = new Map<string, number>();
  for (const { plan: of } of planned) {
    if (of.refusal) refusedBy.set(of.refusal.code, (refusedBy.get(of.refusal.code) ?? 0) + 1);
  }
  const refused = planned.filter(({ plan: of }) => of.refusal !== null).length;
  return {
    items: planned.map(({ id, plan: of }) => ({ job_id: id, plan: toPlanResource(of, showRefusal) })),
    totals: { allowed: planned.length - refused, refused, refused_by: Object.fromEntries(refusedBy) },
  };
}
