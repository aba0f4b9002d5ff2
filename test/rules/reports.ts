// Which reports may move a job: each once, none of what was answered as withdrawn, none but the newest pipeline's, and
// none once the job was cancelled.
import type { Entry, JobCase, Report } from './case.ts';
import { forgets } from './dispatches.ts';
import { ENDED_BY_OTHERS, FURTHEST_FIRST, IN_PROGRESS, LATE_REPORT_MS, WITHDRAWN } from './protocol.ts';
import { rule } from './rule.ts';

export const REPORT_RULES = {
  'a 502 means withdrawn': rule({
    kind: 'broken 502',
    promise: 'S4',
    *broken({ calls, dispatches }) {
      for (const { ending } of calls) {
        if (ending.kind !== 'refused' || ending.status !== 502 || ending.dispatchId === null) continue;
        const state = dispatches.find(({ id }) => id === ending.dispatchId)?.state ?? 'nowhere';
        if (state === 'nowhere' && forgets({ dispatches })) continue;
        if (state !== WITHDRAWN) yield `${ending.dispatchId} was answered 502 and is ${state}`;
      }
    },
  }),
  'no report of a withdrawn dispatch is accepted': rule({
    kind: 'broken 502',
    promise: 'S4',
    *broken({ reports, dispatches }) {
      for (const { id } of dispatches.filter(({ state }) => state === WITHDRAWN)) {
        for (const { dispatchId, status, answer } of reports) {
          if (dispatchId !== id || !wasTaken(answer)) continue;
          yield `${id} was withdrawn, and its ${status} was ${answer}`;
        }
      }
    },
  }),
  'no report of a withdrawn dispatch is remembered': rule({
    kind: 'broken 502',
    promise: 'S4',
    needs: ['remembered'],
    *broken({ dispatches }, { remembered }) {
      const withdrawn = dispatches.filter(({ state }) => state === WITHDRAWN).map(({ id }) => id);
      for (const { dispatchId, eventId } of remembered) {
        if (withdrawn.includes(dispatchId))
          yield `${dispatchId} was withdrawn, and its ${eventId} was applied`;
      }
    },
  }),
  'a report is applied once': rule({
    kind: 'doubled',
    promise: 'S5',
    *broken({ reports, trail }) {
      const applied = reports.filter(({ answer }) => answer === 'applied');
      const told = reports.filter(({ answer }) => mayHaveApplied(answer));
      for (const [key, attempts] of Map.groupBy(applied, attemptKey)) {
        const { length } = attempts;
        // A sign of life is known again only until the next, and may be one once more; it moves nothing.
        const isSign = attempts.every(
          (report) =>
            mayBeHeartbeat(report, told) &&
            !bringsNews(report, told) &&
            !trail.some((entry) => entryKey(entry) === reportKey(report)),
        );
        if (length > 1 && !isSign) yield `report ${key} was applied ${length} times`;
      }
    },
  }),
  'a report that was taken is remembered': rule({
    kind: 'lost',
    promise: 'S5',
    needs: ['remembered'],
    *broken({ reports }, { remembered }) {
      const known = new Set(remembered.map(attemptKey));
      const taken = reports.filter(({ answer }) => wasTaken(answer));
      const kept = taken.filter((report) => !mayBeHeartbeat(report, taken)).map(attemptKey);
      for (const key of new Set(kept)) if (!known.has(key)) yield `report ${key} was taken and is forgotten`;
    },
  }),
  'only what was reported is remembered': rule({
    kind: 'audit trail',
    promise: 'S6',
    needs: ['remembered'],
    *broken({ reports }, { remembered }) {
      const possible = new Set(reports.filter(({ answer }) => mayHaveApplied(answer)).map(attemptKey));
      for (const key of remembered.map(attemptKey)) {
        if (!possible.has(key)) yield `report ${key} is remembered and was never taken`;
      }
    },
  }),
  'only reports of the job’s own dispatches are accepted': rule({
    kind: 'two at once',
    promise: 'S1',
    *broken({ reports, dispatches }) {
      for (const { dispatchId, status, answer } of reports) {
        if (answer !== 'applied' || dispatches.some(({ id }) => id === dispatchId)) continue;
        yield `${status} of ${dispatchId}, which is nowhere, was accepted`;
      }
    },
  }),
  'no pipeline is accepted once a newer one was': rule({
    kind: 'two at once',
    promise: 'S1',
    *broken({ reports, dispatches }) {
      const applied = reports.filter(({ answer }) => answer === 'applied');
      const firstOf = new Map<string, number>();
      for (const { dispatchId, answeredAt } of applied) {
        firstOf.set(dispatchId, Math.min(firstOf.get(dispatchId) ?? Infinity, answeredAt));
      }
      for (const [index, { id }] of dispatches.entries()) {
        const newer = dispatches.slice(index + 1);
        for (const { dispatchId, status, sentAfter } of applied) {
          const overtaken = newer.find((next) => sentAfter > (firstOf.get(next.id) ?? Infinity));
          if (dispatchId !== id || !overtaken) continue;
          yield `${status} of ${id} was accepted after ${overtaken.id} had reported`;
        }
      }
    },
  }),
  'no report is accepted after a cancel': rule({
    kind: 'broken cancel',
    promise: 'S6',
    *broken({ reports, calls }) {
      const cancels = calls.filter(
        ({ operation, ending }) => operation === 'cancel' && ending.kind === 'done',
      );
      const cancelledAt = Math.min(...cancels.map(({ endedAt }) => endedAt));
      for (const { dispatchId, status, answer, sentAfter } of reports) {
        if (answer === 'applied' && sentAfter > cancelledAt) {
          yield `${status} of ${dispatchId} was accepted after the cancel`;
        }
      }
    },
  }),
  'a pipeline that was executed and did not end by itself is told so': rule({
    kind: 'broken cancel',
    promise: 'S1',
    needs: ['notices'],
    *broken({ dispatches, executions }, { notices }) {
      for (const { id, state } of dispatches) {
        if (!ENDED_BY_OTHERS.includes(state) || notices.has(id) || !executions.includes(id)) continue;
        yield `${id} ended ${state}, and its pipeline was never told`;
      }
    },
  }),
  // By an answer to its report. It excuses more than it need: any edit since, and a withdrawn dispatch until its cancel is settled.
  'a pipeline that may go on is not told to stop': rule({
    kind: 'lost',
    promise: 'S1',
    needs: ['lifetimes'],
    *broken({ reports, dispatches, edits, trail }, { lifetimes }) {
      // One that has been forgotten may have been under way then.
      if (forgets({ dispatches })) return;
      const indexOf = (id: string | null) => dispatches.findIndex((dispatch) => dispatch.id === id);
      for (const { dispatchId, status, answer, sentAfter, answeredAt } of reports) {
        const index = indexOf(dispatchId);
        const state = dispatches[index]?.state;
        if (answer !== 'stopped' || state === undefined) continue;
        const end = trail.find((entry) => entry.dispatchId === dispatchId && isEndByOthers(entry));
        if (ENDED_BY_OTHERS.includes(state) && answeredAt >= (end?.occurredAt ?? -Infinity)) continue;
        const isFollowed = dispatches.slice(index + 1).some((newer) => {
          const { madeAt, changedAt } = lifetimes.get(newer.id) ?? { madeAt: -Infinity, changedAt: Infinity };
          return madeAt <= answeredAt && (newer.state !== WITHDRAWN || sentAfter <= changedAt);
        });
        const isFenced = edits.some(({ after }) => indexOf(after) >= index);
        const isLate = answeredAt - (lifetimes.get(dispatchId)?.changedAt ?? -Infinity) > LATE_REPORT_MS;
        if (!isFollowed && !isFenced && !isLate)
          yield `${status} of ${dispatchId}, which nothing had followed`;
      }
    },
  }),
  'no report meets an internal error': rule({
    kind: 'answer',
    promise: 'S8',
    *broken({ reports }) {
      for (const { dispatchId, status, answer } of reports) {
        if (answer === 'failed') yield `${status} of ${dispatchId} → an internal error`;
      }
    },
  }),
};

const isEndByOthers = ({ actor, to }: Entry): boolean =>
  actor !== 'orchestrator' && (to === 'FAILED' || to === 'CANCELLED');

/** A sign of life is remembered only as long as it is the newest: one that repeats what its pipeline, or its delivery, said. */
const mayBeHeartbeat = ({ dispatchId, eventId, status }: Report, taken: readonly Report[]): boolean =>
  (IN_PROGRESS.includes(status) || FURTHEST_FIRST.slice(1).includes(status)) &&
  (status === 'AUDIO_EXTRACTING' ||
    taken.some(
      (other) => other.dispatchId === dispatchId && other.status === status && other.eventId !== eventId,
    ));

/** An artifact that none of the reports before named. */
const bringsNews = (report: Report, told: readonly Report[]): boolean =>
  Object.entries(report.artifacts).some(
    ([checkpoint, ref]) =>
      !told.some(
        (other) =>
          other.dispatchId === report.dispatchId &&
          other.eventId !== report.eventId &&
          other.artifacts[checkpoint] === ref,
      ),
  );

/** What a report and its entry in the trail have in common; the trail does not show the report's id. */
export const reportKey = ({ dispatchId, correlationId, occurredAt, status }: Report): string =>
  [dispatchId, correlationId, occurredAt, status].join(' ');
export const entryKey = ({ dispatchId, correlationId, occurredAt, to }: Entry): string =>
  [dispatchId, correlationId, occurredAt, to].join(' ');

export const wasTaken = (answer: Report['answer']): boolean => answer === 'applied' || answer === 'replayed';
/** Also one whose answer was cut off may have been applied. */
export const mayHaveApplied = (answer: Report['answer']): boolean =>
  answer !== 'refused' && answer !== 'stopped';

/** Attempts at one report have one id, which is unique among those of its dispatch. */
const attemptKey = ({ dispatchId, eventId }: { dispatchId: string; eventId: string }): string =>
  `${dispatchId} ${eventId}`;

/** All attempts at each report. */
export const attemptsOf = ({ reports }: JobCase): [Report, ...Report[]][] => [
  ...(Map.groupBy(reports, attemptKey) as Map<string, [Report, ...Report[]]>).values(),
];
