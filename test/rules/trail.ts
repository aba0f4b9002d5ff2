// What the audit trail promises: no gap, the present at its end, nothing but what the table allows, and every report that
// was accepted in it once and none that was not.
import type { Entry, JobCase, Report } from './case.ts';
import { IN_PROGRESS, isAllowed, RESTING, WITHDRAWN } from './protocol.ts';
import { attemptsOf, entryKey, mayHaveApplied, reportKey, wasTaken } from './reports.ts';
import { rule } from './rule.ts';

export const TRAIL_RULES = {
  'the entries are in order': rule({
    kind: 'audit trail',
    promise: 'S6',
    *broken({ trail }) {
      for (const [index, { seq }] of trail.entries()) {
        const before = trail[index - 1]?.seq ?? 0;
        if (seq <= before) yield `entry ${seq} comes after entry ${before}`;
      }
    },
  }),
  'each entry begins where the one before it ended': rule({
    kind: 'audit trail',
    promise: 'S6',
    *broken({ trail }) {
      for (const [index, { seq, from }] of trail.entries()) {
        const status = trail[index - 1]?.to ?? 'CREATED';
        if (from !== status) yield `entry ${seq} begins at ${from}, after ${status}`;
      }
    },
  }),
  'the trail leads to the present': rule({
    kind: 'audit trail',
    promise: 'S6',
    *broken({ trail, status }) {
      const end = trail.at(-1)?.to ?? 'CREATED';
      if (end !== status) yield `it ends at ${end}, and the job is ${status}`;
    },
  }),
  'every entry is one that the table allows': rule({
    kind: 'audit trail',
    promise: 'S6',
    *broken({ trail, dispatches, automatic }) {
      const resumedFrom = new Map(dispatches.map(({ id, resumeFrom }) => [id, resumeFrom]));
      for (const { seq, type, actor, from, to, dispatchId } of trail) {
        const isTrue = TYPES[type]?.(from, to) ?? false;
        if (LEAVING_STATUS.includes(type) && isTrue && actor === 'editor') continue;
        // One that is still to be retried by itself has not ended.
        if (automatic && actor === 'editor' && from === 'FAILED' && to === 'CANCELLED') continue;
        if (isTrue && isAllowed(actor, from, to, resumedFrom.get(dispatchId ?? '') ?? null)) continue;
        yield `entry ${seq} is ${from} → ${to} by ${actor}`;
      }
    },
  }),
  'an older dispatch moves nothing after a newer one': rule({
    kind: 'two at once',
    promise: 'S1',
    *broken({ trail, dispatches }) {
      let newest = -1;
      for (const { seq, dispatchId } of trail) {
        const mover = dispatches.findIndex(({ id }) => id === dispatchId);
        if (mover >= 0 && mover < newest)
          yield `entry ${seq} is of ${dispatchId}, after one of a newer dispatch`;
        newest = Math.max(newest, mover);
      }
    },
  }),
  'only the job’s own dispatches move it': rule({
    kind: 'two at once',
    promise: 'S1',
    *broken({ trail, dispatches }) {
      for (const { seq, dispatchId } of trail) {
        if (dispatchId === null || dispatches.some(({ id }) => id === dispatchId)) continue;
        yield `entry ${seq} is of ${dispatchId}, which is nowhere`;
      }
    },
  }),
  'a withdrawn dispatch moves nothing': rule({
    kind: 'broken 502',
    promise: 'S4',
    *broken({ trail, dispatches }) {
      const withdrawn = dispatches.filter(({ state }) => state === WITHDRAWN).map(({ id }) => id);
      for (const { seq, dispatchId } of trail) {
        if (dispatchId !== null && withdrawn.includes(dispatchId)) {
          yield `entry ${seq} is of ${dispatchId}, which was withdrawn`;
        }
      }
    },
  }),
  'a cancelled job stays cancelled': rule({
    kind: 'broken cancel',
    promise: 'S6',
    *broken({ calls, status }) {
      const cancels = calls.filter(
        ({ operation, ending }) => operation === 'cancel' && ending.kind === 'done',
      );
      if (cancels.length > 0 && status !== 'CANCELLED') yield `was cancelled, and is ${status}`;
    },
  }),
  'a job is cancelled only where somebody asked for it': rule({
    kind: 'broken cancel',
    promise: 'S6',
    *broken({ calls, status }) {
      if (status !== 'CANCELLED' || calls.some(({ operation }) => operation === 'cancel')) return;
      yield 'is cancelled, and nobody asked for it';
    },
  }),
  'a report is in the trail once': rule({
    kind: 'audit trail',
    promise: 'S6',
    *broken(jobCase) {
      for (const [key, { length }] of Map.groupBy(reportedEntries(jobCase), entryKey)) {
        if (length > 1) yield `${key} is there ${length} times`;
      }
    },
  }),
  'a report that was accepted is in the trail': rule({
    kind: 'audit trail',
    promise: 'S6',
    *broken(jobCase) {
      const there = new Set(reportedEntries(jobCase).map(entryKey));
      for (const attempts of attemptsOf(jobCase)) {
        const [report] = attempts;
        if (there.has(reportKey(report)) || !attempts.some(({ answer }) => wasTaken(answer))) continue;
        if (!isHeartbeat(report, jobCase)) yield `${reportKey(report)} was accepted and is not in it`;
      }
    },
  }),
  'only what was reported is in the trail': rule({
    kind: 'audit trail',
    promise: 'S6',
    *broken(jobCase) {
      const reports = Map.groupBy(jobCase.reports, reportKey);
      for (const key of new Set(reportedEntries(jobCase).map(entryKey))) {
        const attempts = reports.get(key);
        if (attempts?.some(({ answer }) => mayHaveApplied(answer))) continue;
        yield `${key} is in it and was ${attempts ? 'refused' : 'never reported'}`;
      }
    },
  }),
};

/** When an entry is of its kind. */
const TYPES: Readonly<Record<string, (from: string, to: string) => boolean>> = {
  status_changed: (from, to) => from !== to,
  failed_again: (from, to) => from === 'FAILED' && to === 'FAILED',
  // Of a job that is not at work and may be again.
  video_renewed: (from, to) => from === to && RESTING.includes(from) && !ENDED.includes(from),
  labels_changed: (from, to) => from === to,
  artifact_edited: (from, to) => from === to && ['FAILED', 'DRAFT_READY', 'EDITING'].includes(from),
};
/** What an editor does that moves no job. */
const LEAVING_STATUS = ['video_renewed', 'artifact_edited', 'labels_changed'];
const ENDED = ['DONE', 'CANCELLED'];

const reportedEntries = ({ trail }: JobCase): Entry[] =>
  trail.filter(({ actor }) => actor === 'orchestrator');

/** A heartbeat leaves no entry, and has one before it that brought the job there. */
const isHeartbeat = ({ status, dispatchId }: Report, { trail }: JobCase): boolean =>
  IN_PROGRESS.includes(status) &&
  trail.some((entry) => entry.to === status && entry.dispatchId === dispatchId);
