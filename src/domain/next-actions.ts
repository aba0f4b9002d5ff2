// What an editor can do about a job now, and what not and why: read from the rules that will judge it, so that what is offered
// works. Of what a failure is like follows which of it is named first.
import { nextRetryAt } from './automatic-retry.ts';
import { refuseCancel } from './cancel.ts';
import { refuseTransition } from './decision.ts';
import { DISPATCH_KINDS, type Dispatch, type DispatchKind } from './dispatch.ts';
import { refuseErasure } from './erasure.ts';
import { NO_EVIDENCE } from './evidence.ts';
import type { FailureClass } from './failures.ts';
import { isAtWork, type Job } from './job.ts';
import { EDITABLE_STAGES, type EditableStage, isEditable, isTerminal } from './lifecycle.ts';
import type { VersionName } from './lineage.ts';
import { currentVersions, planDispatch, refuseState } from './plan.ts';
import { profileOfBefore } from './policy.ts';
import type { Rejection } from './rejection.ts';
import type { Rules } from './rules.ts';
import { awaited } from './timeouts.ts';

export const ACTIONS = [
  'confirm_upload',
  'run',
  'retry',
  'retry_with_profile',
  'redo',
  'export',
  'edit',
  'wait',
  'renew_video',
  'new_job',
  'abandon',
  'cancel',
  'erase',
] as const;
export type Action = (typeof ACTIONS)[number];

export interface NextAction {
  action: Action;
  /** Of a run, retry or redo. */
  modelProfile: string | null;
  /** Of an edit: the version that counts, which it would be a correction of. */
  edits: (VersionName & { stage: EditableStage }) | null;
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
  const found = [
    ...startsOf(job, open, rules),
    ...editsOf(job, open, rules),
    ...waits(job, open, rules),
    ...others(job, open),
  ];
  const order = job.status === 'FAILED' && job.failure ? FIRST[job.failure.failureClass] : [];
  const rank = ({ action }: NextAction): number =>
    order.includes(action) ? order.indexOf(action) : order.length + ACTIONS.indexOf(action);
  return found.sort((a, b) => rank(a) - rank(b));
}

const plain = (action: Action): NextAction => ({
  action,
  modelProfile: null,
  edits: null,
  until: null,
  refusal: null,
});

/** What a pipeline can be asked for, under every profile that is enabled. */
function startsOf(job: Job, open: Dispatch | null, rules: Rules): NextAction[] {
  const { policy } = rules;
  const planned = (action: Action, kind: DispatchKind, modelProfile: string | null): NextAction => {
    const wherever = { resumeFrom: null, discardEdits: [], evidence: NO_EVIDENCE };
    const request = { kind, modelProfile, ...wherever, task: kind === 'export' ? ANY_EXPORT : null };
    const { refusal } = planDispatch({ job, open }, request, rules);
    return { ...plain(action), modelProfile, refusal };
  };
  const before = profileOfBefore(job, policy);
  const others = policy.profiles.filter(({ id, enabled }) => enabled && id !== before).map(({ id }) => id);
  const offers: Readonly<Record<DispatchKind, () => NextAction[]>> = {
    run: () => [planned('run', 'run', policy.defaultProfile)],
    retry: () => [
      planned('retry', 'retry', before),
      ...others.map((id) => planned('retry_with_profile', 'retry', id)),
    ],
    redo: () => [before, ...others].map((id) => planned('redo', 'redo', id)),
    export: () => [planned('export', 'export', null)],
  };
  return DISPATCH_KINDS.filter((kind) => refuseState({ job, open }, kind) === null).flatMap((kind) =>
    offers[kind](),
  );
}
const ANY_EXPORT = { kind: 'export' as const, formats: [], params: null };

/** Of each stage that has been made, a correction of what counts. */
function editsOf(job: Job, open: Dispatch | null, rules: Rules): NextAction[] {
  if (isAtWork(job, open) || !isEditable(job.status)) return [];
  const counting = currentVersions(job, rules);
  return EDITABLE_STAGES.flatMap((stage) => {
    const version = counting[stage]?.version;
    return version === undefined ? [] : [{ ...plain('edit'), edits: { stage, version } }];
  });
}

function waits(job: Job, open: Dispatch | null, rules: Rules): NextAction[] {
  const until =
    awaited(job, open, rules)?.until ??
    nextRetryAt(job, open) ??
    (job.status === 'FAILED' ? job.failure?.retryAt : null);
  return until == null ? [] : [{ ...plain('wait'), until }];
}

function others(job: Job, open: Dispatch | null): NextAction[] {
  const isAtRest = !isAtWork(job, open);
  const { videoUri } = job.manifest;
  const possible: Readonly<Partial<Record<Action, boolean>>> = {
    confirm_upload: videoUri === null && refuseTransition(job.status, 'UPLOADED', 'editor') === null,
    renew_video: videoUri !== null && isAtRest && (job.status === 'FAILED' || !isTerminal(job.status)),
    new_job: job.status === 'FAILED' && job.failure?.failureClass === 'input',
    abandon: !isAtRest || job.nextRetryAt !== null,
    cancel: refuseCancel(job, open) === null,
    erase: refuseErasure(job, open) === null,
  };
  return ACTIONS.filter((action) => possible[action]).map(plain);
}
