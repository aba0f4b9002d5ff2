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
