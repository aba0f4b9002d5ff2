// The live events as the contract has them: the records, how a stream of them is spoken, and how a viewer is handed to the
// object that it looks at.
import * as z from 'zod';
import type { Job } from '../domain/job.ts';
import type { JobCounts } from '../domain/job-counts.ts';
import type { ListedOperation, Operation } from '../domain/operation.ts';
import type { Counts } from '../domain/operation-counts.ts';
import type { JobSummary } from '../domain/project.ts';
import { operation, operationSummary, toOperationResource, toOperationSummary } from './operations.ts';
import { jobCounts, jobSummary, toCountsResource, toSummaryResource } from './projects.ts';
import { job, toTransitionResource, transition } from './resources.ts';

/** The subprotocol of the WebSocket: each message is an array of records. */
export const SUBPROTOCOL = 'retake.events.v1';
/** What a viewer says so that it is known to be there, and what it is answered; neither wakes the object. */
export const PING = 'ping';
export const PONG = 'pong';
/** How often a viewer pings. */
export const PING_EVERY_MS = 25_000;

/** Why the service closes a socket (RFC 6455 §7.4.2), with the words that it says. */
export const CLOSED = {
  notUnderstood: { code: 1003, reason: 'nothing but ping is taken here' },
  accessEnded: { code: 4401, reason: 'the token has ended, or the session is to be judged again' },
  silent: { code: 4408, reason: 'nothing was heard or taken for too long' },
  erased: { code: 4410, reason: 'what was looked at has been erased' },
  tooMany: { code: 4429, reason: 'too many viewers' },
} as const;
export type Closed = (typeof CLOSED)[keyof typeof CLOSED];

const jobRecord = z
  .object({ type: z.literal('job'), etag: z.string(), job })
  .meta({ id: 'JobRecord', description: 'The job as it is now, with the `ETag` of `GET /jobs/{jobId}`.' });
const transitionRecord = z
  .object({ type: z.literal('transition'), transition })
  .meta({ id: 'TransitionRecord', description: 'An entry of the audit trail. None is left out.' });
const summaryRecord = z
  .object({ type: z.literal('summary'), summary: jobSummary })
  .meta({ id: 'SummaryRecord', description: 'A row of the list of jobs, as it is now.' });
const countsRecord = z
  .object({ type: z.literal('counts'), counts: jobCounts })
  .meta({ id: 'CountsRecord', description: 'How many jobs the project lists, as its counts say.' });
const erasedRecord = z
  .object({ type: z.literal('erased'), job_id: z.string() })
  .meta({ id: 'ErasedRecord', description: 'A job that is no longer in the project: it was erased.' });
const operationSummaryRecord = z.object({ type: z.literal('operation'), operation: operationSummary }).meta({
  id: 'OperationSummaryRecord',
  description: 'An operation over jobs of the project, as the list shows it.',
});
const operationRecord = z
  .object({ type: z.literal('operation'), operation })
  .meta({ id: 'OperationRecord', description: 'The operation as it is now.' });

/** What there is, and how to go on. */
export const jobEvents = z
  .object({
    records: z.array(z.union([jobRecord, transitionRecord])),
    after: z.int().meta({ description: 'As `after` it asks for what comes next.' }),
  })
  .meta({ id: 'JobEvents' });
export const projectEvents = z
  .object({ records: z.array(z.union([summaryRecord, erasedRecord, countsRecord, operationSummaryRecord])) })
  .meta({ id: 'ProjectEvents' });
export const operationEvents = z
  .object({ records: z.array(operationRecord) })
  .meta({ id: 'OperationEvents' });

/** A record as it is sent: JSON, made once for all who are sent it. `shown` is the job's JSON already. */
export const toJobRecord = (shown: string, etag: string): string =>
  `{"type":"job","etag":${JSON.stringify(etag)},"job":${shown}}`;

export const toTransitionRecord = (
  entry: Parameters<typeof toTransitionResource>[0],
  of: Pick<Job, 'id' | 'projectId'>,
): string =>
  JSON.stringify({ type: 'transition', transition: toTransitionResource(entry, of) } satisfies z.infer<
    typeof transitionRecord
  >);

export const toSummaryRecord = (summary: JobSummary): string =>
  JSON.stringify({ type: 'summary', summary: toSummaryResource(summary) } satisfies z.infer<
    typeof summaryRecord
  >);

export const toCountsRecord = (counts: JobCounts): string =>
  JSON.stringify({ type: 'counts', counts: toCountsResource(counts) } satisfies z.infer<typeof countsRecord>);

export const toErasedRecord = (jobId: string): string =>
  JSON.stringify({ type: 'erased', job_id: jobId } satisfies z.infer<typeof erasedRecord>);

export const toOperationSummaryRecord = (listed: ListedOperation): string =>
  JSON.stringify({ type: 'operation', operation: toOperationSummary(listed) } satisfies z.infer<
    typeof operationSummaryRecord
  >);

export const toOperationRecord = (of: Operation, counts: Counts): string =>
  JSON.stringify({ type: 'operation', operation: toOperationResource(of, counts) } satisfies z.infer<
    typeof operationRecord
  >);

/** Records as they travel together: a message of the WebSocket. */
export const toMessage = (records: readonly string[]): string => `[${records.join(',')}]`;

/** What an object is asked by who wants to look at what it holds. */
export interface ViewerAsk {
  owner: string;
  /** When the viewer's token or session ends. */
  endsAt: number;
  /** The last `seq` that the viewer knows; null for one that asks for nothing of before. */
  after: number | null;
}

const VIEWER = 'retake-viewer';

/** A socket crosses from an object to its caller in the answer to a request alone. */
export const toViewerRequest = (ask: ViewerAsk): Request =>
  new Request('https://object/events', { headers: { upgrade: 'websocket', [VIEWER]: JSON.stringify(ask) } });

export const viewerAskOf = ({ headers }: Request): ViewerAsk => JSON.parse(headers.get(VIEWER) ?? '');
