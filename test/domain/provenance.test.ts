// Who did a thing, under which policy, and for which request: what every record of a job bears.
import { expect, test } from 'vitest';
import {
  callback,
  cancel,
  confirmUpload,
  deadline,
  delivered,
  failedJob,
  NO_ARTIFACTS,
  retry,
  run,
} from './builders.ts';
import { MemoryJob, RULES } from './memory-job.ts';

const asked = { actorId: 'bob', actorName: 'Bob Brown', correlationId: 'req_bob' };
const NOBODY = { actorId: null, actorName: null };
const lastEntry = (job: MemoryJob) => job.state.transitions.at(-1);

function runningJob(): MemoryJob {
  const job = new MemoryJob();
  job.execute(confirmUpload(), 10);
  job.execute(run('dsp_run', asked), 20);
  job.execute(delivered('dsp_run'), 30);
  return job;
}

test('a dispatch bears who asked for it, for which request, under which policy, and the engines that it named then', () => {
  const job = failedJob();
  job.execute(retry('dsp_retry', asked), 1_000);
  expect(job.open).toMatchObject({
    ...asked,
    modelProfile: 'balanced',
    policyVersion: RULES.policy.version,
    engines: { transcript: 'ears-1', draft: 'pen-1' },
  });
});

test('a version bears the policy of its dispatch, and the engine that the policy named for its stage', () => {
  const job = runningJob();
  const audioUri = 's3://a/audio';
  job.execute(callback('dsp_run', 'AUDIO_READY', { artifacts: { ...NO_ARTIFACTS, audioUri } }), 40);
  job.execute(callback('dsp_run', 'TRANSCRIBING'), 50);
  const transcriptUri = 's3://a/transcript';
  job.execute(callback('dsp_run', 'TRANSCRIPT_READY', { artifacts: { ...NO_ARTIFACTS, transcriptUri } }), 60);
  expect(job.job.versions).toMatchObject([
    { stage: 'audio', madeBy: { policyVersion: RULES.policy.version, engine: null } },
    { stage: 'transcript', madeBy: { policyVersion: RULES.policy.version, engine: 'ears-1' } },
  ]);
});

test('an editor’s act bears the editor and the request; a report its own correlation id, and nobody', () => {
  const job = runningJob();
  expect(job.state.transitions[0]).toMatchObject({
    actor: 'editor',
    actorId: 'alice',
    actorName: 'Alice Adams',
    correlationId: 'req_1',
  });
  job.execute(callback('dsp_run', 'AUDIO_READY', { correlationId: 'execution-1' }), 40);
  expect(lastEntry(job)).toMatchObject({
    actor: 'orchestrator',
    actorId: null,
    actorName: null,
    correlationId: 'execution-1',
  });
  job.execute(cancel(asked), 50);
  expect(lastEntry(job)).toMatchObject({ actor: 'editor', ...asked });
});

test('where nobody says what an editor is called, what they did bears their id alone', () => {
  const saysNull = <C extends object>(command: C): C => ({ ...command, actorName: null });
  // As code of before sends it.
  const saysNothing = <C extends { actorName?: unknown }>({ actorName: _name, ...command }: C) =>
    command as C;
  for (const nameless of [saysNull, saysNothing]) {
    const job = failedJob();
    job.execute(nameless(retry('dsp_retry', asked)), 1_000);
    expect(job.open).toMatchObject({ actorId: 'bob', actorName: null });
    job.execute(nameless(cancel(asked)), 1_100);
    expect(lastEntry(job)).toMatchObject({ actor: 'editor', actorId: 'bob', actorName: null });
  }
});

test('what happens by itself bears the correlation id of its dispatch’s request: the start of a run, a stage that timed out', () => {
  const job = runningJob();
  const byItself = { actor: 'system', ...NOBODY, correlationId: 'req_bob', dispatchId: 'dsp_run' };
  expect(lastEntry(job)).toMatchObject({ newStatus: 'AUDIO_EXTRACTING', ...byItself });
  job.execute(deadline(), 30 + RULES.ackTimeoutMs);
  expect(lastEntry(job)).toMatchObject({ newStatus: 'FAILED', ...byItself });
  expect(job.job.failure).toMatchObject({ failureCode: 'ORCHESTRATOR_TIMEOUT', correlationId: 'req_bob' });
});

test('a pipeline that went on after it was settled is named when it goes silent', () => {
  const job = runningJob();
  for (const [at, status] of [
    'AUDIO_READY',
    'TRANSCRIBING',
    'TRANSCRIPT_READY',
    'GENERATING',
    'DRAFT_READY',
    'EXPORTING',
  ].entries()) {
    job.execute(callback('dsp_run', status as 'DRAFT_READY', { occurredAt: 1_000 + at }), 40 + at);
  }
  expect(job.open).toBeNull();
  job.execute(deadline(), 100 + RULES.stageTimeoutMs);
  expect(lastEntry(job)).toMatchObject({
    newStatus: 'FAILED',
    dispatchId: 'dsp_run',
    correlationId: 'req_bob',
  });
});
