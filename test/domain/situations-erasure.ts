// The situations of a job that goes: how that came, and what comes after it.
import type { Command } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import { isAtWork } from '../../src/domain/job.ts';
import type { MemoryState } from './memory-job.ts';

export const SITUATIONS_OF_ERASURE: readonly string[] = [
  'a job was erased',
  'a job was erased whose settled pipeline was told to stop',
  'a job was not erased while a pipeline was at work',
  'a job was disowned while a pipeline was at work',
  'a job went when it had been kept long enough',
  'a report came for an erased job',
  'a pipeline of an erased job was told to stop, or given up',
];

export function* erasureSituationsOf(
  before: MemoryState,
  after: MemoryState,
  command: Command,
  decision: Decision,
): Generator<string> {
  const isAsked = command.type === 'erase' || command.type === 'disown';
  if (before.job.erasure !== null) {
    if (command.type === 'callback') yield 'a report came for an erased job';
    if (decision.kind === 'accepted') yield 'a pipeline of an erased job was told to stop, or given up';
    return;
  }
  const open = before.dispatches.find(({ id }) => id === before.job.openDispatchId) ?? null;
  const wasAtWork = isAtWork(before.job, open);
  if (command.type === 'erase' && decision.kind === 'rejected' && wasAtWork)
    yield 'a job was not erased while a pipeline was at work';
  if (after.job.erasure === null) return;
  if (!isAsked) yield 'a job went when it had been kept long enough';
  if (command.type === 'disown' && wasAtWork) yield 'a job was disowned while a pipeline was at work';
  if (command.type !== 'erase') return;
  yield 'a job was erased';
  const isTold = after.dispatches.some(
    ({ state }, n) => before.dispatches[n]?.state === 'SETTLED' && state !== 'SETTLED',
  );
  if (isTold) yield 'a job was erased whose settled pipeline was told to stop';
}
