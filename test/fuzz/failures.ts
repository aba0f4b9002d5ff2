// Reports of a failure: what kind it is and how long a retry is better waited with, usable or not, and what the job says then.
import fc from 'fast-check';
import { FAILURE_CLASSES } from '../../src/domain/failures.ts';

const WEEK_SECONDS = 604_800;

export const failureReports = fc.record(
  {
    failure_class: fc.constantFrom<unknown[]>(
      ...FAILURE_CLASSES,
      'Quota',
      '',
      7,
      null,
      ['quota'],
      'toString',
    ),
    retry_after_seconds: fc.constantFrom<unknown[]>(
      ...[0, 120, 0.5, -1, WEEK_SECONDS, WEEK_SECONDS + 1, 1e300],
      ...['120', '', null, [], true],
    ),
  },
  { requiredKeys: [] },
);

/** What the job says of a failure otherwise than it was reported, between two moments. */
export function failureFaults(
  {
    failure_class: kind,
    retry_after_seconds: wait,
  }: { failure_class?: unknown; retry_after_seconds?: unknown },
  [from, to]: readonly [number, number],
  shown: { failure_class: string; retry_at: string | null },
): string[] {
  const expected = FAILURE_CLASSES.find((each) => each === kind) ?? 'unknown';
  const faults: string[] = [];
  if (shown.failure_class !== expected)
    faults.push(`a failure that is ${expected} is ${shown.failure_class}`);
  const { retry_at: at } = shown;
  if (typeof wait !== 'number') return at === null ? faults : [...faults, `nobody said to wait until ${at}`];
  const ms = Math.min(WEEK_SECONDS, Math.max(0, wait)) * 1000;
  const until = at === null ? null : Date.parse(at);
  const isThen = until !== null && from + ms <= until && until <= to + ms;
  return isThen ? faults : [...faults, `a retry that waits for ${wait} s waits until ${at}`];
}
