import { expect, test } from 'vitest';
import { enginesOf, profileOfBefore, refuseProfile } from '../../src/domain/policy.ts';
import { failedJob } from './builders.ts';
import { RULES } from './memory-job.ts';

test('an enabled profile may be used from the resume points it names', () => {
  expect(refuseProfile(RULES.policy, 'balanced', 'AUDIO_READY')).toBeNull();
  expect(refuseProfile(RULES.policy, 'late', 'TRANSCRIPT_READY')).toBeNull();
});

test.each([
  ['nobody', 'unknown'],
  ['off', 'disabled'],
  ['late', 'resume_point_not_allowed'],
])('the profile %s is refused as %s, with the ids that may be used there', (modelProfile, reason) => {
  expect(refuseProfile(RULES.policy, modelProfile, 'AUDIO_READY')).toEqual({
    code: 'MODEL_PROFILE_NOT_ALLOWED',
    reason,
    modelProfile,
    allowedModelProfiles: ['balanced'],
  });
});

test('without a resume point only the profile itself is judged', () => {
  expect(refuseProfile(RULES.policy, 'late', null)).toBeNull();
  expect(refuseProfile(RULES.policy, 'off', null)).toMatchObject({ reason: 'disabled' });
});

test('a profile that the policy does not know has no engines', () => {
  expect(enginesOf(RULES.policy, 'balanced')).toEqual({ transcript: 'ears-1', draft: 'pen-1' });
  expect(enginesOf(RULES.policy, 'nobody')).toEqual({});
  expect(enginesOf(RULES.policy, 'constructor')).toEqual({});
});

test('the profile of before is the one under which it failed, else the default', () => {
  const { failure } = failedJob().job;
  const failed = { status: 'FAILED' as const, latestProfile: 'writer' };
  const late = failure && { ...failure, modelProfile: 'late' };
  expect(profileOfBefore({ ...failed, failure: late }, RULES.policy)).toBe('late');
  expect(profileOfBefore({ ...failed, failure: null }, RULES.policy)).toBe('balanced');
});

test('of a job that has not failed it is the one that it was worked on under last', () => {
  const ready = { status: 'DRAFT_READY' as const, failure: null };
  expect(profileOfBefore({ ...ready, latestProfile: 'late' }, RULES.policy)).toBe('late');
  expect(profileOfBefore({ ...ready, latestProfile: null }, RULES.policy)).toBe('balanced');
});
