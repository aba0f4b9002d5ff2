// Every state that a job can be in as far as its next acts are concerned, and what is offered in each, in this order.
import {
  type ActingJob,
  ASYNC,
  createdJob,
  failedAfter,
  jobAt,
  losingMessages,
  retriedAfter,
  until,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { acceptedExport, acceptedRedo, corrected } from './editing.ts';
import { acceptedRetry } from './planning.ts';

const allowedUnder = (...profiles: string[]) => profiles.map((profile) => `retry_with_profile ${profile}`);
const RETRIES = ['retry balanced', ...allowedUnder('polished', 'accurate')];
const DRAFT_ONLY_REFUSED =
  'not retry_with_profile draft-only: MODEL_PROFILE_NOT_ALLOWED resume_point_not_allowed';
const AT_WORK = ['wait', 'abandon', 'cancel'];
const redoUnder = (...profiles: string[]) => profiles.map((profile) => `redo ${profile}`);
const NOT_REDONE = ['balanced', 'polished', 'accurate', 'draft-only'].map(
  (profile) => `not redo ${profile}: EDITS_IN_THE_WAY`,
);
/** What a finished draft can be made again by, exported and corrected. */
const FINISHED = [
  ...redoUnder('balanced', 'polished', 'accurate', 'draft-only'),
  'export',
  'edit transcript 1',
  'edit draft 1',
];

export type OfferedState = [name: string, make: () => Promise<ActingJob>, offers: string[]];

export const STATES: OfferedState[] = [
  ['CREATED', () => createdJob(), ['confirm_upload', 'cancel', 'erase']],
  ['UPLOADED', () => uploadedJob(), ['run balanced', 'renew_video', 'cancel', 'erase']],
  ['UPLOADED with a run that is not delivered', pendingRun, AT_WORK],
  ['AUDIO_EXTRACTING', () => at('AUDIO_EXTRACTING'), AT_WORK],
  ['AUDIO_READY', () => at('AUDIO_READY'), AT_WORK],
  ['TRANSCRIBING', () => at('TRANSCRIBING'), AT_WORK],
  ['GENERATING', () => at('GENERATING'), AT_WORK],
  ['REGENERATING', () => at('REGENERATING'), AT_WORK],
  ['EXPORTING', () => at('EXPORTING'), AT_WORK],
  ['FAILED', () => failed({}), [...RETRIES, DRAFT_ONLY_REFUSED, 'renew_video', 'erase']],
  [
    'FAILED with a transcript',
    async () => (await failedAfter('GENERATING')).job,
    [
      'retry balanced',
      ...allowedUnder('polished', 'accurate', 'draft-only'),
      ...['edit transcript 1', 'renew_video', 'erase'],
    ],
  ],
  [
    'FAILED with a draft',
    async () => (await failedAfter('DRAFT_READY')).job,
    [
      'retry balanced',
      ...allowedUnder('polished', 'accurate', 'draft-only'),
      ...['edit transcript 1', 'edit draft 1', 'renew_video', 'erase'],
    ],
  ],
  [
    'FAILED before anything was made',
    async () => (await failedAfter('AUDIO_EXTRACTING')).job,
    [...RETRIES, DRAFT_ONLY_REFUSED, 'renew_video', 'erase'],
  ],
  ['FAILED with an open retry', async () => (await retriedAfter('TRANSCRIBING')).job, AT_WORK],
  [
    'FAILED with a retry that is at work',
    async () => {
      const { job, pipeline } = await retriedAfter('TRANSCRIBING');
      await pipeline.report('TRANSCRIBING');
      return job;
    },
    AT_WORK,
  ],
  [
    'FAILED because it was abandoned',
    () => stopped('TRANSCRIBING', (job) => job.post('abandon')),
    [...RETRIES, DRAFT_ONLY_REFUSED, 'renew_video', 'erase'],
  ],
  [
    'FAILED for a moment',
    () => failed({ failure_class: 'transient' }),
    [...RETRIES, DRAFT_ONLY_REFUSED, 'renew_video', 'erase'],
  ],
  [
    'FAILED for a quota, until a time',
    () => failed({ failure_class: 'quota', retry_after_seconds: 60 }),
    ['wait', ...RETRIES, DRAFT_ONLY_REFUSED, 'renew_video', 'erase'],
  ],
  [
    'FAILED for a moment, until a time',
    () => failed({ failure_class: 'transient', retry_after_seconds: 60 }),
    [...RETRIES, DRAFT_ONLY_REFUSED, 'wait', 'renew_video', 'erase'],
  ],
  [
    'FAILED by a content policy',
    () => failed({ failure_class: 'policy' }),
    [...allowedUnder('polished', 'accurate'), DRAFT_ONLY_REFUSED, 'retry balanced', 'renew_video', 'erase'],
  ],
  [
    'FAILED for good',
    () => failed({ failure_class: 'permanent' }),
    [...allowedUnder('polished', 'accurate'), DRAFT_ONLY_REFUSED, 'retry balanced', 'renew_video', 'erase'],
  ],
  [
    'FAILED for its input',
    () => failed({ failure_class: 'input' }),
    ['renew_video', 'new_job', ...RETRIES, DRAFT_ONLY_REFUSED, 'erase'],
  ],
  [
    'FAILED under another profile',
    async () => {
      const { job } = await failedAfter('TRANSCRIBING');
      const { pipeline } = await acceptedRetry(job, { model_profile: 'accurate' });
      await pipeline.report('FAILED');
      return job;
    },
    ['retry accurate', ...allowedUnder('balanced', 'polished'), DRAFT_ONLY_REFUSED, 'renew_video', 'erase'],
  ],
  ['CANCELLED', () => stopped('AUDIO_READY', (job) => job.cancel()), ['erase']],
  ['DONE', () => at('DONE'), ['erase']],
];

/** Those of a finished draft, and what they lead to. */
export const DRAFT_STATES: OfferedState[] = [
  ['DRAFT_READY', () => at('DRAFT_READY'), [...FINISHED, 'renew_video', 'cancel', 'erase']],
  ['EDITING', () => at('EDITING'), [...FINISHED, 'renew_video', 'cancel', 'erase']],
  [
    'DRAFT_READY with a corrected transcript',
    () => edited('transcript'),
    [
      ...redoUnder('balanced', 'polished', 'accurate', 'draft-only'),
      'not export: EDITS_IN_THE_WAY',
      ...['edit transcript 2', 'edit draft 1', 'renew_video', 'cancel', 'erase'],
    ],
  ],
  [
    'DRAFT_READY with a corrected draft',
    () => edited('draft'),
    [...NOT_REDONE, 'export', 'edit transcript 1', 'edit draft 2', 'renew_video', 'cancel', 'erase'],
  ],
  [
    'DRAFT_READY without a draft that anybody named',
    async () => {
      const { job, pipeline } = await jobAt('GENERATING');
      await pipeline.report('DRAFT_READY', { artifact_updates: null });
      return job;
    },
    [
      ...redoUnder('balanced', 'polished', 'accurate', 'draft-only'),
      ...['not export: NOTHING_TO_EXPORT no_draft', 'edit transcript 1', 'renew_video', 'cancel', 'erase'],
    ],
  ],
  ['DRAFT_READY with an open redo', () => redone(), AT_WORK],
  ['DRAFT_READY with an open export', () => exported(), AT_WORK],
  ['REGENERATING by a redo', () => redone('REGENERATING'), AT_WORK],
  [
    'DRAFT_READY by a redo',
    () => redone('REGENERATING', 'DRAFT_READY'),
    [
      ...redoUnder('polished', 'balanced', 'accurate', 'draft-only'),
      ...['export', 'edit transcript 1', 'edit draft 2', 'renew_video', 'cancel', 'erase'],
    ],
  ],
  ['EXPORTING by an export', () => exported('EXPORTING'), AT_WORK],
  [
    'EDITING by an export',
    () => exported('EXPORTING', 'EDITING'),
    [...FINISHED, 'renew_video', 'cancel', 'erase'],
  ],
  ['DONE by an export', () => exported('EXPORTING', 'DONE'), ['erase']],
  [
    'FAILED in a redo',
    () => redone('REGENERATING', 'FAILED'),
    [
      'retry polished',
      ...allowedUnder('balanced', 'accurate', 'draft-only'),
      ...['edit transcript 1', 'edit draft 1', 'renew_video', 'erase'],
    ],
  ],
  [
    'FAILED in an export',
    () => exported('EXPORTING', 'FAILED'),
    [
      'retry balanced',
      ...allowedUnder('polished', 'accurate', 'draft-only'),
      ...['edit transcript 1', 'edit draft 1', 'renew_video', 'erase'],
    ],
  ],
  [
    'FAILED with a corrected transcript',
    async () => {
      const { job } = await failedAfter('GENERATING');
      await corrected(job, 'transcript', 1);
      return job;
    },
    [
      'retry balanced',
      ...allowedUnder('polished', 'accurate', 'draft-only'),
      ...['edit transcript 2', 'renew_video', 'erase'],
    ],
  ],
  [
    'FAILED with a corrected draft, and a transcript that was corrected since',
    async () => {
      const { job } = await failedAfter('DRAFT_READY');
      await corrected(job, 'draft', 1);
      await corrected(job, 'transcript', 1);
      return job;
    },
    [
      ...['retry balanced', 'retry_with_profile polished', 'retry_with_profile accurate'],
      'retry_with_profile draft-only',
    ]
      .map((offer) => `not ${offer}: EDITS_IN_THE_WAY`)
      .concat('edit transcript 2', 'edit draft 2', 'renew_video', 'erase'),
  ],
];

async function at(status: Parameters<typeof jobAt>[0]): Promise<ActingJob> {
  return (await jobAt(status)).job;
}

async function edited(stage: 'transcript' | 'draft'): Promise<ActingJob> {
  const job = await at('DRAFT_READY');
  await corrected(job, stage, 1);
  return job;
}

/** A redo under another profile, whose pipeline has reported this. */
async function redone(...reports: Parameters<typeof jobAt>[0][]): Promise<ActingJob> {
  const { job, pipeline } = await acceptedRedo(await at('DRAFT_READY'), { model_profile: 'polished' });
  await pipeline.reportAll(...reports);
  return job;
}

async function exported(...reports: Parameters<typeof jobAt>[0][]): Promise<ActingJob> {
  const { job, pipeline } = await acceptedExport(await at('DRAFT_READY'));
  await pipeline.reportAll(...reports);
  return job;
}

export async function failed(fields: Record<string, unknown>): Promise<ActingJob> {
  const { job, pipeline } = await jobAt('TRANSCRIBING');
  await pipeline.report('FAILED', fields);
  return job;
}

async function pendingRun(): Promise<ActingJob> {
  const job = await uploadedJob();
  losingMessages();
  const reply = await job.run(ASYNC);
  if (reply.status !== 202) throw new Error(`not run: ${reply.text}`);
  // Of a dispatch that no delivery tells of, its alarm tells the list.
  await job.alarm();
  return job;
}

/** Its pipeline was told to stop, and nothing is on its way any more. */
export async function stopped(
  status: Parameters<typeof jobAt>[0],
  stop: (job: ActingJob) => Promise<unknown>,
): Promise<ActingJob> {
  const { job } = await jobAt(status);
  await stop(job);
  await until(async () => {
    const [dispatch] = await job.storedDispatches();
    if (dispatch?.cancelNotice?.state !== 'DELIVERED') throw new Error('the pipeline was not told yet');
  });
  return job;
}
