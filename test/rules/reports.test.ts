// Planted: reports that move a job and must not, and memories of them that are wrong.
import { expect, test } from 'vitest';
import {
  at,
  brokenBy,
  call,
  done,
  entry,
  findsPlanted,
  type Kept,
  type Plant,
  REFUSED,
  RETRY,
  RUN,
  refused,
  report,
} from './kept.ts';
import { LATE_REPORT_MS } from './protocol.ts';
import { REPORT_RULES } from './reports.ts';

const withState = ({ dispatches }: Kept, id: string, state: string): void => {
  for (const stored of dispatches) if (stored.id === id) stored.state = state;
};

/** What its pipeline does next, and is told by the answer that it is the job's no more. */
const stopped = (dispatchId: string, seconds: number) => ({
  ...report(dispatchId, dispatchId === RUN ? 'TRANSCRIBING' : 'EDITING', seconds),
  answer: 'stopped' as const,
});

findsPlanted(REPORT_RULES, {
  'a 502 means withdrawn': {
    'a dispatch that was answered 502 and is alive': (kept) => withState(kept, REFUSED, 'TIMED_OUT'),
    'a dispatch that was answered 502 and is nowhere': ({ calls }) => {
      calls.push(call('retry', 30, refused(502, 'ORCHESTRATOR_DISPATCH_FAILED', 'dsp_phantom')));
    },
  },
  'no report of a withdrawn dispatch is accepted': {
    'a report of a withdrawn dispatch that was accepted': ({ reports }) => {
      reports.push(report(REFUSED, 'TRANSCRIBING', 12));
    },
    'a report of a withdrawn dispatch that was accepted as a repeat': ({ reports }) => {
      reports.push({ ...report(REFUSED, 'TRANSCRIBING', 12), answer: 'replayed' });
    },
  },
  'no report of a withdrawn dispatch is remembered': {
    'a report of a withdrawn dispatch that got no answer and was applied': ({ reports, known }) => {
      const ghost = report(REFUSED, 'TRANSCRIBING', 12);
      reports.push({ ...ghost, answer: 'none' });
      known.remembered.push(ghost);
    },
  },
  'a report is applied once': {
    'a report that was applied twice': ({ reports }) => {
      reports.push(...reports.slice(-1));
    },
    'a sign of life that brought the job back where it was the second time': ({ reports, trail }) => {
      const [first, second] = [report(RETRY, 'GENERATING', 24.5), report(RETRY, 'GENERATING', 24.6)];
      reports.push(first, second, first);
      const { occurredAt, correlationId } = first;
      trail.push({ ...entry('orchestrator', 'DRAFT_READY', 'GENERATING', RETRY), occurredAt, correlationId });
    },
    'a sign of life that brought an artifact and was applied twice': ({ reports }) => {
      const early = report(RETRY, 'GENERATING', 24.5, 's3://early');
      reports.push(early, early);
    },
  },
  'a report that was taken is remembered': {
    'an accepted report that is forgotten': ({ known }) => {
      known.remembered.pop();
    },
    'a report that is remembered as another dispatch’s': ({ known }) => {
      for (const remembered of known.remembered.slice(-1)) remembered.dispatchId = RUN;
    },
  },
  'only what was reported is remembered': {
    'a refused report that is remembered': ({ reports }) => {
      for (const last of reports.slice(-1)) last.answer = 'refused';
    },
    'a report that is remembered and was never made': ({ reports }) => {
      reports.pop();
    },
  },
  'only reports of the job’s own dispatches are accepted': {
    'a report of nobody’s dispatch': ({ reports }) => {
      reports.push(report('dsp_phantom', 'TRANSCRIBING', 24));
    },
  },
  'no pipeline is accepted once a newer one was': {
    'a report of an older dispatch after one of a newer': ({ reports }) => {
      reports.push(report(RUN, 'AUDIO_EXTRACTING', 24));
    },
  },
  'no report is accepted after a cancel': {
    'a cancelled job that went on': ({ calls }) => {
      calls.push(call('cancel', 21.5, done({})));
    },
  },
  'a pipeline that was executed and did not end by itself is told so': {
    'a pipeline that was cancelled while it ran and never heard of it': (kept) => {
      withState(kept, RETRY, 'CANCELLED');
    },
    'a pipeline that was given up for silent and never heard of it': (kept) => {
      withState(kept, RUN, 'TIMED_OUT');
    },
    'a pipeline that was begun although its delivery was withdrawn': ({ executions }) => {
      executions.push(REFUSED);
    },
  },
  'a pipeline that may go on is not told to stop': {
    'a settled pipeline that was told to stop and that nothing has followed': ({ reports }) => {
      reports.push(stopped(RETRY, 26));
    },
    'one that was told to stop although the newer dispatch had been withdrawn': (kept) => {
      withState(kept, RETRY, 'UNDELIVERABLE');
      kept.reports.push(stopped(RUN, 30));
    },
    'one that was told to stop before the newer dispatch was made': ({ reports }) => {
      reports.push(stopped(RUN, 19));
    },
    'one that was told to stop before it was cancelled': (kept) => {
      withState(kept, RETRY, 'CANCELLED');
      kept.trail.push({ ...entry('editor', 'DRAFT_READY', 'CANCELLED', RETRY), occurredAt: at(30) });
      kept.reports.push(stopped(RETRY, 26));
    },
  },
  'no report meets an internal error': {
    'a report that was answered 500': ({ reports }) => {
      reports.push({ ...report(RETRY, 'DRAFT_READY', 26), answer: 'failed' });
    },
  },
});

const EXCUSED: [why: string, plant: Plant][] = [
  ['a newer one has superseded', ({ reports }) => void reports.push(stopped(RUN, 24))],
  [
    'met one that was withdrawn later',
    (kept) => {
      withState(kept, RETRY, 'UNDELIVERABLE');
      kept.reports.push(stopped(RUN, 24));
    },
  ],
  [
    'a correction has overtaken',
    ({ reports, edits }) => {
      const made = { stage: 'draft', version: 2, ref: 's3://mine', actor: 'alice', edits: 1 };
      edits.push({ ...made, after: RETRY });
      reports.push(stopped(RETRY, 26));
    },
  ],
  ['says it too late', ({ reports }) => void reports.push(stopped(RETRY, 26 + LATE_REPORT_MS / 1_000))],
  [
    'was cancelled before',
    (kept) => {
      withState(kept, RETRY, 'CANCELLED');
      kept.trail.push({ ...entry('editor', 'DRAFT_READY', 'CANCELLED', RETRY), occurredAt: at(25.5) });
      kept.reports.push(stopped(RETRY, 26));
    },
  ],
  ['was withdrawn itself', ({ reports }) => void reports.push(stopped(REFUSED, 12))],
];

test.for(EXCUSED)('a pipeline that %s may be told to stop', ([_why, plant]) => {
  expect(brokenBy(plant)).not.toContain('a pipeline that may go on is not told to stop');
});
