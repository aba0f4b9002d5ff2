// The policies that a job of the histories lives under, one after the other, in plain words: the model reads them as they are.
import type { FailureClass } from '../../src/domain/failures.ts';
import type { ResumeStatus } from '../../src/domain/lifecycle.ts';
import type { ModelPolicy } from '../../src/domain/policy.ts';
import type { Rules } from '../../src/domain/rules.ts';

export interface WordedPolicy {
  version: string;
  byDefault: string;
  profiles: Readonly<Record<string, WordedProfile>>;
  /** Failure code → class. */
  classes: Readonly<Record<string, FailureClass>>;
  /** After what kinds of failures a job is retried by itself, how often at the most, and after what pauses. */
  auto: { classes: readonly FailureClass[]; most: number; first: number; factor: number; longest: number };
  /** How often one job may be retried at all; null for any number. */
  mostRetries: number | null;
}

export interface WordedProfile {
  isOn: boolean;
  from: readonly ResumeStatus[];
  /** Stage → engine. */
  engines: Readonly<Partial<Record<'transcript' | 'draft', string>>>;
}

const ANYWHERE = ['UPLOADED', 'AUDIO_READY', 'TRANSCRIPT_READY', 'DRAFT_READY'] as const;
const on = (engines: WordedProfile['engines'] = {}, from: WordedProfile['from'] = ANYWHERE) => ({
  isOn: true,
  from,
  engines,
});
const off = { ...on(), isOn: false };
const late = on({}, ['TRANSCRIPT_READY', 'DRAFT_READY']);

/** Two that share a transcriber, one with another, some without engines, one that is off; then engines are renamed and profiles go. */
export const POLICIES: readonly [WordedPolicy, WordedPolicy, WordedPolicy] = [
  {
    version: 'v1',
    byDefault: 'balanced',
    profiles: {
      balanced: on({ transcript: 'ears-1', draft: 'pen-1' }),
      writer: on({ transcript: 'ears-1', draft: 'pen-2' }),
      listener: on({ transcript: 'ears-2', draft: 'pen-1' }),
      any: on(),
      ...{ late, off },
    },
    classes: {},
    auto: { classes: ['unknown', 'timeout', 'transient'], most: 2, first: 400, factor: 5, longest: 9_000 },
    mostRetries: null,
  },
  {
    version: 'v2',
    byDefault: 'balanced',
    profiles: {
      balanced: on({ transcript: 'ears-2', draft: 'pen-1' }),
      writer: on({ draft: 'pen-2' }),
      listener: { ...on({ transcript: 'ears-1' }), isOn: false },
      any: on(),
      ...{ late, off },
    },
    classes: { CRASHED: 'permanent' },
    auto: { classes: [], most: 3, first: 500, factor: 1, longest: 500 },
    mostRetries: 3,
  },
  {
    version: 'v3',
    byDefault: 'writer',
    profiles: {
      balanced: on({ transcript: 'ears-1', draft: 'pen-3' }),
      writer: on({ transcript: 'ears-1', draft: 'pen-2' }, ['UPLOADED', 'AUDIO_READY', 'TRANSCRIPT_READY']),
      listener: on({ transcript: 'ears-2', draft: 'pen-1' }),
      late,
      off,
    },
    classes: { CRASHED: 'quota', ABANDONED: 'transient' },
    auto: { classes: ['quota', 'transient', 'unknown'], most: 1, first: 300, factor: 100, longest: 5_000 },
    mostRetries: 2,
  },
];

/** What of the rules a deployment replaces. */
export const toRules = (worded: WordedPolicy): Pick<Rules, 'policy' | 'autoRetry' | 'retriesPerJob'> => ({
  policy: toPolicy(worded),
  autoRetry: {
    failureClasses: worded.auto.classes,
    maxRetries: worded.auto.most,
    firstPauseMs: worded.auto.first,
    factor: worded.auto.factor,
    longestPauseMs: worded.auto.longest,
  },
  retriesPerJob: worded.mostRetries ?? 0,
});

export const toPolicy = ({ version, byDefault, profiles, classes }: WordedPolicy): ModelPolicy => ({
  version,
  defaultProfile: byDefault,
  profiles: Object.entries(profiles).map(([id, { isOn, from, engines }]) => ({
    ...{ id, title: id, enabled: isOn },
    ...{ resumeFrom: from, engines },
  })),
  failureClasses: classes,
});
