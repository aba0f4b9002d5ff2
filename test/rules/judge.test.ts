// The judge bites where it has evidence, says where it has none, and lets pass what is kept.
import { describe, expect, test } from 'vitest';
import type { Evidence } from './case.ts';
import { corrected } from './corrected.ts';
import { judge, RULES, type RuleName, requireKept } from './judge.ts';
import {
  AUDIO,
  brokenBy,
  entry,
  keptCase,
  lived,
  type Plant,
  REFUSED,
  RETRY,
  RUN,
  report,
  toCase,
} from './kept.ts';
import type { Rule } from './rule.ts';

const rules = Object.entries(RULES) as [RuleName, Rule][];

test('a case in which every promise is kept passes every rule', () => {
  const { violations, applied } = judge(toCase(keptCase()));
  expect(violations).toEqual([]);
  expect(applied).toEqual(rules.map(([name]) => name));
});

test('a case in which people correct, have a draft made again and export it passes every rule', () => {
  expect(brokenBy(corrected())).toEqual([]);
});

test('a violation says its kind, the promise, the rule and the job', () => {
  const kept = { ...keptCase(), status: 'EXPORTING' };
  expect(judge(toCase(kept)).violations[0]).toEqual({
    ...{ kind: 'stuck', promise: 'L3', rule: 'a job comes to rest', jobId: 'job_1' },
    what: 'is still EXPORTING',
  });
  expect(() => requireKept(toCase(kept))).toThrow('broken: L3, a job comes to rest: is still EXPORTING');
});

describe('what is unknown is not judged, and everything else is:', () => {
  test.each(Object.keys(keptCase().known) as (keyof Evidence)[])('%s', (name) => {
    const { applied, violations } = judge(toCase(keptCase(), [name]));
    expect(violations).toEqual([]);
    const needing = rules.filter(([, { needs }]) => needs.includes(name)).map(([rule]) => rule);
    expect(needing).not.toEqual([]);
    expect(rules.map(([rule]) => rule).filter((rule) => !applied.includes(rule))).toEqual(needing);
  });
});

describe('no violation is', () => {
  test.each<[string, Plant]>([
    [
      'a report that was applied although its answer was lost, and its repeat',
      ({ reports }) => {
        for (const last of reports.splice(-1)) {
          reports.push({ ...last, answer: 'none' }, { ...last, answer: 'replayed' });
        }
      },
    ],
    [
      'a report that was applied and whose answer was lost for good',
      ({ reports }) => {
        for (const last of reports.slice(-1)) last.answer = 'none';
      },
    ],
    [
      'a heartbeat',
      ({ reports, known }) => {
        const heartbeat = report(RETRY, 'GENERATING', 24.5);
        reports.push(heartbeat);
        known.remembered.push(heartbeat);
      },
    ],
    [
      'a heartbeat that came again after the next',
      ({ reports, known }) => {
        const [first, second] = [report(RETRY, 'GENERATING', 24.5), report(RETRY, 'GENERATING', 24.6)];
        reports.push(first, second, first);
        known.remembered.push(first, second);
      },
    ],
    [
      'an older report whose answer came late',
      ({ reports }) => {
        for (const failed of reports.slice(2, 3)) failed.answeredAt = 22_100;
      },
    ],
    [
      'a report of an older dispatch that was refused',
      ({ reports }) => {
        reports.push({ ...report(RUN, 'AUDIO_READY', 24), answer: 'refused' });
      },
    ],
    [
      'a ghost of a withdrawn dispatch, and its times',
      ({ executions, known }) => {
        executions.push(REFUSED);
        known.notices.set(REFUSED, 'DELIVERED');
        known.lifetimes.set(REFUSED, lived(10, 60));
      },
    ],
    [
      'an abandoned pipeline that was told so, and a retry after it',
      ({ dispatches, trail, reports, known }) => {
        for (const run of dispatches.slice(0, 1)) run.state = 'CANCELLED';
        for (const failed of trail.slice(3, 4))
          Object.assign(failed, { actor: 'editor', correlationId: null });
        reports.splice(2, 1);
        known.remembered.splice(2, 1);
        known.notices.set(RUN, 'DELIVERED');
        known.lifetimes.set(RUN, lived(1, 21));
      },
    ],
    [
      'a renewed video',
      ({ trail, videoUris }) => {
        videoUris.push('s3://video-2');
        trail.push({ ...entry('editor', 'DRAFT_READY', 'DRAFT_READY', null), type: 'video_renewed' });
      },
    ],
    [
      'an artifact that came with the failure',
      ({ reports }) => {
        for (const [index, told] of reports.slice(1, 3).entries()) {
          told.artifacts = index === 0 ? {} : { AUDIO_READY: AUDIO };
        }
      },
    ],
    [
      'a dispatch that was tried until its window closed',
      ({ requests, known }) => {
        for (const request of requests) request.wasRefused = false;
        known.lifetimes.set(REFUSED, lived(10, 13));
      },
    ],
  ])('%s', (_, plant) => {
    expect(brokenBy(plant)).toEqual([]);
  });
});
