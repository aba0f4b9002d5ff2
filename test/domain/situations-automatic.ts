// In which situations with retries by themselves a history has been.
import type { Command } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import type { Dispatch } from '../../src/domain/dispatch.ts';
import type { MemoryState } from './memory-job.ts';

const ENDS = ['failed', 'timed out', 'settled', 'was given up', 'was cancelled', 'was never heard of'];
const REFUSALS = ['MODEL_PROFILE_NOT_ALLOWED', 'EDITS_IN_THE_WAY', 'RETRY_LIMIT_REACHED'];
const CLASSES = ['transient', 'timeout', 'quota', 'unknown'];

export const SITUATIONS_OF_AUTOMATIC: readonly string[] = [
  ...CLASSES.map((name) => `a failure was to be retried by itself: ${name}`),
  'a failure was not to be retried by itself',
  'a failure was to be retried by itself when it asked for it',
  'a retry by itself was made',
  'a retry by itself was made under another profile than by default',
  'a retry by itself went back further than the job had come',
  ...ENDS.map((end) => `a retry by itself ${end}`),
  'a retry by itself failed, and another was to come',
  'a retry by itself failed, and was the last',
  'a retry by itself was not delivered, and came again',
  'a retry by itself was not delivered twice in a row',
  'a retry by itself was put off as the orchestrator asked',
  'a retry by itself was refused for good',
  ...REFUSALS.map((code) => `a retry by itself was not made: ${code}`),
  'a retry by itself was not due yet',
  ...['retry', 'edit-artifact', 'cancel', 'abandon'].map((type) => `an editor came first: ${type}`),
  'an editor came first, and was not delivered',
  'a job was retried by itself again after an editor had retried it',
  'a retry was refused: RETRY_LIMIT_REACHED',
];

export function* automaticSituationsOf(
  before: MemoryState,
  after: MemoryState,
  command: Command,
  decision: Decision,
): Generator<string> {
  if (decision.kind === 'rejected') {
    if (command.type === 'retry' && decision.rejection.code === 'RETRY_LIMIT_REACHED')
      yield 'a retry was refused: RETRY_LIMIT_REACHED';
    return;
  }
  const due = before.job.nextRetryAt;
  if (decision.kind === 'replayed') {
    if (command.type === 'retry-due' && due !== null && before.job.openDispatchId === null)
      yield 'a retry by itself was not due yet';
    return;
  }
  const { opened } = decision.changes;
  if (opened?.isAutomatic) yield* made(before, opened);
  if (decision.refusal) yield `a retry by itself was not made: ${decision.refusal.code}`;
  if (due !== null && opened && !opened.isAutomatic) yield `an editor came first: ${command.type}`;
  if (due !== null && 'owner' in command && !opened && after.job.nextRetryAt === null)
    yield `an editor came first: ${command.type}`;
  yield* endings(before, after, command);
  if (command.type === 'callback' && command.status === 'FAILED') yield* failures(after, command.failure);
}

function* failures({ job }: MemoryState, said: { retryAfterMs: number | null } | null): Generator<string> {
  const { nextRetryAt, failure } = job;
  if (nextRetryAt === null) yield 'a failure was not to be retried by itself';
  else yield `a failure was to be retried by itself: ${failure?.failureClass}`;
  if (said?.retryAfterMs && nextRetryAt === failure?.retryAt)
    yield 'a failure was to be retried by itself when it asked for it';
}

function* made({ job, dispatches }: MemoryState, opened: Dispatch): Generator<string> {
  yield 'a retry by itself was made';
  if (opened.modelProfile !== 'balanced')
    yield 'a retry by itself was made under another profile than by default';
  const last = dispatches.findLast(({ state }) => state !== 'UNDELIVERABLE');
  const furthest = job.versions.findLast(({ isComplete }) => isComplete)?.ref;
  if (furthest !== undefined && opened.checkpointRef !== furthest)
    yield 'a retry by itself went back further than the job had come';
  if (last?.kind === 'retry' && !last.isAutomatic && dispatches.some(({ isAutomatic }) => isAutomatic))
    yield 'a job was retried by itself again after an editor had retried it';
}

function* endings(before: MemoryState, after: MemoryState, command: Command): Generator<string> {
  for (const [index, { isAutomatic, state, retryAfterAt }] of after.dispatches.entries()) {
    const was = before.dispatches[index]?.state;
    if (was === undefined || was === state) continue;
    const isToCome = after.job.nextRetryAt !== null;
    if (!isAutomatic) {
      if (state === 'UNDELIVERABLE' && isToCome) yield 'an editor came first, and was not delivered';
      continue;
    }
    const how: Partial<Record<Dispatch['state'], string>> = {
      ...{ FAILED: 'failed', SETTLED: 'settled' },
      CANCELLED: command.type === 'abandon' ? 'was given up' : 'was cancelled',
      TIMED_OUT: was === 'DELIVERED' ? 'was never heard of' : 'timed out',
    };
    if (how[state]) yield `a retry by itself ${how[state]}`;
    if (state === 'FAILED')
      yield `a retry by itself failed, and ${isToCome ? 'another was to come' : 'was the last'}`;
    if (state !== 'UNDELIVERABLE') continue;
    if (!isToCome) yield 'a retry by itself was refused for good';
    else yield 'a retry by itself was not delivered, and came again';
    if (isToCome && after.job.nextRetryAt === retryAfterAt)
      yield 'a retry by itself was put off as the orchestrator asked';
    if ((after.job.automatic?.undelivered ?? 0) > 1)
      yield 'a retry by itself was not delivered twice in a row';
  }
}
