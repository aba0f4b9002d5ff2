// Bulk operations: how they and their jobs are shown.
import * as z from 'zod';
import {
  type Item,
  type ListedItem,
  type ListedOperation,
  OPERATION_STATES,
  type Operation,
  type OperationOrigin,
  SHOWN_STATES,
  shownState,
} from '../domain/operation.ts';
import type { Counts } from '../domain/operation-counts.ts';
import { actorName, orNull, page, timestamp, toTimestamp } from './fields.ts';
import { toFilterWords } from './job-filter.ts';
import { editableStage } from './statuses.ts';

export const shownItemState = z.enum(SHOWN_STATES);

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
    accepted: z.int().meta({ description: 'For which a dispatch was made, but for those that wait again.' }),
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
    external_id: z.string().nullable().meta({ description: 'What its editor calls it.' }),
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
  item: ListedItem,
  record: Pick<Operation, 'state'>,
): z.infer<typeof operationItem> => ({
  job_id: item.state === 'erased' ? null : item.jobId,
  // An operation of a version before does not know it.
  external_id: item.externalId ?? null,
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
