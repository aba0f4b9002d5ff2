// Which jobs of a project somebody looks for, as they say it in a query.
import * as z from 'zod';
import { FAILURE_CLASSES } from '../domain/failures.ts';
import type { JobFilter } from '../domain/job-filter.ts';
import { STATUSES } from '../domain/lifecycle.ts';
import { token } from './fields.ts';
import { externalId, tag } from './labels.ts';
import { moment } from './readings.ts';
import { jobStatus } from './statuses.ts';

const oneStatus = `\\s*(${STATUSES.join('|')})\\s*`;
const STATUSES_LISTED = new RegExp(`^${oneStatus}(,${oneStatus}){0,${STATUSES.length - 1}}$`);

/** As a report may write it. */
const time = z
  .string()
  .transform((given, ctx) => {
    const at = moment(given);
    if (at !== null) return at;
    ctx.addIssue('must be a time of RFC 3339, with its zone');
    return z.NEVER;
  })
  .optional();
const described = (description: string) => ({
  ...{ type: 'string' as const, format: 'date-time', description, example: '2026-11-24T09:30:00Z' },
});
/** As a report has it: any text, of any pipeline. */
const reported = z.string().min(1).max(128);

export const jobFilterQuery = z.strictObject({
  status: z
    .string()
    .regex(STATUSES_LISTED, 'must be statuses, separated by commas')
    .transform((named) => named.split(',').map((status) => status.trim()))
    .pipe(z.array(jobStatus))
    .optional()
    .meta({
      type: 'string',
      pattern: STATUSES_LISTED.source,
      description: 'Any of these, separated by commas.',
      example: 'FAILED,CANCELLED',
    }),
  failure_class: z
    .enum(FAILURE_CLASSES)
    .optional()
    .meta({ description: 'Of a job that is `FAILED`, as are `failure_code` and `failed_stage`.' }),
  failure_code: reported.optional(),
  failed_stage: reported.optional(),
  model_profile: token(64).optional().meta({ description: 'Under which it was worked on last.' }),
  tag: tag.optional().meta({ description: 'One of its tags.' }),
  external_id: externalId.optional().meta({ description: 'The one that was created with it.' }),
  updated_after: time.meta(described('Changed at this time or later.')),
  updated_before: time.meta(described('Changed before this time.')),
});

export const toJobFilter = (query: z.infer<typeof jobFilterQuery>): JobFilter => ({
  statuses: query.status ?? [],
  failureClass: query.failure_class ?? null,
  failureCode: query.failure_code ?? null,
  failedStage: query.failed_stage ?? null,
  modelProfile: query.model_profile ?? null,
  tag: query.tag ?? null,
  externalId: query.external_id ?? null,
  updatedAfter: query.updated_after ?? null,
  updatedBefore: query.updated_before ?? null,
});

/** In the words of a request, without those that ask for nothing. */
export const toFilterWords = (filter: JobFilter): Record<string, unknown> => {
  const toTime = (ms: number | null) => ms && new Date(ms).toISOString();
  const words = {
    status: filter.statuses.length === 0 ? null : [...filter.statuses],
    failure_class: filter.failureClass,
    failure_code: filter.failureCode,
    failed_stage: filter.failedStage,
    model_profile: filter.modelProfile,
    tag: filter.tag,
    external_id: filter.externalId,
    updated_after: toTime(filter.updatedAfter),
    updated_before: toTime(filter.updatedBefore),
  };
  return Object.fromEntries(Object.entries(words).filter(([, value]) => value !== null));
};
