// What kind of failure it was: the pipeline says so, else the policy's table knows the code.
import type { Callback } from './commands.ts';
import type { Dispatch } from './dispatch.ts';
import type { Failure } from './job.ts';
import type { ModelPolicy } from './policy.ts';

/** What would have to change before a retry can help: nothing but time, the input, the policy, the account … */
export const FAILURE_CLASSES = [
  'transient',
  'permanent',
  'input',
  'policy',
  'quota',
  'timeout',
  'unknown',
] as const;
export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** What the policy's table says of a code; null for nothing. A pipeline's code may be the name of what every object has. */
export const classOf = (failureCode: string, { failureClasses }: ModelPolicy): FailureClass | null =>
  Object.hasOwn(failureClasses, failureCode) ? (failureClasses[failureCode] ?? null) : null;

/** The failure as a report of FAILED has it; null for a report of anything else. */
export function reportedFailure(
  { failure, occurredAt, correlationId }: Callback,
  dispatch: Dispatch,
  policy: ModelPolicy,
  now: number,
): Failure | null {
  if (failure === null) return null;
  const { failureClass, retryAfterMs, ...said } = failure;
  return {
    ...said,
    failureClass: failureClass ?? classOf(said.failureCode, policy) ?? 'unknown',
    retryAt: retryAfterMs === null ? null : now + retryAfterMs,
    modelProfile: dispatch.modelProfile,
    correlationId: correlationId ?? dispatch.correlationId,
    occurredAt,
  };
}
