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
import { acceptedRetry } from './planning.ts';

const allowedUnder = (...profiles: string[]) => profiles.map((profile) => `retry_with_profile ${profile}`);
const RETRIES = ['retry balanced', ...allowedUnder('polished', 'accurate')];
const DRAFT_ONLY_REFUSED =
  'not retry_with_profile draft-only: MODEL_PROFILE_NOT_ALLOWED resume_point_not_allowed';

export const STATES: [string, () => Promise<ActingJob>, string[]][] = [
  ['CREATED', () => createdJob(), ['confirm_upload', 'cancel']],
  ['UPLOADED', () => uploadedJob(), ['run balanced', 'renew_video', 'cancel']],
  ['UPLOADED with a run that is not delivered', pendingRun, ['wait', 'abandon', 'cancel']],
  ['AUDIO_EXTRACTING', () => at('AUDIO_EXTRACTING'), ['wait', 'abandon', 'cancel']],
  ['AUDIO_READY', () => at('AUDIO_READY'), ['wait', 'abandon', 'cancel']],
  ['TRANSCRIBING', () => at('TRANSCRIBING'), ['wait', 'abandon', 'cancel']],
  ['GENERATING', () => at('GENERATING'), ['wait', 'abandon', 'cancel']],
  ['DRAFT_READY', () => at('DRAFT_READY'), ['renew_video', 'cancel']],
  ['EDITING', () => at('EDITING'), ['renew_video', 'cancel']],
  ['REGENERATING', () => at('REGENERATING'), ['wait', 'abandon', 'cancel']],
  ['EXPORTING', () => at('EXPORTING'), ['wait', 'abandon', 'cancel']],
  ['FAILED', () => failed({}), [...RETRIES, DRAFT_ONLY_REFUSED, 'renew_video']],
  [
    'FAILED with a transcript',
    async () => (await failedAfter('GENERATING')).job,
    ['retry balanced', ...allowedUnder('polished', 'accurate', 'draft-only'), 'renew_video'],
  ],
  [
    'FAILED with a draft',
    async () => (await failedAfter('DRAFT_READY')).job,
    ['retry balanced', ...allowedUnder('polished', 'accurate', 'draft-only'), 'renew_video'],
  ],
  [
    'FAILED before anything was made',
    async () => (await failedAfter('AUDIO_EXTRACTING')).job,
    [...RETRIES, DRAFT_ONLY_REFUSED, 'renew_video'],
  ],
  [
    'FAILED with an open retry',
    async () => (await retriedAfter('TRANSCRIBING')).job,
    ['wait', 'abandon', 'cancel'],
  ],
  [
    'FAILED with a retry that is at work',
    async () => {
      const { job, pipeline } = await retriedAfter('TRANSCRIBING');
      await pipeline.report('TRANSCRIBING');
      return job;
    },
    ['wait', 'abandon', 'cancel'],
  ],
  [
    'FAILED because it was abandoned',
    () => stopped('TRANSCRIBING', (job) => job.post('abandon')),
    [...RETRIES, DRAFT_ONLY_REFUSED, 'renew_video'],
  ],
  [
    'FAILED for a moment',
    () => failed({ failure_class: 'transient' }),
    [...RETRIES, DRAFT_ONLY_REFUSED, 'renew_video'],
  ],
  [
    'FAILED for a quota, until a time',
    () => failed({ failure_class: 'quota', retry_after_seconds: 60 }),
    ['wait', ...RETRIES, DRAFT_ONLY_REFUSED, 'renew_video'],
  ],
  [
    'FAILED for a moment, until a time',
    () => failed({ failure_class: 'transient', retry_after_seconds: 60 }),
    [...RETRIES, DRAFT_ONLY_REFUSED, 'wait', 'renew_video'],
  ],
  [
    'FAILED by a content policy',
    () => failed({ failure_class: 'policy' }),
    [...allowedUnder('polished', 'accurate'), DRAFT_ONLY_REFUSED, 'retry balanced', 'renew_video'],
  ],
  [
    'FAILED for good',
    () => failed({ failure_class: 'permanent' }),
    [...allowedUnder('polished', 'accurate'), DRAFT_ONLY_REFUSED, 'retry balanced', 'renew_video'],
  ],
  [
    'FAILED for its input',
    () => failed({ failure_class: 'input' }),
    ['renew_video', 'new_job', ...RETRIES, DRAFT_ONLY_REFUSED],
  ],
  [
    'FAILED under another profile',
    async () => {
      const { job } = await failedAfter('TRANSCRIBING');
      const { pipeline } = await acceptedRetry(job, { model_profile: 'accurate' });
      await pipeline.report('FAILED');
      return job;
    },
    ['retry accurate', ...allowedUnder('balanced', 'polished'), DRAFT_ONLY_REFUSED, 'renew_video'],
  ],
  ['CANCELLED', () => stopped('AUDIO_READY', (job) => job.cancel()), []],
  ['DONE', () => at('DONE'), []],
];

async function at(status: Parameters<typeof jobAt>[0]): Promise<ActingJob> {
  return (await jobAt(status)).job;
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
