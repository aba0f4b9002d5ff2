// What an editor is offered in every status, and in which order.
import { describe, expect, test } from 'vitest';
import type { FailureClass } from '../../src/domain/failures.ts';
import { STATUSES } from '../../src/domain/lifecycle.ts';
import { nextActions } from '../../src/domain/next-actions.ts';
import {
  abandon,
  callback,
  cancel,
  confirmUpload,
  delivered,
  editArtifact,
  exportDraft,
  failedJob,
  redo,
  renewVideo,
  retry,
  run,
  undelivered,
} from './builders.ts';
import { finishedJob } from './finished.ts';
import { MemoryJob, RULES } from './memory-job.ts';
import { checkOffers } from './offers.ts';
import { POLICIES, toPolicy } from './policies.ts';

function uploaded(): MemoryJob {
  const job = new MemoryJob();
  job.execute(confirmUpload(), 10);
  return job;
}

const PATH = [
  ...(['AUDIO_EXTRACTING', 'AUDIO_READY', 'TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING'] as const),
  ...(['DRAFT_READY', 'REGENERATING', 'EDITING', 'EXPORTING', 'DONE'] as const),
];

/** A run that has come to this status. */
function cameTo(last: (typeof PATH)[number]): MemoryJob {
  const job = uploaded();
  job.execute(run('dsp_run'), 20);
  job.execute(delivered('dsp_run'), 30);
  for (const [index, status] of PATH.slice(0, PATH.indexOf(last) + 1).entries()) {
    job.execute(callback('dsp_run', status, { occurredAt: 100 + index }), 100 + index);
  }
  expect(job.job.status).toBe(last);
  return job;
}

function doing(job: MemoryJob, ...commands: Parameters<MemoryJob['execute']>[0][]): MemoryJob {
  for (const [index, command] of commands.entries()) job.execute(command, 5_000 + index);
  return job;
}

const JOBS: Readonly<Record<string, () => MemoryJob>> = {
  CREATED: () => new MemoryJob(),
  UPLOADING: () => {
    const job = new MemoryJob();
    job.state = { ...job.state, job: { ...job.job, status: 'UPLOADING' } };
    return job;
  },
  UPLOADED: uploaded,
  'UPLOADED, with a run under way': () => doing(uploaded(), run('dsp_run')),
  'UPLOADED, its run withdrawn': () =>
    doing(uploaded(), run('dsp_run', { windowMs: 1 }), undelivered('dsp_run')),
  ...Object.fromEntries(PATH.map((status) => [status, () => cameTo(status)])),
  FAILED: failedJob,
  'FAILED, with a retry under way': () => doing(failedJob(), retry('dsp_2')),
  'FAILED, with a retry that was delivered': () => doing(failedJob(), retry('dsp_2'), delivered('dsp_2')),
  'FAILED, with a retry that has begun': () =>
    doing(failedJob(), retry('dsp_2'), delivered('dsp_2'), callback('dsp_2', 'AUDIO_READY')),
  'FAILED, its retry withdrawn': () =>
    doing(failedJob(), retry('dsp_2', { windowMs: 1 }), undelivered('dsp_2')),
  'FAILED, abandoned': () => doing(cameTo('TRANSCRIBING'), abandon()),
  'FAILED, its video renewed': () => doing(failedJob(), renewVideo()),
  'FAILED, under a profile that is off now': () => {
    const job = failedJob();
    job.rules = {
      ...RULES,
      policy: {
        ...RULES.policy,
        profiles: RULES.policy.profiles.map((profile) => ({ ...profile, enabled: profile.id === 'late' })),
      },
    };
    return job;
  },
  'DRAFT_READY, with all that was made': () => finishedJob(),
  'DRAFT_READY, with a redo under way': () => doing(finishedJob(), redo('dsp_2'), delivered('dsp_2')),
  'DRAFT_READY, its redo withdrawn': () =>
    doing(finishedJob(), redo('dsp_2', { windowMs: 1 }), undelivered('dsp_2')),
  'DRAFT_READY, with an export under way': () => doing(finishedJob(), exportDraft('dsp_2')),
  'DRAFT_READY, its transcript corrected': () => doing(finishedJob(), editArtifact()),
  'DRAFT_READY, its draft corrected': () => doing(finishedJob(), editArtifact({ stage: 'draft' })),
  'EDITING, with all that was made': () => doing(finishedJob(), callback('dsp_run', 'EDITING')),
  'FAILED, its redo having failed': () => doing(finishedJob(), redo('dsp_2'), callback('dsp_2', 'FAILED')),
  'FAILED, its redo having failed, its draft corrected': () =>
    doing(finishedJob(), redo('dsp_2'), callback('dsp_2', 'FAILED'), editArtifact({ stage: 'draft' })),
  'FAILED, its export having failed': () =>
    doing(finishedJob(), exportDraft('dsp_2'), callback('dsp_2', 'FAILED')),
  'FAILED, after a draft': () => doing(cameTo('DRAFT_READY'), callback('dsp_run', 'FAILED')),
  CANCELLED: () => doing(uploaded(), cancel()),
};

test('every status is among those that are tried', () => {
  const tried = new Set(Object.values(JOBS).map((made) => made().job.status));
  expect([...tried].sort()).toEqual([...STATUSES].sort());
});

describe('all that is offered works, what is offered with a refusal is refused so, and whatever is not offered is refused or does nothing', () => {
  test.each(Object.entries(JOBS))('%s', (_what, made) => {
    const job = made();
    expect(() => checkOffers(job, 10_000)).not.toThrow();
    for (const policy of POLICIES) {
      job.rules = { ...job.rules, policy: toPolicy(policy) };
      expect(() => checkOffers(job, 10_000)).not.toThrow();
    }
  });
});

const offered = (job: MemoryJob) =>
  nextActions(job.job, job.open, job.rules).map(({ action, modelProfile, edits, refusal }) =>
    [action, modelProfile, edits && `${edits.stage} ${edits.version}`, refusal && `(${refusal.code})`]
      .filter((word) => word !== null)
      .join(' '),
  );

const AT_REST = ['renew_video', 'cancel', 'erase'];

test.each([
  ['CREATED', ['confirm_upload', 'cancel', 'erase']],
  ['UPLOADED', ['run balanced', ...AT_REST]],
  ['UPLOADED, with a run under way', ['wait', 'abandon', 'cancel']],
  ['TRANSCRIBING', ['wait', 'abandon', 'cancel']],
  [
    'DRAFT_READY',
    ['redo balanced', 'redo late (MODEL_PROFILE_NOT_ALLOWED)', 'export (NOTHING_TO_EXPORT)', ...AT_REST],
  ],
  [
    'DRAFT_READY, with all that was made',
    ['redo balanced', 'redo late', 'export', 'edit transcript 1', 'edit draft 1', ...AT_REST],
  ],
  ['DRAFT_READY, with a redo under way', ['wait', 'abandon', 'cancel']],
  [
    'DRAFT_READY, its redo withdrawn',
    ['redo balanced', 'redo late', 'export', 'edit transcript 1', 'edit draft 1', ...AT_REST],
  ],
  ['DRAFT_READY, with an export under way', ['wait', 'abandon', 'cancel']],
  [
    'DRAFT_READY, its transcript corrected',
    [
      ...['redo balanced', 'redo late', 'export (EDITS_IN_THE_WAY)'],
      ...['edit transcript 2', 'edit draft 1', ...AT_REST],
    ],
  ],
  [
    'DRAFT_READY, its draft corrected',
    [
      ...['redo balanced (EDITS_IN_THE_WAY)', 'redo late (EDITS_IN_THE_WAY)', 'export'],
      ...['edit transcript 1', 'edit draft 2', ...AT_REST],
    ],
  ],
  [
    'EDITING, with all that was made',
    ['redo balanced', 'redo late', 'export', 'edit transcript 1', 'edit draft 1', ...AT_REST],
  ],
  [
    'FAILED',
    ['retry balanced', 'retry_with_profile late (MODEL_PROFILE_NOT_ALLOWED)', 'renew_video', 'erase'],
  ],
  [
    'FAILED, its redo having failed',
    [
      ...['retry balanced', 'retry_with_profile late', 'edit transcript 1', 'edit draft 1'],
      'renew_video',
      'erase',
    ],
  ],
  [
    'FAILED, its redo having failed, its draft corrected',
    [
      ...['retry balanced (EDITS_IN_THE_WAY)', 'retry_with_profile late (EDITS_IN_THE_WAY)'],
      ...['edit transcript 1', 'edit draft 2', 'renew_video', 'erase'],
    ],
  ],
  [
    'FAILED, its export having failed',
    [
      ...['retry balanced', 'retry_with_profile late', 'edit transcript 1', 'edit draft 1'],
      'renew_video',
      'erase',
    ],
  ],
  ['FAILED, with a retry under way', ['wait', 'abandon', 'cancel']],
  ['DONE', ['erase']],
  ['CANCELLED', ['erase']],
] as const)('%s: what can be done is %j', (what, actions) => {
  expect(offered(JOBS[what]?.() ?? new MemoryJob())).toEqual(actions);
});

test('a retry is offered as the job failed; where nothing says how, by default', () => {
  const job = failedJob();
  job.execute(retry('dsp_2', { modelProfile: 'balanced' }), 1_000);
  const [first] = nextActions({ ...job.job, failure: null }, null, RULES);
  expect(first).toMatchObject({ action: 'retry', modelProfile: RULES.policy.defaultProfile });
  const late = { ...failedJob().job };
  const failure = late.failure && { ...late.failure, modelProfile: 'late' };
  expect(nextActions({ ...late, failure }, null, RULES)[0]).toMatchObject({
    action: 'retry',
    modelProfile: 'late',
    refusal: { code: 'MODEL_PROFILE_NOT_ALLOWED', reason: 'resume_point_not_allowed' },
  });
});

function failedOf(failureClass: FailureClass, retryAfterMs: number | null = null): MemoryJob {
  const job = cameTo('TRANSCRIBING');
  const said = { failureCode: 'X', failureMessage: null, failedStage: null };
  const failure = { ...said, failureClass, retryAfterMs };
  job.execute(callback('dsp_run', 'FAILED', { occurredAt: 1_000, failure }), 1_000);
  return job;
}

test.each<[FailureClass, string]>([
  ['transient', 'retry'],
  ['timeout', 'retry'],
  ['unknown', 'retry'],
  ['policy', 'retry_with_profile'],
  ['permanent', 'retry_with_profile'],
  ['input', 'renew_video'],
])('against a failure of class %s the first that is named is %s', (failureClass, action) => {
  const [first] = nextActions(failedOf(failureClass).job, null, RULES);
  expect(first?.action).toBe(action);
});

test('a quota is waited for first, until when its report said; then the retry', () => {
  const [first, second] = nextActions(failedOf('quota', 60_000).job, null, RULES);
  expect(first).toMatchObject({ action: 'wait', until: 61_000 });
  expect(second?.action).toBe('retry');
});

test('an input that cannot be read is for another job, or another place of the video', () => {
  expect(offered(failedOf('input')).slice(0, 2)).toEqual(['renew_video', 'new_job']);
  expect(offered(failedOf('transient'))).not.toContain('new_job');
});

test('who waits for a pipeline is told until when at the most', () => {
  const job = cameTo('TRANSCRIBING');
  const [first] = nextActions(job.job, job.open, RULES);
  expect(first).toMatchObject({
    action: 'wait',
    until: (job.job.lastProgressAt ?? 0) + RULES.stageTimeoutMs,
  });
});
