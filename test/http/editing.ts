// For tests of corrections, redo and export: an editor's acts with all that they can be asked with, and what the
// orchestrator was really given and has begun with.
import { expect } from 'vitest';
import { type ActingJob, jobAt, type Running } from '../support/workerd/acting.ts';
import { call, type Reply } from '../support/workerd/harness.ts';
import { type Accepted, type Asked, accepted, planOf, sentOf } from './planning.ts';

type Headers = Record<string, string>;
export type EditedStage = 'transcript' | 'draft';

/** A reference that nobody has named. */
export const newRef = (what: string): string => `s3://corrected/${crypto.randomUUID()}/${what}`;

/** `said` replaces the usual fields, and undefined leaves one out. */
export const edit = (
  job: ActingJob,
  stage: string,
  said: Record<string, unknown>,
  headers: Headers = {},
): Promise<Reply> =>
  call('PUT', `/jobs/${job.id}/artifacts/${stage}`, {
    token: job.token,
    headers,
    body: { uri: newRef(stage), client_request_id: crypto.randomUUID(), ...said },
  });

/** The correction is made; its reference. */
export async function corrected(
  job: ActingJob,
  stage: EditedStage,
  edits: number,
  said: Record<string, unknown> = {},
): Promise<string> {
  const reply = await edit(job, stage, { edits, ...said });
  expect(reply.status, reply.text).toBe(200);
  return reply.body.version.ref;
}

export const redoAs = (
  job: ActingJob,
  asked: Asked,
  headers: Headers = {},
  clientRequestId: string = crypto.randomUUID(),
): Promise<Reply> => job.post('redo', { ...asked, client_request_id: clientRequestId }, headers);

export const acceptedRedo = async (job: ActingJob, asked: Asked): Promise<Accepted> =>
  accepted(job, await redoAs(job, asked));

export const exportAs = (
  job: ActingJob,
  said: Record<string, unknown> = {},
  headers: Headers = {},
): Promise<Reply> =>
  job.post('export', { formats: ['docx'], client_request_id: crypto.randomUUID(), ...said }, headers);

export const acceptedExport = async (job: ActingJob, said: Record<string, unknown> = {}): Promise<Accepted> =>
  accepted(job, await exportAs(job, said));

/** A version, as `keep` and plans name it. */
export const version = (stage: string, number: number, ref: string) => ({ stage, version: number, ref });

interface Given {
  resume: string;
  keep: ReturnType<typeof version>[];
  /** Stages that are made again, each with its engine. */
  makes: Record<string, string | null>;
  edits_kept?: [stage: string, version: number][];
  edits_discarded?: [stage: string, version: number][];
}

/**
 * The plan says so, what is asked then is answered so, and it is what the orchestrator is sent and begins with: from where, what
 * is kept, and the engines of what is made again.
 */
export async function expectDone(
  kind: 'retry' | 'redo',
  job: ActingJob,
  asked: Asked,
  { resume, keep, makes, edits_kept = [], edits_discarded = [] }: Given,
): Promise<Accepted> {
  const named = (edits: [string, number][]) => edits.map(([stage, number]) => ({ stage, version: number }));
  const plan = await planOf(job, asked, kind);
  expect(plan).toMatchObject({ kind, verdict: 'allowed', refusal: null });
  expect(plan.edits_kept).toEqual(named(edits_kept));
  expect(plan.edits_discarded).toEqual(named(edits_discarded));
  const redone = plan.stages.filter(({ action }: { action: string }) => action === 'redo');
  expect(Object.fromEntries(redone.map(({ stage, engine }: Reply['body']) => [stage, engine]))).toEqual(
    makes,
  );

  const reply = await job.post(kind, { ...asked, client_request_id: crypto.randomUUID() });
  const done = await accepted(job, reply);

  const source = keep.at(-1)?.ref ?? plan.resume.checkpoint_ref;
  const resumed = { resume_from_status: resume, checkpoint_ref: source };
  expect(plan.resume).toMatchObject({ status: resume, checkpoint_ref: source });
  expect(reply.body).toMatchObject({ ...resumed, plan: { stages: plan.stages } });
  expect(reply.body.plan.edits_discarded).toEqual(named(edits_discarded));
  expect(await job.dispatch(done.dispatchId)).toMatchObject({ kind, ...resumed, plan: reply.body.plan });
  const sent = await sentOf(job, done.dispatchId);
  expect(sent).toMatchObject({ type: `job.${kind}`, ...resumed });
  expect(sent.keep).toEqual(keep);
  expect(sent.engines).toMatchObject(
    Object.fromEntries(Object.entries(makes).filter(([, engine]) => engine !== null)),
  );
  const begun = await executionOf(job, done.dispatchId);
  expect(begun).toMatchObject({ type: `job.${kind}`, resume_from_status: resume, source });
  expect(begun.keep).toEqual(keep);
  return done;
}

/** What the orchestrator has really begun for this dispatch, once. */
export async function executionOf(job: ActingJob, dispatchId: string) {
  const begun = (await job.executions()).filter((execution) => execution.dispatch_id === dispatchId);
  expect(begun).toHaveLength(1);
  if (begun[0] === undefined) throw new Error('the orchestrator has begun nothing');
  return begun[0];
}

/** Every version, oldest first: stage, number, what it was made from, and whether an edit has overtaken it. */
export async function versionsOf(job: ActingJob): Promise<unknown[]> {
  const { items } = await job.get('/artifacts');
  return items.map(({ stage, version, made_from, made_by, stale }: Reply['body']) => [
    `${stage} ${version}`,
    made_from,
    made_by.kind === 'editor' ? `edits ${made_by.edits}` : made_by.engine,
    stale ? 'stale' : 'current',
  ]);
}

/** The refusal of whatever is reported by a pipeline that has no more to say. */
export async function expectFenced({ pipeline }: Running): Promise<void> {
  for (const status of ['REGENERATING', 'DRAFT_READY', 'EXPORTING', 'DONE', 'FAILED'] as const) {
    const late = await pipeline.send(pipeline.body(status));
    expect([late.status, late.body.error_code]).toEqual([409, 'DISPATCH_NOT_CURRENT']);
  }
}

/** Who asks, as their token says it. */
export const subOf = ({ token }: ActingJob): string => JSON.parse(atob(token.split('.')[1] ?? '')).sub;

/** A job with a draft, and what its run has made. */
export async function drafted(status: 'DRAFT_READY' | 'EDITING' = 'DRAFT_READY') {
  const running = await jobAt(status);
  const of = (stage: string) => `s3://artifacts/${running.dispatchId}/${stage}`;
  return { ...running, audio: of('audio'), transcript: of('transcript'), draft: of('draft') };
}
