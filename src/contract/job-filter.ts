// Which jobs of a project somebody looks for, as they say it in a query.
import * as z from 'zod';
import { FAILURE_CLASSES } from '../domain/failures.ts';
import type { JobFilter } from '../domain/job-filter.ts';
import { STATUSES } from '../domain/lifecycle.ts';
import { token } from './fields.ts';
import { externalId, tag } from './labels.ts';
import { jobStatus } from './statuses.ts';

const oneStatus = `\\s*(${STATUSES.join('|')})\\s*`;
const STATUSES_LISTED = new RegExp(`^${oneStatus}(,${oneStatus}){0,${STATUSES.length - 1}}$`);

const moment = z.iso.datetime({ offset: true }).meta({ example: '2026-11-24T09:30:00Z' });
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
  updated_after: moment.optional().meta({ description: 'Changed at this time or later.' }),
  updated_before: moment.optional().meta({ description: 'Changed before this time.' }),
});

export const toJobFilter = (query: z.infer<typeof jobFilterQuery>): JobFilter => ({
  statuses: query.status ?? [],
  failureClass: query.failure_class ?? null,
  failureCode: query.failure_code ?? null,
  failedStage: query.failed_stage ?? null,
  modelProfile: query.model_profile ?? null,
  tag: query.tag ?? null,
  externalId: query.external_id ?? null,
  updatedAfter: toMs(query.updated_after),
  updatedBefore: toMs(query.updated_before),
});

const toMs = (time: string | undefined): number | null => (time === undefined ? null : Date.parse(time));
