// What travels through the queue: ids alone. The job is the source of truth.
import * as z from 'zod';
import type { DispatchKind, StagePlan, Task } from '../domain/dispatch.ts';
import type { OwnerIdentity } from '../domain/job.ts';
import type { Labels } from '../domain/labels.ts';
import type { Engines, ResumeStatus } from '../domain/lifecycle.ts';

export type { OwnerIdentity };

export const dispatchMessage = z.object({
  job_id: z.string().min(1).max(64),
  dispatch_id: z.string().min(1).max(64),
  kind: z.enum(['dispatch', 'cancel']),
  /** Whose job it is: one owner's messages leave room for another's. */
  owner: z.string().min(1).max(64),
});
export type DispatchMessage = z.infer<typeof dispatchMessage>;

/** What the consumer needs to deliver one message; plain data, since it crosses an RPC. */
export interface Delivery extends Labels {
  type: `job.${DispatchKind}` | 'job.cancel';
  task: Task;
  dispatchId: string;
  operationId: string | null;
  jobId: string;
  projectId: string;
  owner: OwnerIdentity | null;
  videoUri: string;
  modelProfile: string;
  resumeFromStatus: ResumeStatus | null;
  checkpointRef: string | null;
  engines: Engines;
  /** What it does about each stage. */
  stages: readonly StagePlan[];
  executionId: string | null;
  traceparent: string;
  correlationId: string;
  /** Whether an earlier attempt got no answer, so that the orchestrator may have it already. */
  mayBeTaken: boolean;
  /** How long this attempt may take. */
  timeoutMs: number;
  /** Under which the outcome is to be reported. */
  claim: string;
}

/** The Job's answer to "is this message still wanted?". */
export type Claim =
  /** To be delivered by whoever claimed it, and for `heldMs` by nobody else. */
  | { verdict: 'deliver'; delivery: Delivery; heldMs: number }
  | { verdict: 'later'; delayMs: number }
  | { verdict: 'drop' };

/** What became of a message after its outcome was reported: with a pause, the Job has put it on the queue again. */
export type AfterDelivery = { verdict: 'done' } | { verdict: 'retry'; delayMs: number };
