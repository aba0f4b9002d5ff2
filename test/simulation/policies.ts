// The model policies of a simulated world, as two versions of the service have them, and what each editor asks for under which
// name: a repeat of a request asks for the same.
import type { ResumeStatus } from '../../src/domain/lifecycle.ts';
import { RESUME_STATUSES } from '../../src/domain/lifecycle.ts';
import type { ModelPolicy, ModelProfile } from '../../src/domain/policy.ts';
import type { Rules } from '../../src/domain/rules.ts';
import { RULES } from '../domain/memory-job.ts';

/** As references name it. */
export const BUCKET = 'artifacts';

const profile = (id: string, engines: ModelProfile['engines'], enabled = true): ModelProfile => ({
  ...{ id, title: id, enabled, resumeFrom: RESUME_STATUSES },
  engines,
});

const POLICIES: readonly ModelPolicy[] = [
  {
    version: 'v1',
    defaultProfile: 'balanced',
    profiles: [
      profile('balanced', { transcript: 'ears-1', draft: 'pen-1' }),
      profile('rewriter', { transcript: 'ears-1', draft: 'pen-2' }),
      profile('other-ears', { transcript: 'ears-2', draft: 'pen-2' }),
      profile('any', {}),
    ],
    failureClasses: {},
  },
  {
    version: 'v2',
    defaultProfile: 'balanced',
    profiles: [
      profile('balanced', { transcript: 'ears-3', draft: 'pen-1' }),
      profile('rewriter', { transcript: 'ears-1', draft: 'pen-2' }),
      profile('other-ears', { transcript: 'ears-2', draft: 'pen-2' }, false),
      profile('any', {}),
    ],
    failureClasses: { TRANSCRIPTION_FAILED: 'transient' },
  },
];

/** Of the version of the service that is deployed: they take turns. */
export const rulesOf = (deployed: number): Rules => ({
  ...RULES,
  policy: POLICIES[deployed % POLICIES.length] as ModelPolicy,
});

export interface Asked {
  modelProfile: string;
  resumeFrom: ResumeStatus | null;
}
export const REQUESTS = {
  a: { modelProfile: 'balanced', resumeFrom: null },
  b: { modelProfile: 'rewriter', resumeFrom: null },
  c: { modelProfile: 'other-ears', resumeFrom: null },
  d: { modelProfile: 'any', resumeFrom: null },
  e: { modelProfile: 'balanced', resumeFrom: 'AUDIO_READY' },
  f: { modelProfile: 'balanced', resumeFrom: null },
  g: { modelProfile: 'any', resumeFrom: 'TRANSCRIPT_READY' },
} as const satisfies Record<string, Asked>;
export type RequestName = keyof typeof REQUESTS;
