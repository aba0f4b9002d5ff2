// What the checkers share that judge a job from outside: how a broken promise is said, and whether an audit trail is one
// that the model's own table allows.
import { TABLE } from './model.ts';

export function holds(promise: string, isTrue: boolean): void {
  if (!isTrue) throw new Error(`broken: ${promise}`);
}

/** The states of a dispatch that the orchestrator is known to have taken. */
export const WAS_DELIVERED = ['DELIVERED', 'RUNNING', 'SETTLED', 'FAILED', 'TIMED_OUT'];

export interface TrailEntry {
  actor: string;
  from: string;
  to: string;
  /** The resume point of the retry that caused it; null when no retry did. */
  resumedFrom: string | null;
}

const CHECKPOINTS = ['AUDIO_READY', 'TRANSCRIPT_READY', 'DRAFT_READY'];

/** The first entry that must not be there, or null. `present` is where the trail has to lead. */
export function brokenTrail(entries: readonly TrailEntry[], present: string): string | null {
  let status = 'CREATED';
  for (const entry of entries) {
    const { from, to } = entry;
    if (from !== status || !isAllowed(entry)) return `${from} → ${to} by ${entry.actor} after ${status}`;
    status = to;
  }
  return status === present ? null : `it ends at ${status}, and the job is ${present}`;
}

function isAllowed({ actor, from, to, resumedFrom }: TrailEntry): boolean {
  // Out of FAILED there is one way: a retry, which is judged from its resume point and may restate that.
  const effective = from === 'FAILED' && resumedFrom !== null ? resumedFrom : from;
  if (from === 'FAILED' && to === effective && CHECKPOINTS.includes(to)) return true;
  const row = TABLE[effective];
  if (row === undefined) return false;
  const who = actor === 'editor' ? 'e' : 'p';
  if (to === 'CANCELLED') return who === 'e';
  return to === 'FAILED' ? who === 'p' : row.split(' ').includes(`${to}:${who}`);
}
