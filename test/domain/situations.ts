// In which situations a history has been, by what happened and not by what was answered: a suite that has not been in one
// proves nothing about it.
import type { Command } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import type { MemoryState } from './memory-job.ts';

const POINTS = ['UPLOADED', 'AUDIO_READY', 'TRANSCRIPT_READY', 'DRAFT_READY'] as const;

/** Situations that a fair number of histories have to be in. */
export const SITUATIONS: readonly string[] = [
  ...POINTS.map((point) => `a retry from ${point} was accepted`),
  ...POINTS.map((point) => `a retry from ${point} reported first what it does next`),
  ...POINTS.slice(1).map((point) => `a retry from ${point} reported first where it begins`),
  ...POINTS.map((point) => `a retry from ${point} failed again`),
  ...['failed', 'timed out', 'was abandoned', 'was cancelled', 'settled'].map((how) => `a pipeline ${how}`),
  'a settled pipeline went on',
  'a settled pipeline was too late',
  'a settled pipeline was cancelled',
  'a delivery was withdrawn after an attempt without an answer',
  'a delivery was withdrawn, nobody having it',
  'a message was a dead letter',
  'a ghost was told to stop',
  'a report came under an older date and was applied',
  'an artifact came behind its checkpoint',
  'an artifact came with a failure',
  'a manifest was full',
  'a failure was told although the manifest was full',
  'a heartbeat in a checkpoint',
  'a video was renewed for a failed job',
];

export function situationsOf(
  before: MemoryState,
  after: MemoryState,
  command: Command,
  decision: Decision,
): string[] {
  const found = [...endings(before, after, command)];
  if (decision.kind === 'accepted' && command.type === 'retry') {
    found.push(`a retry from ${decision.dispatch?.resumeFromStatus} was accepted`);
  }
  if (decision.kind === 'accepted' && command.type === 'renew-video' && before.job.status === 'FAILED') {
    found.push('a video was renewed for a failed job');
  }
  if (command.type === 'report-delivery' && decision.kind === 'accepted') {
    if (command.outcome.kind === 'dead-lettered') found.push('a message was a dead letter');
    const { dispatch } = decision;
    const isGhost = command.outcome.kind === 'delivered' && dispatch?.state === 'UNDELIVERABLE';
    if (isGhost) found.push('a ghost was told to stop');
  }
  if (command.type === 'callback') found.push(...reports(before, after, command, decision));
  return found;
}

function* endings(before: MemoryState, after: MemoryState, command: Command): Generator<string> {
  const hows: Record<string, string> = { FAILED: 'failed', TIMED_OUT: 'timed out', SETTLED: 'settled' };
  for (const [index, dispatch] of after.dispatches.entries()) {
    const was = before.dispatches[index]?.state;
    if (was === undefined || was === dispatch.state) continue;
    if (dispatch.state === 'UNDELIVERABLE') {
      yield dispatch.outcomeUnknown
        ? 'a delivery was withdrawn after an attempt without an answer'
        : 'a delivery was withdrawn, nobody having it';
    } else if (dispatch.state === 'CANCELLED') {
      yield `a pipeline was ${command.type === 'abandon' ? 'abandoned' : 'cancelled'}`;
      if (was === 'SETTLED') yield 'a settled pipeline was cancelled';
    } else if (hows[dispatch.state]) yield `a pipeline ${hows[dispatch.state]}`;
  }
}

function* reports(
  before: MemoryState,
  after: MemoryState,
  command: Extract<Command, { type: 'callback' }>,
  decision: Decision,
): Generator<string> {
  const dispatch = before.dispatches.find(({ id }) => id === command.dispatchId);
  if (decision.kind === 'rejected') {
    if (decision.rejection.code === 'MANIFEST_FULL') yield 'a manifest was full';
    const isLate = decision.rejection.code === 'DISPATCH_NOT_CURRENT' && dispatch?.state === 'SETTLED';
    const newest = before.dispatches.filter(({ state }) => state !== 'UNDELIVERABLE').at(-1);
    if (isLate && newest === dispatch && before.job.openDispatchId === null) {
      yield 'a settled pipeline was too late';
    }
  }
  if (decision.kind !== 'accepted' || !dispatch) return;
  const { status } = command;
  if (dispatch.kind === 'retry' && before.job.status === 'FAILED') {
    const from = dispatch.resumeFromStatus;
    if (status === 'FAILED') yield `a retry from ${from} failed again`;
    else if (status === from) yield `a retry from ${from} reported first where it begins`;
    else yield `a retry from ${from} reported first what it does next`;
  }
  if (dispatch.state === 'SETTLED') yield 'a settled pipeline went on';
  const { latestCallback } = before.job;
  if (latestCallback?.dispatchId === dispatch.id && command.occurredAt < latestCallback.occurredAt) {
    yield 'a report came under an older date and was applied';
  }
  const made = after.events.at(-1) === before.events.at(-1) ? [] : (after.events.at(-1)?.checkpoints ?? []);
  if (made.length > 0 && status === 'FAILED') yield 'an artifact came with a failure';
  else if (made.some((checkpoint) => checkpoint.status !== status))
    yield 'an artifact came behind its checkpoint';
  const names = Object.keys(command.artifacts.exports);
  if (status === 'FAILED' && names.some((name) => after.job.manifest.exports[name] === undefined)) {
    yield 'a failure was told although the manifest was full';
  }
  const isSign = status === before.job.status && decision.changes.event === undefined;
  if (isSign && (status === 'AUDIO_READY' || status === 'TRANSCRIPT_READY'))
    yield 'a heartbeat in a checkpoint';
}
