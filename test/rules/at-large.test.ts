// Planted: what no single job shows.
import { describe, expect, test } from 'vitest';
import { AT_LARGE_RULES, type AtLarge, type AtLargeRuleName, judgeAtLarge } from './at-large.ts';
import { call, done, refused } from './kept.ts';

const created = done({ status: 201 });
const cutOff = { kind: 'unanswered', metFault: true } as const;

const keptRun = () => ({
  jobIds: ['job_1', 'job_2'],
  creations: [
    { call: call('create', 0, created), jobId: 'job_1' as string | null },
    { call: call('create', 1, cutOff), jobId: null },
  ],
  calls: [call('project', 0, created), call('create', 1, cutOff)],
  leaks: [] as string[],
});
type KeptRun = ReturnType<typeof keptRun>;
const brokenBy = (plant: (run: KeptRun) => void): string[] => {
  const run = keptRun();
  plant(run);
  return judgeAtLarge(run satisfies AtLarge).map(({ rule }) => rule);
};

test('a run in which every promise is kept passes, also one in which a creation was not answered', () => {
  expect(brokenBy(() => {})).toEqual([]);
  expect(brokenBy(({ jobIds }) => jobIds.pop())).toEqual([]);
});

const PLANTED: Record<AtLargeRuleName, Record<string, (run: KeptRun) => void>> = {
  'a job that was created is there': {
    'a created job that is nowhere': ({ jobIds }) => {
      jobIds.shift();
    },
  },
  'no job is there that nobody asked for': {
    'a job that nobody asked for': ({ jobIds }) => {
      jobIds.push('job_3');
    },
    'two jobs for one request': ({ creations }) => {
      creations.pop();
    },
  },
  'every answer at large is one that is documented': {
    'an error that belongs to no job': ({ calls }) => {
      calls.push(call('project', 50, refused(500, 'INTERNAL')));
    },
    'a creation that nobody answered while the service was up': ({ calls }) => {
      calls.push(call('create', 50, { kind: 'unanswered', metFault: false }));
    },
  },
  'no secret is told': {
    'a secret in the output': ({ leaks }) => {
      leaks.push('token <secret>');
    },
  },
};

describe.each(Object.keys(AT_LARGE_RULES) as AtLargeRuleName[])('%s', (name) => {
  test.each(Object.entries(PLANTED[name]))('found is %s', (_, plant) => {
    expect(brokenBy(plant)).toContain(name);
  });
});
