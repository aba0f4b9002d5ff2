// What editors are shown of a project: itself, the list of its jobs, and how many of them stand where.
import * as z from 'zod';
import { DISPATCH_KINDS } from '../domain/dispatch.ts';
import { FAILURE_CLASSES } from '../domain/failures.ts';
import type { JobCounts } from '../domain/job-counts.ts';
import { STATUSES } from '../domain/lifecycle.ts';
import type { JobSummary, Project } from '../domain/project.ts';
import { orNull, page, timestamp, toTimestamp } from './fields.ts';
import { labels, toLabelFields } from './labels.ts';
import { failure } from './resources.ts';
import { jobStatus } from './statuses.ts';

export const project = z
  .object({ id: z.string(), name: z.string(), created_at: timestamp })
  .meta({ id: 'Project' });
export const projectPage = page(project).meta({ id: 'ProjectPage' });

export const jobSummary = z
  .object({
    id: z.string(),
    project_id: z.string(),
    ...labels,
    status: jobStatus,
    failure: orNull(failure.pick({ failure_code: true, failure_class: true, failed_stage: true })).meta({
      description: 'Of a job that is `FAILED`.',
    }),
    model_profile: z.string().nullable().meta({ description: 'Under which it was worked on last.' }),
    open_dispatch: orNull(z.object({ kind: z.enum(DISPATCH_KINDS) })).meta({
      description:
        'What its pipeline is asked for: a retry that was accepted leaves the job `FAILED` until the pipeline reports.',
    }),
    created_at: timestamp,
    updated_at: timestamp.meta({ description: 'As of the last change that a list shows.' }),
  })
  .meta({
    id: 'JobSummary',
    description: 'A job as a list shows it; follows the job itself within moments.',
  });
export const jobSummaryPage = page(jobSummary).meta({ id: 'JobSummaryPage' });

const ofEach = <Word extends string>(words: readonly Word[]) =>
  z.object(Object.fromEntries(words.map((word) => [word, z.int()])) as Record<Word, z.ZodInt>);
export const jobCounts = z
  .object({
    jobs: z.int(),
    by_status: ofEach(STATUSES),
    by_failure_class: ofEach(FAILURE_CLASSES).meta({ description: 'Of the jobs that are `FAILED`.' }),
  })
  .meta({ id: 'JobCounts', description: 'How many jobs a project lists; follows them within moments.' });

export const toSummaryResource = (record: JobSummary): z.infer<typeof jobSummary> => ({
  id: record.id,
  project_id: record.projectId,
  ...toLabelFields(record),
  status: record.status,
  failure: record.failure && {
    failure_code: record.failure.failureCode,
    failure_class: record.failure.failureClass,
    failed_stage: record.failure.failedStage,
  },
  model_profile: record.latestProfile,
  open_dispatch: record.openKind && { kind: record.openKind },
  created_at: toTimestamp(record.createdAt),
  updated_at: toTimestamp(record.updatedAt),
});

export const toCountsResource = ({ statuses, failureClasses }: JobCounts): z.infer<typeof jobCounts> => ({
  jobs: Object.values(statuses).reduce((sum, jobs) => sum + jobs, 0),
  by_status: statuses,
  by_failure_class: failureClasses,
});

export const toProjectResource = (
  record: Pick<Project, 'id' | 'name' | 'createdAt'>,
): z.infer<typeof project> => ({
  id: record.id,
  name: record.name,
  created_at: toTimestamp(record.createdAt),
});
