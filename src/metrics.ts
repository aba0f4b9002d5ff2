// One data point for each thing that an operator counts, where there is an Analytics Engine binding (`METRICS`); without it
// nothing is written. What a column holds is said here once: ids stand in the index alone, and nowhere a token, URI or free text.
import { describeError, log } from './log.ts';

/** The sampling key: the points of one job are kept or left out together. */
export const INDEX = 'job_id';
/** blob1, blob2 … in this order. A name is only ever added behind the last: what was written before cannot be renamed. */
export const BLOBS = ['event', 'message', 'model_profile', 'resume_from', 'outcome', 'failure_code'] as const;
/** double1, double2 … likewise. */
export const DOUBLES = ['attempts', 'duration_ms', 'first_report_ms'] as const;

export const EVENTS = ['delivery', 'dispatch_ended', 'report_refused', 'operation_ended'] as const;

/** What is absent is an empty text, and of numbers −1. */
export type Point = { event: (typeof EVENTS)[number]; job_id: string } & {
  [Name in Exclude<(typeof BLOBS)[number], 'event'>]?: string | null;
} & { [Name in (typeof DOUBLES)[number]]?: number | null };

/** Never throws: what is counted must not depend on the counting. */
export function measure(env: object, point: Point): void {
  const { METRICS } = env as { METRICS?: AnalyticsEngineDataset };
  if (METRICS === undefined) return;
  try {
    METRICS.writeDataPoint({
      indexes: [point[INDEX]],
      blobs: BLOBS.map((name) => point[name] ?? ''),
      doubles: DOUBLES.map((name) => point[name] ?? -1),
    });
  } catch (error) {
    log('warn', 'metrics_failed', { error: describeError(error) });
  }
}
