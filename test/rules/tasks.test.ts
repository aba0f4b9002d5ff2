// Planted: pipelines that are asked for something else than editors asked for, or than was left to do.
import { describe, expect, test } from 'vitest';
import { AGAIN, corrected, EXPORT, find, REDO, SECOND_DRAFT } from './corrected.ts';
import { brokenBy, entry, findsPlanted, type Plant } from './kept.ts';
import { TASK_RULES } from './tasks.ts';

const OTHER = { formats: ['docx'], params: null };

findsPlanted(TASK_RULES, {
  'an export is for the formats and params that were asked for': {
    'other formats': corrected((kept) => {
      Object.assign(find(kept, EXPORT), { exports: OTHER });
    }),
    'the same formats without their params': corrected((kept) => {
      Object.assign(find(kept, EXPORT), { exports: { formats: ['srt', 'vtt'], params: null } });
    }),
    'an export that nobody asked for': corrected(({ calls }) => {
      for (const asked of calls.splice(0)) if (asked.operation !== 'export') calls.push(asked);
    }),
  },
  'a retry goes on with what was not done': {
    'a retry of an export that is for nothing of the kind': corrected((kept) => {
      Object.assign(find(kept, AGAIN), { exports: null });
    }),
    'a retry of an export that is for other formats': corrected((kept) => {
      Object.assign(find(kept, AGAIN), { exports: OTHER });
    }),
    'a redo that is for an export': corrected((kept) => {
      Object.assign(find(kept, REDO), { exports: OTHER });
    }),
    'a retry that goes on with an export that was done': corrected(({ trail }) => {
      const at = trail.findIndex(({ to, dispatchId }) => to === 'FAILED' && dispatchId === EXPORT);
      trail.splice(at, 0, entry('orchestrator', 'EXPORTING', 'DONE', EXPORT));
    }),
  },
  'the orchestrator is told what a dispatch is for': {
    'an export that is sent without formats': corrected(({ requests }) => {
      for (const request of requests) request.exports = null;
    }),
    'a retry that is sent other params': corrected(({ requests }) => {
      for (const request of requests.slice(-1)) request.exports = { formats: ['srt', 'vtt'], params: '{}' };
    }),
    'a redo that is sent as a retry': corrected(({ requests }) => {
      for (const request of requests) if (request.type === 'job.redo') request.type = 'job.retry';
    }),
  },
  'a redo has the draft made again': {
    'a redo that keeps the draft': corrected((kept) => {
      Object.assign(find(kept, REDO), { resumeFrom: 'DRAFT_READY', ref: SECOND_DRAFT });
    }),
  },
});

describe('no violation is', () => {
  const RULES = Object.keys(TASK_RULES);
  test.each<[string, Plant]>([
    [
      'a retry of an export that had to make the draft first, retried once more',
      corrected((kept) => {
        const { trail } = kept;
        const at = trail.findIndex(({ to, dispatchId }) => to === 'FAILED' && dispatchId === EXPORT);
        trail.splice(at, 0, entry('orchestrator', 'GENERATING', 'DRAFT_READY', EXPORT));
      }),
    ],
    [
      'a redo that was never heard of, after which the export fails',
      corrected(({ dispatches }) => {
        const late = dispatches.find(({ id }) => id === REDO);
        if (late) dispatches.splice(-1, 0, { ...late, id: 'dsp_silent', state: 'TIMED_OUT' });
      }),
    ],
  ])('%s', (_, plant) => {
    expect(brokenBy(plant).filter((name) => RULES.includes(name))).toEqual([]);
  });
});
