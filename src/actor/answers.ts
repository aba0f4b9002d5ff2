// What the objects answer to calls: plain data, since an error's class does not survive a call between objects.
import type { ShownAction } from '../contract/next-actions.ts';
import type { Dispatch } from '../domain/dispatch.ts';
import type { ArtifactVersion, Job } from '../domain/job.ts';
import type { StageName } from '../domain/lifecycle.ts';
import type { ListedOperation, Operation } from '../domain/operation.ts';
import type { Counts } from '../domain/operation-counts.ts';
import type { Plan } from '../domain/plan.ts';
import type { Project } from '../domain/project.ts';
import type { Rejection } from '../domain/rejection.ts';

export type Refused = { ok: false; rejection: Rejection };
export type JobAnswer = { ok: true; job: Job; open: Dispatch | null; replayed: boolean } | Refused;
export type EditAnswer = (Extract<JobAnswer, { ok: true }> & { version: ArtifactVersion }) | Refused;
/** Whether an edit could be made; under an id that one was made with already, it is a repeat, or another edit. */
export type EditLook = { ok: true; isRepeat: boolean } | Refused;
/** `isGone`: nothing is left of it; else it is marked, and the rest follows. */
export type ErasureAnswer = { ok: true; isGone: boolean } | Refused;
/** As of when a job is created that its project has admitted. */
export type Admission = { ok: true; at: number } | Refused;
export type ProjectAnswer = { ok: true; project: Project; replayed: boolean } | Refused;
/** No more of the job crosses than the caller is told: each copy costs. */
export type DispatchAnswer =
  | {
      ok: true;
      job: Pick<Job, 'id' | 'status'>;
      dispatch: Dispatch;
      replayed: boolean;
      nextActions: ShownAction[];
    }
  /** With the dispatch that was made and came to nothing while its outcome was waited for. */
  | (Refused & { dispatch?: Dispatch });
export type CallbackAnswer =
  | { ok: true; job: Pick<Job, 'id' | 'status' | 'latestCallback'>; replayed: boolean }
  | Refused;
/** The job as it is shown (`job` in contract/resources.ts), as JSON, and its validator. */
export type ShownAnswer = { ok: true; body: string; etag: string } | Refused;
/** What there is to be told, as JSON: records of contract/events.ts. */
export type EventsAnswer = { ok: true; body: string } | Refused;
/** `Of` is what of the job its items are shown with. */
export type PageAnswer<T, Of = object> = ({ ok: true; items: T[] } & Of) | Refused;

export type PlanAnswer =
  | {
      ok: true;
      plan: Plan;
      /** The same under every profile that is enabled. */
      profiles: { id: string; title: string; plan: Plan }[];
      /** How long each stage took the last time, in milliseconds. */
      durations: Partial<Record<StageName, number>>;
    }
  | Refused;

/** The plan under one profile alone. */
export type OnePlanAnswer = { ok: true; plan: Plan } | Refused;
export type OperationAnswer = { ok: true; operation: Operation; counts: Counts } | Refused;
/** Of an operation that was begun now or before. */
export type BegunAnswer = { ok: true; listed: ListedOperation; replayed: boolean } | Refused;

export const NOT_FOUND: Refused = { ok: false, rejection: { code: 'RESOURCE_NOT_FOUND' } };
