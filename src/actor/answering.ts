// What a decision of a job answers to whoever asked for it.
import { toNextActions } from '../contract/next-actions.ts';
import type { Decision } from '../domain/decision.ts';
import type { Dispatch } from '../domain/dispatch.ts';
import { refuseDispatch } from '../domain/dispatching.ts';
import type { Rules } from '../domain/rules.ts';
import { type DispatchAnswer, type JobAnswer, NOT_FOUND } from './answers.ts';
import type { JobStore } from './job-store.ts';

export function answerJob(store: JobStore, decision: Decision): JobAnswer {
  if (decision.kind === 'rejected') return { ok: false, rejection: decision.rejection };
  return answered(store, decision);
}

export function answered(store: JobStore, { kind, job }: Exclude<Decision, { kind: 'rejected' }>) {
  return { ok: true as const, job, open: store.open(job), replayed: kind === 'replayed' };
}

/** As the dispatch stands now: its delivery may have been waited for since it was decided about. */
export function answerDispatch(
  store: JobStore,
  decided: Dispatch,
  replayed: boolean,
  rules: Rules,
): DispatchAnswer {
  const now = store.job();
  if (now === null) return NOT_FOUND;
  const dispatch = store.dispatch(decided.id) ?? decided;
  const rejection = refuseDispatch(now, dispatch);
  if (rejection) return { ok: false, rejection, dispatch };
  // Another run does nothing; a retry that was accepted before is not told what else to do.
  const isTold = replayed && dispatch.kind === 'run';
  const actions = isTold ? toNextActions(now, store.open(now), rules) : [];
  return { ok: true, job: { id: now.id, status: now.status }, dispatch, replayed, nextActions: actions };
}
