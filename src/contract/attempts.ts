// What became of each dispatch, as editors are shown it.
import * as z from 'zod';
import type { Attempt } from '../domain/attempts.ts';
import { orNull, page, timestamp, toTimestamp } from './fields.ts';
import { dispatch, failure, toDispatchResource, toFailureResource } from './resources.ts';
import { stageName } from './statuses.ts';

const stageRun = z
  .object({
    stage: stageName,
    started_at: timestamp,
    ended_at: timestamp.nullable(),
    duration_seconds: z.number().nullable(),
    outcome: z
      .enum(['reached', 'failed', 'cancelled'])
      .nullable()
      .meta({ description: 'Null while it is at work.' }),
  })
  .meta({ id: 'StageRun' });

export const attempt = z
  .object({
    dispatch,
    stages: z.array(stageRun),
    versions: z
      .array(z.object({ stage: stageName, version: z.int() }))
      .meta({ description: 'What it made.' }),
    failure: orNull(failure),
    metrics: z
      .record(z.string(), z.union([z.number(), z.boolean(), z.string()]))
      .meta({ description: 'What it reported, the last of each name.' }),
  })
  .meta({ id: 'Attempt' });
export const attemptPage = page(attempt).meta({ id: 'AttemptPage' });

export const toAttemptResource = (record: Attempt): z.infer<typeof attempt> => ({
  dispatch: toDispatchResource(record.dispatch),
  stages: record.stages.map(({ stage, startedAt, endedAt, outcome }) => ({
    stage,
    started_at: toTimestamp(startedAt),
    ended_at: endedAt === null ? null : toTimestamp(endedAt),
    duration_seconds: endedAt === null ? null : (endedAt - startedAt) / 1000,
    outcome,
  })),
  versions: [...record.versions],
  failure: record.dispatch.failure && toFailureResource(record.dispatch.failure),
  metrics: { ...record.metrics },
});
