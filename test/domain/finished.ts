// A job whose run has left its draft, for tests of what comes after.
import type { ReportableStatus } from '../../src/domain/lifecycle.ts';
import { callback, confirmUpload, delivered, NO_ARTIFACTS, run } from './builders.ts';
import { MemoryJob } from './memory-job.ts';

const PATH: readonly ReportableStatus[] = [
  ...(['AUDIO_EXTRACTING', 'AUDIO_READY', 'TRANSCRIBING', 'TRANSCRIPT_READY'] as const),
  ...(['GENERATING', 'DRAFT_READY'] as const),
];
const REFS = { audioUri: 's3://a', transcriptUri: 's3://t', draftUri: 's3://d' };

/** Its run was "dsp_run"; it has named these artifacts when it was done. */
export function finishedJob(
  named: readonly (keyof typeof REFS)[] = ['audioUri', 'transcriptUri', 'draftUri'],
) {
  const job = new MemoryJob();
  job.execute(confirmUpload(), 10);
  job.execute(run('dsp_run'), 20);
  job.execute(delivered('dsp_run'), 30);
  for (const [index, status] of PATH.entries()) {
    const refs = status === 'DRAFT_READY' ? Object.fromEntries(named.map((name) => [name, REFS[name]])) : {};
    const artifacts = { ...NO_ARTIFACTS, ...refs };
    job.execute(callback('dsp_run', status, { occurredAt: 100 + index, artifacts }), 100 + index);
  }
  return job;
}
