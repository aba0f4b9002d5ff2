// The configuration that decisions depend on.
import type { FailureClass } from './failures.ts';
import type { ModelPolicy } from './policy.ts';

export interface Rules {
  policy: ModelPolicy;
  /** How long a dispatch may be on its way at the most. */
  dispatchDeadlineMs: number;
  /** How long the first callback may take after the delivery. */
  ackTimeoutMs: number;
  /** How long a stage may show no sign of life. */
  stageTimeoutMs: number;
  /** How long after its last sign of life a pipeline that has settled may still report. */
  lateReportMs: number;
  /** How long a job is kept that has ended; null for good. */
  keepEndedMs: number | null;
  autoRetry: AutoRetry;
  /** How many retries of one job there may be, whoever makes them; 0 for as many as they like. */
  retriesPerJob: number;
}

/** When a failed job is retried by itself. */
export interface AutoRetry {
  /** After failures of these classes. */
  failureClasses: readonly FailureClass[];
  /** So often at the most, until an editor asks for a pipeline. */
  maxRetries: number;
  firstPauseMs: number;
  /** By what each pause is longer than the one before. */
  factor: number;
  longestPauseMs: number;
}
