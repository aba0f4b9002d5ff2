// Planted: retries that resume from elsewhere than the furthest valid checkpoint, plans that do not say what is so, and
// somebody who is told otherwise. And what is no violation, however odd it looks.
import { describe, expect, test } from 'vitest';
import type { PlannedStage } from './case.ts';
import { CHECKPOINT_RULES } from './checkpoints.ts';
import { CORRECTED, corrected, EXPORT, find, REDO } from './corrected.ts';
import {
  AUDIO,
  brokenBy,
  DRAFT,
  entry,
  findsPlanted,
  type Kept,
  type Plant,
  RETRY,
  RUN,
  report,
  requestFor,
  TRANSCRIPT,
} from './kept.ts';

/** The run came to its transcript before it failed. */
function transcribed({ reports, trail }: Kept, artifact: string = TRANSCRIPT): void {
  const made = [report(RUN, 'TRANSCRIBING', 5.5), report(RUN, 'TRANSCRIPT_READY', 6, artifact)];
  reports.splice(2, 0, ...made);
  trail.splice(
    3,
    0,
    ...made.map(({ status, occurredAt, correlationId }) => ({
      ...entry('orchestrator', 'AUDIO_READY', status, RUN),
      ...{ occurredAt, correlationId },
    })),
  );
}

/** All but the run resume from the transcript, which they keep. */
function resumedFromTranscript({ dispatches, requests, calls }: Kept, ref = TRANSCRIPT): void {
  const point = { resumeFrom: 'TRANSCRIPT_READY', ref };
  for (const request of requests.slice(1)) Object.assign(request, point);
  for (const { ending } of calls) {
    if (ending.kind === 'done' && ending.dispatch?.resumeFrom) Object.assign(ending.dispatch, point);
  }
  for (const retry of dispatches.slice(1)) {
    Object.assign(retry, point);
    planned(retry.plan, 'audio', { action: 'keep', ref: AUDIO, reason: 'before_resume_point' });
    planned(retry.plan, 'transcript', { action: 'keep', version: 1, ref, reason: 'resume_point' });
    for (const request of requests) {
      if (request.dispatchId === retry.id) request.keep = requestFor(retry).keep;
    }
  }
}

/** All but the run have the transcript made again for this reason. */
function madeAgain({ dispatches }: Kept, reason: string): void {
  for (const { plan } of dispatches.slice(1)) planned(plan, 'transcript', { reason });
}

function planned(
  plan: Kept['dispatches'][number]['plan'],
  stage: string,
  patch: Partial<PlannedStage>,
): void {
  const found = plan?.stages.find((one) => one.stage === stage);
  if (found) Object.assign(found, patch);
}

findsPlanted(CHECKPOINT_RULES, {
  'a retry resumes from the furthest checkpoint on record': {
    'a retry from the start although there was a checkpoint': ({ dispatches }) => {
      for (const retry of dispatches.slice(-1)) retry.resumeFrom = 'UPLOADED';
    },
    'a retry from another artifact': ({ dispatches }) => {
      for (const retry of dispatches.slice(-1)) retry.ref = 's3://other';
    },
    'a retry that knows nothing of an artifact that came a report late': ({ reports }) => {
      for (const failed of reports.slice(2, 3)) failed.artifacts = { AUDIO_READY: 's3://artifacts/audio-2' };
    },
    'a retry from an artifact whose stage was not reached': ({ reports, dispatches }) => {
      for (const failed of reports.slice(2, 3)) failed.artifacts = { DRAFT_READY: 's3://artifacts/draft' };
      for (const retry of dispatches.slice(-1)) retry.resumeFrom = 'DRAFT_READY';
    },
    'a retry from the upload that goes to another video': ({ dispatches, reports }) => {
      for (const brought of reports.slice(0, 3)) brought.artifacts = {};
      for (const retry of dispatches) Object.assign(retry, { resumeFrom: 'UPLOADED', ref: 's3://other' });
    },
    'a retry from a checkpoint that was not reached yet': ({ dispatches }) => {
      for (const retry of dispatches.slice(-1)) retry.resumeFrom = 'DRAFT_READY';
    },
    'a retry from the older version of a checkpoint': ({ reports, trail }) => {
      const newer = report(RUN, 'AUDIO_READY', 6, 's3://artifacts/audio-2');
      reports.splice(2, 0, newer);
      for (const reached of trail.slice(2, 3)) {
        trail.splice(3, 0, { ...reached, seq: 3.5, occurredAt: newer.occurredAt });
      }
    },
    'a retry from a transcript that another engine made': (kept) => {
      transcribed(kept);
      resumedFromTranscript(kept);
      for (const retry of kept.dispatches.slice(1)) retry.engines = { transcript: 'ears-2', draft: 'pen-1' };
    },
    'a retry from the audio although its own engine had made a transcript': (kept) => transcribed(kept),
    'a retry from a transcript that was written over by a later pipeline': (kept) => {
      transcribed(kept);
      const [run, , retry] = kept.dispatches;
      for (const one of kept.reports.filter(({ dispatchId }) => dispatchId === RETRY)) {
        if (one.status === 'TRANSCRIPT_READY') one.artifacts = { TRANSCRIPT_READY: TRANSCRIPT };
      }
      madeAgain(kept, 'engine_differs');
      for (const other of kept.dispatches.slice(1)) other.engines = { transcript: 'ears-2', draft: 'pen-1' };
      if (!run || !retry) return;
      const back = structuredClone({ ...retry, id: 'dsp_back', engines: run.engines });
      kept.dispatches.push(back);
      resumedFromTranscript({ ...kept, dispatches: [run, back] });
    },
    'a retry that begins before the checkpoint that it may have': (kept) => {
      transcribed(kept);
      madeAgain(kept, 'asked');
      for (const { plan } of kept.dispatches.slice(1)) if (plan) plan.asked = 'TRANSCRIPT_READY';
    },
    'a redo from the draft that it is to make': corrected((kept) => {
      Object.assign(find(kept, REDO), { resumeFrom: 'DRAFT_READY', ref: DRAFT });
    }),
    'a retry that passes over a file that was never touched': (kept) => {
      transcribed(kept);
      madeAgain(kept, 'missing');
      Object.assign(kept, { lost: ['s3://artifacts/another'] });
    },
  },
  'an export hands on the draft that counts': {
    'the draft of before': corrected((kept) => {
      Object.assign(find(kept, EXPORT), { ref: DRAFT });
    }),
    'no draft at all': corrected((kept) => {
      Object.assign(find(kept, EXPORT), { resumeFrom: 'TRANSCRIPT_READY', ref: CORRECTED });
    }),
  },
  'the orchestrator is sent what the plan keeps': {
    'a correction that is not among what is to be kept': corrected(({ requests }) => {
      for (const request of requests)
        request.keep = (request.keep ?? []).filter(({ ref }) => ref !== CORRECTED);
    }),
    'the version of before': corrected(({ requests }) => {
      for (const { keep } of requests) for (const kept of keep ?? []) kept.version = 1;
    }),
  },
  'a retry keeps what its resume point was made from, and has the rest made again by its own engines': {
    'another audio than the transcript was made from': (kept) => {
      transcribed(kept);
      resumedFromTranscript(kept);
      for (const { plan } of kept.dispatches.slice(1)) planned(plan, 'audio', { ref: 's3://other' });
    },
    'a stage that is kept and lies behind the resume point': ({ dispatches }) => {
      for (const { plan } of dispatches.slice(1))
        planned(plan, 'transcript', { action: 'keep', ref: TRANSCRIPT, reason: 'resume_point' });
    },
    'a stage that is made again and lies before it': ({ dispatches }) => {
      for (const { plan } of dispatches.slice(1)) planned(plan, 'audio', { action: 'redo', reason: 'asked' });
    },
    'another engine than the profile names': ({ dispatches }) => {
      for (const { plan } of dispatches.slice(1)) planned(plan, 'draft', { engine: 'pen-2' });
    },
  },
  'a plan says truly why a stage is made again': {
    'a transcript that was made, and is said to be none': (kept) => {
      transcribed(kept);
      for (const retry of kept.dispatches.slice(1)) retry.engines = { transcript: 'ears-2', draft: 'pen-1' };
    },
    'a transcript that was never made, and is said to be of another engine': (kept) =>
      madeAgain(kept, 'engine_differs'),
    'a file that is said to be gone, and was never touched': (kept) => {
      transcribed(kept);
      madeAgain(kept, 'missing');
    },
    'a stage that nobody asked for': (kept) => madeAgain(kept, 'asked'),
  },
  'everybody is told the same of where a retry resumes': {
    'an orchestrator that was told to go on elsewhere': ({ requests }) => {
      for (const last of requests.slice(-1)) last.resumeFrom = 'UPLOADED';
    },
    'an orchestrator that was told of another artifact': ({ requests }) => {
      for (const last of requests.slice(-1)) last.ref = 's3://other';
    },
    'an editor who was told of another artifact': ({ calls }) => {
      for (const { ending } of calls) {
        if (ending.kind === 'done' && ending.dispatch?.id === RETRY) ending.dispatch.ref = 's3://other';
      }
    },
    'an editor who was told to expect another stage': ({ calls }) => {
      for (const { ending } of calls) {
        if (ending.kind === 'done' && ending.dispatch?.id === RETRY) ending.dispatch.resumeFrom = 'UPLOADED';
      }
    },
  },
});

describe('no violation is', () => {
  const RULES = Object.keys(CHECKPOINT_RULES);
  test.each<[string, Plant]>([
    [
      'a transcript that another engine made, and is made again',
      (kept) => {
        transcribed(kept);
        madeAgain(kept, 'engine_differs');
        for (const retry of kept.dispatches.slice(1)) {
          retry.engines = { ...retry.engines, transcript: 'ears-2' };
          planned(retry.plan, 'transcript', { action: 'redo', engine: 'ears-2' });
        }
      },
    ],
    [
      'a transcript that any engine may have made',
      (kept) => {
        transcribed(kept);
        resumedFromTranscript(kept);
        for (const retry of kept.dispatches.slice(1)) {
          retry.engines = {};
          planned(retry.plan, 'draft', { action: 'redo', engine: null });
        }
      },
    ],
    [
      'a retry that was asked to begin further back than it could',
      (kept) => {
        transcribed(kept);
        madeAgain(kept, 'asked');
        for (const { plan } of kept.dispatches.slice(1)) if (plan) plan.asked = 'AUDIO_READY';
      },
    ],
    [
      'a file that the store had lost, and one that it had lost only later',
      (kept) => {
        transcribed(kept);
        madeAgain(kept, 'missing');
        Object.assign(kept, { lost: [TRANSCRIPT, AUDIO] });
      },
    ],
    [
      'a transcript whose report may have been taken, resumed from',
      (kept) => {
        kept.reports.splice(2, 0, lostHeartbeat());
        for (const { status, dispatchId, ...failed } of kept.reports) {
          if (status === 'FAILED')
            kept.reports.splice(3, 1, { ...failed, status, dispatchId, failedStage: 'GENERATING' });
        }
        resumedFromTranscript(kept);
      },
    ],
    [
      'the same one, not resumed from',
      (kept) => {
        kept.reports.splice(2, 0, lostHeartbeat());
      },
    ],
  ])('%s', (_what, plant) => {
    expect(brokenBy(plant).filter((rule) => RULES.includes(rule))).toEqual([]);
  });
});

const lostHeartbeat = () => ({
  ...report(RUN, 'AUDIO_READY', 6),
  ...{ artifacts: { TRANSCRIPT_READY: TRANSCRIPT }, answer: 'none' as const },
});
