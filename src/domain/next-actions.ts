// What an editor can do about a job now, and what not and why: read from the rules that will judge it, so that what is offered
// works. Of what a failure is like follows which of it is named first.
import { refuseTransition } from './decision.ts';
import type { Dispatch } from './dispatch.ts';
import { NO_EVIDENCE } from './evidence.ts';
import type { FailureClass } from './failures.ts';
import { effectiveStatus, isAtWork, type Job } from './job.ts';
import { isTerminal } from './lifecycle.ts';
import { planDispatch } from './plan.ts';
import { profileOfBefore } from './policy.ts';
import type { Rejection } from './rejection.ts';
import type { Rules } from './rules.ts';
import { awaited } from './timeouts.ts';

export const ACTIONS = [
  'confirm_upload',
  'run',
  'retry',
  'retry_with_profile',
  'wait',
  'renew_video',
  'new_job',
  'abandon',
  'cancel',
] as const;
export type Action = (typeof ACTIONS)[number];

export interface NextAction {
  action: Action;
  /** Of a run or retry. */
  modelProfile: string | null;
  /** Of waiting: until when at the most. */
  until: number | null;
  /** Why it is not possible; null when it is. */
  refusal: Rejection | null;
}

/** What helps most against a failure of this class comes first, in this order; the rest follows as it is above. */
const FIRST: Readonly<Record<FailureClass, readonly Action[]>> = {
  transient: ['retry'],
  timeout: ['retry'],
  unknown: ['retry'],
  quota: ['wait', 'retry'],
  policy: ['retry_with_profile'],
  permanent: ['retry_with_profile'],
  input: ['renew_video', 'new_job'],
};

/** Without a look into the store of artifacts, which a retry takes: what it does not have leads a retry further back. */
export function nextActions(job: Job, open: Dispatch | null, rules: Rules): NextAction[] {
  const found = [...startsOf(job, open, rules), ...waits(job, open, rules), ...others(job, open)];
  const order = job.status === 'FAILED' && job.failure ? FIRST[job.failure.failureClass] : [];
  const rank = ({ action }: NextAction): number =>
    order.includes(action) ? order.indexOf(action) : order.length + ACTIONS.indexOf(action);
  return found.sort((a, b) => rank(a) - rank(b));
}

const plain = (action: Action): NextAction => ({ action, modelProfile: null, until: null, refusal: null });

/** Runs and retries, under every profile that is enabled. */
function startsOf(job: Job, open: Dispatch | null, rules: Rules): NextAction[] {
  const { policy } = rules;
  if (isAtWork(job, open) || (job.status !== 'UPLOADED' && job.status !== 'FAILED')) return [];
  const planned = (action: Action, kind: 'run' | 'retry', modelProfile: string): NextAction => {
    const request = { kind, modelProfile, resumeFrom: null, evidence: NO_EVIDENCE };
    const { refusal } = planDispatch({ job, open }, request, rules);
    return { ...plain(action), modelProfile, refusal };
  };
  if (job.status === 'UPLOADED') return [planned('run', 'run', policy.defaultProfile)];
  const before = profileOfBefore(job, policy);
  const enabled = policy.profiles.filter(({ id, enabled }) => enabled && id !== before);
  return [
    planned('retry', 'retry', before),
    ...enabled.map(({ id }) => planned('retry_with_profile', 'retry', id)),
  ];
}

function waits(job: Job, open: Dispatch | null, rules: Rules): NextAction[] {
  const until = awaited(job, open, rules)?.until ?? (job.status === 'FAILED' ? job.failure?.retryAt : null);
  return until == null ? [] : [{ ...plain('wait'), until }];
}

function others(job: Job, open: Dispatch | null): NextAction[] {
  const isAtRest = !isAtWork(job, open);
  const { videoUri } = job.manifest;
  const possible: Readonly<Partial<Record<Action, boolean>>> = {
    confirm_upload: videoUri === null && refuseTransition(job.status, 'UPLOADED', 'editor') === null,
    renew_video: videoUri !== null && isAtRest && (job.status === 'FAILED' || !isTerminal(job.status)),
    new_job: job.status === 'FAILED' && job.failure?.failureClass === 'input',
    abandon: !isAtRest,
    cancel: refuseTransition(effectiveStatus(job, open), 'CANCELLED', 'editor') === null,
  };
  return ACTIONS.filter((action) => possible[action]).map(plain);
}
