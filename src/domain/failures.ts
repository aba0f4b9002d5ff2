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

/** The class that the policy's table has for a code, which may be any text; null for a code that it does not have. */
const classOf = ({ failureClasses }: ModelPolicy, code: string): FailureClass | null =>
  Object.hasOwn(failureClasses, code) ? (failureClasses[code] ?? null) : null;

/** A failure that no pipeline has reported, of this one or of none; of the class that the policy has for its code, else of `otherwise`. */
export const ownFailure = (
  said: Pick<Failure, 'failureCode' | 'failureMessage' | 'failedStage' | 'correlationId'>,
  otherwise: FailureClass,
  dispatch: Dispatch | null,
  policy: ModelPolicy,
  now: number,
): Failure => ({
  ...said,
  failureClass: classOf(policy, said.failureCode) ?? otherwise,
  retryAt: null,
  modelProfile: dispatch?.modelProfile ?? null,
  occurredAt: now,
});

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
    failureClass: failureClass ?? classOf(policy, said.failureCode) ?? 'unknown',
    retryAt: retryAfterMs === null ? null : now + retryAfterMs,
    modelProfile: dispatch.modelProfile,
    correlationId: correlationId ?? dispatch.correlationId,
    occurredAt,
  };
}
