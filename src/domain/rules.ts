// The configuration that decisions depend on.
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
}
