// What spec/ promises of every step of a job and of where it stands, whatever the model says of it.
import { toETag, toJobResource } from '../../src/contract/resources.ts';
import type { Command } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import { isOpen } from '../../src/domain/dispatch.ts';
import { keptUntil } from '../../src/domain/erasure.ts';
import type { Rules } from '../../src/domain/rules.ts';
import { awaited, nextWakeUp } from '../../src/domain/timeouts.ts';
import { holds } from '../rules/holds.ts';
import {
  abandon,
  callback,
  cancel,
  confirmUpload,
  deadline,
  delivered,
  disown,
  editArtifact,
  erase,
  exportDraft,
  redo,
  renewVideo,
  retry,
  run,
} from './builders.ts';
import { type MemoryJob, type MemoryState, OWNER, RULES } from './memory-job.ts';

const isPrefix = <T>(shorter: readonly T[], longer: readonly T[]): boolean =>
  shorter.length <= longer.length && shorter.every((entry, index) => longer[index] === entry);

export function checkStep(
  before: MemoryState,
  after: MemoryState,
  command: Command,
  decision: Decision,
  effective: string,
): void {
  holds('a refusal and a replay change nothing', decision.kind === 'accepted' || after === before);
  if ('owner' in command && command.owner !== OWNER) {
    holds(
      'a stranger is told that there is no such job, and no more',
      JSON.stringify(decision) === '{"kind":"rejected","rejection":{"code":"RESOURCE_NOT_FOUND"}}',
    );
  }
  holds('the audit trail only grows', isPrefix(before.transitions, after.transitions));
  holds('applied callbacks stay', isPrefix(before.events, after.events));
  holds(
    'dispatches stay',
    before.dispatches.every(({ id }, index) => after.dispatches[index]?.id === id),
  );
  for (const key of ['videoUri', 'audioUri', 'transcriptUri', 'draftUri'] as const) {
    holds('artifacts only grow', before.job.manifest[key] === null || after.job.manifest[key] !== null);
  }
  for (const { stage, version, isComplete } of before.job.versions) {
    const newest = before.job.versions.findLast((other) => other.stage === stage);
    const now = after.job.versions.filter((other) => other.stage === stage).map((other) => other.version);
    holds(
      'the newest versions stay, or newer ones come where they were never completed',
      newest?.version !== version || now.includes(version) || (!isComplete && now.some((n) => n > version)),
    );
  }
  const added = after.transitions.slice(before.transitions.length);
  holds('a change of status leaves an entry', before.job.status === after.job.status || added.length > 0);
  const [first] = added;
  if (
    command.type === 'callback' &&
    first &&
    first.newStatus !== 'FAILED' &&
    before.job.status === 'FAILED'
  ) {
    holds('a failed job moves only under an open retry', effective !== 'FAILED');
  }
  if (command.type === 'deadline' || command.type === 'report-delivery') {
    checkTold(before, after);
  }
  // What editors see of the job changes exactly when its revision does; a withdrawn dispatch leaves it as it was. What is to come,
  // and how often it was tried, is known by the tag alone.
  const visible = ({ openDispatchId: _open, latestDispatchAt: _latest, ...job }: MemoryState['job']) =>
    JSON.stringify({ ...job, nextRetryAt: null, automatic: null, retries: 0 });
  if (after.job.revision === before.job.revision) {
    holds(
      'without a new revision the job looks the same',
      after.job === before.job || visible(after.job) === visible(before.job),
    );
  } else holds('revisions rise', after.job.revision > before.job.revision);
  if (command.type === 'change-labels') checkLabelled(before, after);
  holds('history does not step back', after.job.updatedAt >= before.job.updatedAt);
}

/** What a job is called by decides nothing about it: all else stays, and so does what is awaited, and until when. */
function checkLabelled(before: MemoryState, after: MemoryState): void {
  const rest = ({ metadata: _m, tags: _t, revision: _r, updatedAt: _u, ...job }: MemoryState['job']) =>
    JSON.stringify(job);
  holds('labels change nothing else of a job', rest(after.job) === rest(before.job));
  holds('labels change no dispatch', after.dispatches === before.dispatches || sameDispatches(before, after));
  const due = ({ job, dispatches }: MemoryState) =>
    JSON.stringify(awaited(job, dispatches.find(isOpen) ?? null, RULES));
  holds('labels do not put off a deadline', due(after) === due(before));
}

const sameDispatches = (before: MemoryState, after: MemoryState): boolean =>
  JSON.stringify(before.dispatches) === JSON.stringify(after.dispatches);

/** A tag that stays as it was, or is as it once was, says the truth. */
export function checkShown(before: MemoryState, after: MemoryState, rules: Rules): void {
  if (after.job === before.job || after.job.revision !== before.job.revision) return;
  const shown = ({ job, dispatches }: MemoryState) => {
    const open = dispatches.find(isOpen) ?? null;
    return { tag: toETag(job, open, rules), body: JSON.stringify(toJobResource(job, open, rules)) };
  };
  const [was, is] = [shown(before), shown(after)];
  holds('a tag changes with whatever is shown', was.tag !== is.tag || was.body === is.body);
}

/** A pipeline that time or a delivery has ended, and that may be alive, is told so. */
function checkTold(before: MemoryState, after: MemoryState): void {
  for (const [index, { state, cancelNotice, outcomeUnknown }] of after.dispatches.entries()) {
    if (before.dispatches[index]?.state === state) continue;
    const mayBeAlive = state === 'TIMED_OUT' || (state === 'UNDELIVERABLE' && outcomeUnknown);
    holds('a pipeline that may be alive is told that it was ended', !mayBeAlive || cancelNotice !== null);
  }
}

/** The most that a job's present may take of the two megabytes that a row holds. */
const MOST_PRESENT = 600_000;

/** Whatever was accepted: failure, timeout and cancel still work, and have room. */
export function checkRoom(job: MemoryJob, now: number): void {
  const { state } = job;
  holds('a job leaves room in its row', JSON.stringify(state.job).length < MOST_PRESENT);
  const { open } = job;
  if (open) {
    const longest = {
      ...{ failureCode: 'X', failureMessage: 'x'.repeat(2_000), failedStage: 'x'.repeat(64) },
      ...{ failureClass: null, retryAfterMs: null },
    };
    const failed = callback(open.id, 'FAILED', { eventId: 'last', occurredAt: now + 1, failure: longest });
    holds('a pipeline can always say that it has failed', job.would(failed, now).kind === 'accepted');
  }
  if (awaited(state.job, open, RULES)) {
    const late = job.would(deadline(), now + 10 * RULES.stageTimeoutMs);
    holds('what is awaited always times out', late.kind === 'accepted');
  }
  const cancelled = job.would(cancel(), now);
  const isToCome = state.job.nextRetryAt !== null;
  const hasEnded =
    state.job.status === 'DONE' || (state.job.status === 'FAILED' && open === null && !isToCome);
  holds('a job can always be cancelled, until it has ended', hasEnded || cancelled.kind !== 'rejected');
}

/** Whoever asks for anything of it is told that there is no such job, however it is asked. */
export function checkErased(job: MemoryJob, now: number): void {
  const { state } = job;
  const dispatchId = state.dispatches.at(-1)?.id ?? 'dsp_none';
  const commands = [
    ...[
      confirmUpload(),
      renewVideo(),
      run('dsp_new'),
      retry('dsp_new'),
      redo('dsp_new'),
      exportDraft('dsp_new'),
    ],
    ...[editArtifact(), cancel(), abandon(), erase(), disown(), callback(dispatchId, 'FAILED')],
    delivered(dispatchId),
  ];
  for (const command of commands) {
    const decision = job.would(command, now);
    const isNone =
      decision.kind === 'rejected' && JSON.stringify(decision.rejection) === '{"code":"RESOURCE_NOT_FOUND"}';
    holds(`an erased job is none: ${command.type}`, isNone);
  }
  const open = state.dispatches.filter(isOpen);
  holds(
    'no pipeline of an erased job is waited for',
    open.length === 0 && awaited(state.job, null, job.rules) === null,
  );
  const notices = state.dispatches.filter(({ cancelNotice }) => cancelNotice?.state === 'PENDING');
  const late = job.would(deadline(), now + 10 * RULES.stageTimeoutMs);
  holds(
    'who is told to stop is waited for no longer than it is tried',
    notices.length === 0 || late.kind === 'accepted',
  );
}

export function checkPresent(job: MemoryJob, now: number): void {
  const { state } = job;
  const open = state.dispatches.filter(isOpen);
  holds('at most one dispatch is open', open.length <= 1);
  holds('the job names its open dispatch', (open[0]?.id ?? null) === state.job.openDispatchId);
  let status = 'CREATED';
  for (const { prevStatus, newStatus } of state.transitions) {
    holds('each entry of the audit trail begins where the one before it ended', prevStatus === status);
    status = newStatus;
  }
  holds('the audit trail leads to the present', status === state.job.status);
  const due = awaited(state.job, job.open, RULES);
  holds('an open dispatch has a deadline', open.length === 0 || due !== null);
  const notices = state.dispatches.filter(({ cancelNotice }) => cancelNotice?.state === 'PENDING');
  const goesAt = keptUntil(state.job, job.open, job.rules);
  const isToCome = job.open === null && state.job.nextRetryAt !== null;
  const isAwaiting = due !== null || notices.length > 0 || isToCome || goesAt !== null;
  const wakeUp = nextWakeUp(state.job, job.open, notices, job.rules, now);
  holds('whatever is awaited wakes the job', (wakeUp !== null) === isAwaiting);
  holds('a job is not kept for longer than it is to be', goesAt === null || (wakeUp ?? Infinity) <= goesAt);
  holds(
    'creation times of dispatches rise strictly',
    state.dispatches.every(
      ({ createdAt }, i) => i === 0 || createdAt > (state.dispatches[i - 1]?.createdAt ?? 0),
    ),
  );
  const keys = state.dispatches
    .filter((d) => d.state !== 'UNDELIVERABLE')
    .map((d) => `${d.isAutomatic ? 'by itself' : d.kind} ${d.clientRequestId}`);
  holds('no request is held by two dispatches', new Set(keys).size === keys.length);
}

export function sameAgain(job: MemoryJob, command: Command, first: Decision, now: number): void {
  const again = job.execute(command, now);
  const isSame =
    (again.kind === 'replayed' &&
      first.kind === 'replayed' &&
      again.job === first.job &&
      again.dispatch === first.dispatch) ||
    JSON.stringify(again) === JSON.stringify(first);
  holds('a replay answers the same', isSame);
}
