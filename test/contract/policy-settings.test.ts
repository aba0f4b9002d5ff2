// The model policy and the store of artifacts as settings: what is taken, and what is refused by the name of what is wrong.
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { FAILURE_CLASSES } from '../../src/domain/failures.ts';
import { trusting } from './asking.ts';

const BASE = trusting({ issuer: 'https://id.example', jwksUrl: 'https://id.example/keys' });
const [BALANCED] = BASE.MODEL_POLICY.profiles;

/** What is wrong with the settings; nothing where they are taken. */
function problemsOf(settings: Record<string, unknown>): string[] {
  const result = loadConfig({ ...BASE, ...settings });
  return result.ok ? [] : result.problems;
}
function configured(settings: Record<string, unknown>) {
  const result = loadConfig({ ...BASE, ...settings });
  if (!result.ok) throw new Error(result.problems.join());
  return result.config;
}
const withProfile = (fields: Record<string, unknown>) => ({
  MODEL_POLICY: { ...BASE.MODEL_POLICY, profiles: [{ ...BALANCED, ...fields }] },
});
const withClasses = (failure_classes: unknown) => ({
  MODEL_POLICY: { ...BASE.MODEL_POLICY, failure_classes },
});

describe('the engines of a profile', () => {
  test.each([
    [{}],
    [{ transcript: 'whisper-large-v3' }],
    [{ draft: 'gpt-5-mini' }],
    [{ transcript: 'Systran/faster-whisper@v3:int8', draft: 'x'.repeat(100) }],
  ])('%j are taken as they are', (engines) => {
    expect(configured(withProfile({ engines })).rules.policy.profiles[0]?.engines).toEqual(engines);
  });

  test('may be left out: then it takes any', () => {
    expect(configured({}).rules.policy.profiles[0]?.engines).toEqual({});
  });

  test.each<[string, unknown, string]>([
    ['of a stage without a model', { audio: 'ffmpeg' }, 'MODEL_POLICY.profiles.0.engines'],
    ['of a stage that there is not', { summary: 'gpt-5' }, 'MODEL_POLICY.profiles.0.engines'],
    ['without a name', { draft: '' }, 'MODEL_POLICY.profiles.0.engines.draft'],
    ['with a blank', { draft: 'gpt 5' }, 'MODEL_POLICY.profiles.0.engines.draft'],
    ['that is too long', { transcript: 'x'.repeat(101) }, 'MODEL_POLICY.profiles.0.engines.transcript'],
    ['in another script', { transcript: 'шёпот' }, 'MODEL_POLICY.profiles.0.engines.transcript'],
    ['that is a number', { draft: 5 }, 'MODEL_POLICY.profiles.0.engines.draft'],
    ['that is null', { draft: null }, 'MODEL_POLICY.profiles.0.engines.draft'],
    ['in a list', ['gpt-5'], 'MODEL_POLICY.profiles.0.engines'],
    ['as a text', 'gpt-5', 'MODEL_POLICY.profiles.0.engines'],
  ])('one %s is refused, and where it stands is named', (_what, engines, path) => {
    const problems = problemsOf(withProfile({ engines }));

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${path}: \\S`));
  });

  test('say what a name has to be', () => {
    expect(problemsOf(withProfile({ engines: { draft: 'gpt 5' } }))).toEqual([
      'MODEL_POLICY.profiles.0.engines.draft: must be 1 to 100 visible ASCII characters',
    ]);
  });
});

describe('the table of failure classes', () => {
  test('may be left out, or be empty', () => {
    expect(configured({}).rules.policy.failureClasses).toEqual({});
    expect(configured(withClasses({})).rules.policy.failureClasses).toEqual({});
  });

  test.each(FAILURE_CLASSES)('takes the class %s', (failureClass) => {
    const table = { ENGINE_CRASHED: failureClass };
    expect(configured(withClasses(table)).rules.policy.failureClasses).toEqual(table);
  });

  test.each<[string, unknown, string]>([
    ['a class that there is not', { ENGINE_CRASHED: 'fatal' }, 'MODEL_POLICY.failure_classes.ENGINE_CRASHED'],
    ['a class in capitals', { ENGINE_CRASHED: 'INPUT' }, 'MODEL_POLICY.failure_classes.ENGINE_CRASHED'],
    ['a class that is a number', { ENGINE_CRASHED: 1 }, 'MODEL_POLICY.failure_classes.ENGINE_CRASHED'],
    ['an empty code', { '': 'input' }, 'MODEL_POLICY.failure_classes.'],
    [
      'a code longer than one is',
      { ['X'.repeat(65)]: 'input' },
      `MODEL_POLICY.failure_classes.${'X'.repeat(65)}`,
    ],
    ['a list', [['ENGINE_CRASHED', 'input']], 'MODEL_POLICY.failure_classes'],
  ])('with %s is refused, and what is wrong is named', (_what, table, path) => {
    const problems = problemsOf(withClasses(table));

    expect(problems).toHaveLength(1);
    expect(problems[0]?.startsWith(`${path}: `)).toBe(true);
  });
});

describe('the store of artifacts', () => {
  const bucket = { head: () => null };

  test('is none by default', () => {
    expect(configured({}).artifactsBucket).toBeNull();
    expect(configured({ ARTIFACTS_BUCKET: '' }).artifactsBucket).toBeNull();
  });

  test('is the bucket that is bound, under the name by which references know it', () => {
    expect(configured({ ARTIFACTS: bucket, ARTIFACTS_BUCKET: 'media-1' }).artifactsBucket).toBe('media-1');
  });

  test('that is bound and has no name is refused, and says which setting is missing', () => {
    expect(problemsOf({ ARTIFACTS: bucket })).toEqual([
      'ARTIFACTS_BUCKET: is needed where a bucket is bound as ARTIFACTS',
    ]);
    expect(problemsOf({ ARTIFACTS: bucket, ARTIFACTS_BUCKET: '' })).toHaveLength(1);
  });

  test('that has a name and is not bound is refused, and says which binding is missing', () => {
    expect(problemsOf({ ARTIFACTS_BUCKET: 'media' })).toEqual([
      'ARTIFACTS_BUCKET: names a bucket, but none is bound as ARTIFACTS',
    ]);
  });

  test.each(['Media', 'a', 'media/', 'r2://media', 'media_1', '-media', 'media-', 'x'.repeat(64), 'media 1'])(
    'is not called %j',
    (name) => {
      expect(problemsOf({ ARTIFACTS: bucket, ARTIFACTS_BUCKET: name })).toEqual([
        'ARTIFACTS_BUCKET: must be the name of a bucket',
      ]);
    },
  );
});

describe('retries by themselves', () => {
  const OFF = {
    failureClasses: [],
    ...{ maxRetries: 3, firstPauseMs: 60_000, factor: 2, longestPauseMs: 3_600_000 },
  };

  test('are off by default, and where no class is named', () => {
    for (const settings of [
      {},
      { AUTO_RETRY: '' },
      { AUTO_RETRY: {} },
      { AUTO_RETRY: { failure_classes: [] } },
    ])
      expect(configured(settings).rules.autoRetry).toEqual(OFF);
  });

  test('are taken as a table and as JSON, with defaults for what is not said', () => {
    const said = { failure_classes: ['transient', 'timeout'], first_pause_seconds: 1.5 };
    const rules = { ...OFF, failureClasses: said.failure_classes, firstPauseMs: 1_500 };
    expect(configured({ AUTO_RETRY: said }).rules.autoRetry).toEqual(rules);
    expect(configured({ AUTO_RETRY: JSON.stringify(said) }).rules.autoRetry).toEqual(rules);
  });

  test.each([
    ['a class that there is not', { failure_classes: ['temporary'] }, 'AUTO_RETRY.failure_classes.0'],
    ['no retry at all', { max_retries: 0 }, 'AUTO_RETRY.max_retries'],
    ['half a retry', { max_retries: 1.5 }, 'AUTO_RETRY.max_retries'],
    ['no pause', { first_pause_seconds: 0 }, 'AUTO_RETRY.first_pause_seconds'],
    ['pauses that shrink', { factor: 0.5 }, 'AUTO_RETRY.factor'],
    ['a longest pause that is shorter', { longest_pause_seconds: 30 }, 'AUTO_RETRY.longest_pause_seconds'],
    ['a field that there is not', { jitter: 1 }, 'AUTO_RETRY'],
  ])('with %s are refused, and where it stands is named', (_what, settings, path) => {
    const problems = problemsOf({ AUTO_RETRY: settings });

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${path}: \\S`));
  });
});

describe('the limit of retries of one job', () => {
  test('is none by default', () => {
    for (const settings of [{}, { LIMITS: {} }, { LIMITS: { retries_per_job: 0 } }])
      expect(configured(settings).rules.retriesPerJob).toBe(0);
  });

  test('is taken as it is', () => {
    expect(configured({ LIMITS: '{"retries_per_job":7}' }).rules.retriesPerJob).toBe(7);
  });

  test.each([-1, 1.5, '7'])('is refused as %j', (retries_per_job) => {
    expect(problemsOf({ LIMITS: { retries_per_job } })[0]).toMatch(/^LIMITS.retries_per_job: \S/);
  });
});
