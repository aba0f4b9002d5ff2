// The log that tests read: its records, and the lines that make it. Only schemas and types, shared
// by the server and the client; journal.ts writes and keeps it.

import { z } from 'zod';
import {
  artifactSchema,
  DISPATCH_TYPES,
  dispatchSchema,
  exportingSchema,
  keepSchema,
  WORK_TYPES,
} from './dispatch.ts';
import { callbackStatusSchema } from './plan.ts';

const at = z.iso.datetime({ precision: 3 });

/** The body of a callback, as sent. */
export const callbackBodySchema = z.object({
  event_id: z.uuid(),
  status: callbackStatusSchema,
  occurred_at: at,
  correlation_id: z.string(),
  artifact_updates: z
    .object({
      audio_uri: z.string().optional(),
      transcript_uri: z.string().optional(),
      draft_uri: z.string().optional(),
      exports: z.record(z.string(), z.string()).optional(),
      digest: z.string().optional(),
      size_bytes: z.number().optional(),
    })
    .optional(),
  progress_pct: z.number().optional(),
  failure_code: z.string().optional(),
  failure_message: z.string().optional(),
  failed_stage: z.string().optional(),
});

const requestAnswerSchema = z.union([z.int(), z.enum(['pending', 'dropped', 'hung'])]);

/** A request whose signature and shape were good. `answer` is `pending` until it is decided. */
export const requestRecordSchema = z.object({
  kind: z.literal('request'),
  request_id: z.string(),
  at,
  type: z.enum(DISPATCH_TYPES),
  dispatch_id: z.string(),
  job_id: z.string(),
  idempotency_key: z.string(),
  headers: z.record(z.string(), z.string()),
  body: dispatchSchema,
  answer: requestAnswerSchema,
});

const endStateSchema = z.enum(['finished', 'failed', 'died', 'stopped', 'cancelled', 'lost']);

/** A true execution: a dispatch that was acted upon, once. */
export const executionRecordSchema = z.object({
  kind: z.literal('execution'),
  execution_id: z.string(),
  at,
  type: z.enum(WORK_TYPES),
  dispatch_id: z.string(),
  job_id: z.string(),
  idempotency_key: z.string(),
  resume_from_status: z.string(),
  /** What it was told not to make again. */
  keep: keepSchema,
  /** What it began with: the last of those, or the video. */
  source: z.string(),
  /** Null where nothing is said of an export. */
  export: exportingSchema.nullable(),
  callback_url: z.string(),
  callback_token: z.string(),
  /**
   * `manual`: no pipeline. `finished`, `failed` and `died`: as planned. `stopped`: the callback's receiver
   * refused or could not be reached. `lost`: the orchestrator itself was stopped meanwhile.
   */
  state: z.enum(['running', 'manual', ...endStateSchema.options]),
  reason: z.string().nullable(),
});

/** An artifact that a pipeline made, and of what: what is in no such record was not made again. */
export const madeRecordSchema = z.object({
  kind: z.literal('made'),
  at,
  execution_id: z.string(),
  dispatch_id: z.string(),
  job_id: z.string(),
  stage: artifactSchema,
  from: z.string(),
  /** The model that the dispatch names for it. */
  engine: z.string().nullable(),
  ref: z.string(),
});

/** A draft that a pipeline exported. */
export const exportedRecordSchema = z.object({
  kind: z.literal('exported'),
  at,
  execution_id: z.string(),
  dispatch_id: z.string(),
  job_id: z.string(),
  from: z.string(),
  ...exportingSchema.shape,
  refs: z.record(z.string(), z.string()),
});

/** One attempt to send a callback, recorded when its answer is known. */
export const callbackRecordSchema = z.object({
  kind: z.literal('callback'),
  at,
  execution_id: z.string(),
  dispatch_id: z.string(),
  job_id: z.string(),
  event_id: z.string(),
  status: callbackStatusSchema,
  attempt: z.int(),
  body: callbackBodySchema,
  answer: z.union([z.int(), z.literal('unreachable')]),
  error_code: z.string().nullable(),
  answer_body: z.json(),
});

export const cancelRecordSchema = z.object({
  kind: z.literal('cancel'),
  at,
  dispatch_id: z.string(),
  job_id: z.string(),
  idempotency_key: z.string(),
  execution_id: z.string().nullable(),
  /** Whether a running pipeline was stopped by it. */
  stopped: z.boolean(),
});

/** A request that could not be taken for a dispatch at all (400, 401, 413); it belongs to no job. */
export const rejectionRecordSchema = z.object({
  kind: z.literal('rejection'),
  at,
  status: z.int(),
  reason: z.string(),
});

export const orchestratorLogSchema = z.object({
  requests: z.array(requestRecordSchema),
  executions: z.array(executionRecordSchema),
  made: z.array(madeRecordSchema),
  exported: z.array(exportedRecordSchema),
  callbacks: z.array(callbackRecordSchema),
  cancels: z.array(cancelRecordSchema),
  rejections: z.array(rejectionRecordSchema),
});

/** A line of the log file: a record, or a change to an earlier one. */
export const lineSchema = z.discriminatedUnion('kind', [
  requestRecordSchema,
  z.object({ kind: z.literal('answered'), request_id: z.string(), answer: requestAnswerSchema }),
  executionRecordSchema,
  z.object({
    kind: z.literal('ended'),
    execution_id: z.string(),
    state: endStateSchema,
    reason: z.string().nullable(),
  }),
  madeRecordSchema,
  exportedRecordSchema,
  callbackRecordSchema,
  cancelRecordSchema,
  rejectionRecordSchema,
  z.object({ kind: z.literal('cleared'), job_id: z.string().nullable() }),
]);

/** What a test can wait for. `held`: requests on hold and paused pipelines; `idle`: nothing is going on. */
export const waitForSchema = z.enum([
  'requests',
  'executions',
  'made',
  'exported',
  'callbacks',
  'cancels',
  'rejections',
  'held',
  'idle',
]);

export type CallbackBody = z.infer<typeof callbackBodySchema>;
export type RequestRecord = z.infer<typeof requestRecordSchema>;
export type ExecutionRecord = z.infer<typeof executionRecordSchema>;
export type MadeRecord = z.infer<typeof madeRecordSchema>;
export type ExportedRecord = z.infer<typeof exportedRecordSchema>;
export type CallbackRecord = z.infer<typeof callbackRecordSchema>;
export type CancelRecord = z.infer<typeof cancelRecordSchema>;
export type RejectionRecord = z.infer<typeof rejectionRecordSchema>;
export type OrchestratorLog = z.infer<typeof orchestratorLogSchema>;
export type Line = z.infer<typeof lineSchema>;
export type EndState = z.infer<typeof endStateSchema>;
export type RequestAnswer = z.infer<typeof requestAnswerSchema>;
export type WaitFor = z.infer<typeof waitForSchema>;
