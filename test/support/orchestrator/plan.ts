// What a test may ask of the orchestrator: how it answers dispatches and how its pipeline behaves.
// Only schemas and types, shared by the server and the client; plan-book.ts keeps the plans.

import { z } from 'zod';
import { ACTS, ARTIFACTS_COME, STAGES } from '../pipeline/script.ts';
import { DISPATCH_TYPES } from './dispatch.ts';

const stageSchema = z.enum(STAGES);
export const callbackStatusSchema = z.enum([...STAGES, 'FAILED']);

const ms = z.int().min(0).max(3_600_000);

const faults = [
  z.strictObject({ kind: z.literal('accept') }),
  /** A final refusal: nothing is executed. */
  z.strictObject({
    kind: z.literal('refuse'),
    status: z.int().min(300).max(499),
    body: z.json().optional(),
  }),
  /** A passing fault: nothing is executed, the caller may try again. */
  z.strictObject({
    kind: z.literal('error'),
    status: z.union([z.literal([408, 425, 429]), z.int().min(500).max(599)]),
    retry_after: z.union([z.string(), z.number()]).optional(),
  }),
  z.strictObject({ kind: z.literal('redirect'), location: z.string() }),
  /** Never answers and never executes; the connection stays open until the caller gives up. */
  z.strictObject({ kind: z.literal('hang') }),
  /** Executes, then destroys the connection: the caller can't know. */
  z.strictObject({ kind: z.literal('accept_then_drop') }),
  /** Executes at once, answers later. */
  z.strictObject({ kind: z.literal('accept_late'), delay_ms: ms }),
  /** Executes, and says 103 before it answers: an interim response (RFC 9110 §15.2). */
  z.strictObject({ kind: z.literal('interim') }),
  /** Waits for a release, then accepts. */
  z.strictObject({ kind: z.literal('hold') }),
  /** Executes and answers 200, with a body of `bytes` (default 1 MiB) that is not JSON. */
  z.strictObject({ kind: z.literal('garbage'), bytes: z.int().min(1).max(67_108_864).optional() }),
] as const;

export const cancelAnswerSchema = z.discriminatedUnion('kind', faults);
export const answerSchema = z.discriminatedUnion('kind', [
  ...faults,
  /** Executes, and answers only after the first callback was answered: the callback overtakes. */
  z.strictObject({ kind: z.literal('callback_first') }),
]);

export const pipelinePlanSchema = z.strictObject({
  /** Executes without sending any callback: the test acts as the pipeline. */
  manual: z.boolean().optional(),
  /** Time before each callback; default `--step-ms`. */
  step_ms: ms.optional(),
  /** Repeated TRANSCRIBING callbacks with progress_pct; default 2. */
  heartbeats: z.int().min(0).max(1000).optional(),
  /** FAILED follows as soon as the job has reached this status (heartbeats included). */
  fail_at: z.enum(['UPLOADED', ...STAGES]).optional(),
  /** How many executions of a job fail at `fail_at`; default 1, so that a retry goes through. */
  fail_times: z.int().min(1).optional(),
  failure_code: z.string().optional(),
  failure_message: z.string().optional(),
  /** Silently ends before this status is sent. */
  die_at: callbackStatusSchema.optional(),
  /** Waits for a release before this status is sent for the first time. */
  pause_before: callbackStatusSchema.optional(),
  /** Sends each callback twice, with the same event_id. */
  duplicate: z.boolean().optional(),
  /** Sends callbacks in swapped pairs; occurred_at keeps the true order. */
  reorder: z.boolean().optional(),
  /** Delay between a callback's occurred_at and its sending. */
  late_ms: ms.optional(),
  /** Ends in good order after this status (heartbeats included). */
  stop_after: stageSchema.optional(),
  /** Ends another draft or an export at EDITING, with what it has made. */
  ends_editing: z.boolean().optional(),
  /** A retry begins by reporting the checkpoint that it resumes from. */
  restates: z.boolean().optional(),
  /** What follows the draft, in this order; default nothing, and EDITING where it resumes from the draft. An export is that alone. */
  goes_on_to: z.array(z.enum(ACTS)).optional(),
  /** Whether checkpoints bring their artifacts; default `at-once`. */
  artifacts_come: z.enum(ARTIFACTS_COME).optional(),
  /** Writes its artifacts to where every other execution that does so writes them. */
  overwrites: z.boolean().optional(),
});

export const planSchema = z.strictObject({
  /** Types of messages that it answers 400, as an orchestrator of before they were thought of; they use up no answer. */
  unknown_types: z.array(z.enum(DISPATCH_TYPES)).optional(),
  /** One per incoming dispatch of a job, repeats included; `accept` when the list is used up. */
  answers: z.array(answerSchema).optional(),
  /** The same for cancels. */
  cancel_answers: z.array(cancelAnswerSchema).optional(),
  /** The last one of each list sticks. */
  repeat_last: z.boolean().optional(),
  pipeline: pipelinePlanSchema.optional(),
});

export type Answer = z.infer<typeof answerSchema>;
export type CancelAnswer = z.infer<typeof cancelAnswerSchema>;
export type PipelinePlan = z.infer<typeof pipelinePlanSchema>;
export type Plan = z.infer<typeof planSchema>;
