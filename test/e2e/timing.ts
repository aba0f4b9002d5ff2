// How long a retry takes through the queue to the orchestrator and back; printed, never asserted.
import type { Editor } from '../support/editor.ts';
import type { OrchestratorClient } from '../support/orchestrator/client.ts';

const WARM_UP = 5;

/** Milliseconds from sending a retry until its 202, in ascending order: one each for `count` failed jobs, in turn. */
export async function timeRetries(
  editor: Editor,
  orchestrator: OrchestratorClient,
  count: number,
): Promise<number[]> {
  await orchestrator.plan('default', { pipeline: { step_ms: 0, fail_at: 'UPLOADED' } });
  const jobIds: string[] = [];
  // In turn: of many connections at once a local runtime on a busy machine loses one.
  while (jobIds.length < WARM_UP + count) jobIds.push(await editor.uploadedJob());
  for (const jobId of jobIds) await editor.run(jobId);
  for (const jobId of jobIds) await editor.settledJob(jobId);
  // Retries that are taken and then rest, so that no pipeline is at work beside the one that is measured.
  await orchestrator.plan('default', { pipeline: { manual: true } });
  const times: number[] = [];
  for (const jobId of jobIds) {
    const startedAt = performance.now();
    const { status } = await editor.retry(jobId, { model_profile: 'balanced', client_request_id: 'timing' });
    times.push(performance.now() - startedAt);
    if (status !== 202) throw new Error(`a timed retry was answered ${status}`);
  }
  return times.slice(WARM_UP).sort((a, b) => a - b);
}
