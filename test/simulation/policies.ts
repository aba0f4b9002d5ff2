// The model policies of a simulated world, as two versions of the service have them, and what each editor asks for under which
// name: a repeat of a request asks for the same.
import type { ExportDraft } from '../../src/domain/commands.ts';
import type { ResumeStatus, StageName } from '../../src/domain/lifecycle.ts';
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

/** When failed jobs are retried by themselves, where they are, and how often there may be retries at all. */
const AUTOMATIC: readonly Pick<Rules, 'autoRetry' | 'retriesPerJob'>[] = [
  {
    autoRetry: {
      failureClasses: ['unknown', 'timeout'],
      maxRetries: 2,
      ...{ firstPauseMs: 2_000, factor: 4, longestPauseMs: 60_000 },
    },
    retriesPerJob: 3,
  },
  {
    autoRetry: {
      failureClasses: ['unknown', 'transient'],
      maxRetries: 3,
      ...{ firstPauseMs: 500, factor: 30, longestPauseMs: 40_000 },
    },
    retriesPerJob: 2,
  },
];
/** How many there may be in a row, whatever is deployed. */
export const MOST_AUTOMATIC = Math.max(...AUTOMATIC.map(({ autoRetry }) => autoRetry.maxRetries));

/** Of the version of the service that is deployed: they take turns. */
export const rulesOf = ({ deployed, automatic }: { deployed: number; automatic: boolean }): Rules => ({
  ...RULES,
  ...(automatic ? AUTOMATIC[deployed % AUTOMATIC.length] : {}),
  policy: POLICIES[deployed % POLICIES.length] as ModelPolicy,
});

export interface Asked {
  modelProfile: string;
  resumeFrom: ResumeStatus | null;
  discardEdits: readonly StageName[];
}
const asked = (
  modelProfile: string,
  resumeFrom: ResumeStatus | null = null,
  discardEdits: readonly StageName[] = [],
): Asked => ({ modelProfile, resumeFrom, discardEdits });

export const REQUESTS = {
  a: asked('balanced'),
  b: asked('rewriter'),
  c: asked('other-ears'),
  d: asked('any'),
  e: asked('balanced', 'AUDIO_READY'),
  f: asked('balanced'),
  g: asked('any', 'TRANSCRIPT_READY'),
  h: asked('balanced', null, ['transcript', 'draft']),
  i: asked('other-ears', null, ['transcript', 'draft']),
  j: asked('any', 'DRAFT_READY'),
  k: asked('any', 'AUDIO_READY', ['transcript', 'draft']),
} as const satisfies Record<string, Asked>;
export type RequestName = keyof typeof REQUESTS;

/** Under the names of before: a request of another kind is another one. */
export const REDOS = {
  a: asked('balanced'),
  b: asked('rewriter'),
  c: asked('other-ears'),
  h: asked('balanced', null, ['draft']),
  i: asked('other-ears', null, ['transcript', 'draft']),
  k: asked('any', 'AUDIO_READY', ['transcript', 'draft']),
  l: asked('any', 'UPLOADED', ['draft']),
} as const satisfies Record<string, Asked>;
export type RedoName = keyof typeof REDOS;

export const EXPORTS = {
  a: { task: { kind: 'export', formats: ['srt'], params: null }, discardEdits: [] },
  b: {
    task: { kind: 'export', formats: ['vtt', 'docx'], params: '{"burn_in":true}' },
    discardEdits: ['transcript'],
  },
  c: { task: { kind: 'export', formats: ['srt'], params: '{"lang":"de"}' }, discardEdits: [] },
} as const satisfies Record<string, Pick<ExportDraft, 'task' | 'discardEdits'>>;
export type ExportName = keyof typeof EXPORTS;
