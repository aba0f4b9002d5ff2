// What follows a draft: another one, and its exports. Both go on with a finished job, and leave alone what is in `keep`.
import { type ResumeStatus, STAGE_NAMES, type StageName } from '../../../src/domain/lifecycle.ts';
import { Finding } from '../finding.ts';
import type { JobUnderTest, Work } from '../job-under-test.ts';
import type { KitOptions } from '../options.ts';
import type { Scene } from '../scene.ts';
import { executedOnce } from './dispatches.ts';
import { type Body, exportsIn, finishedJob, hearOnly, NOT_CURRENT, refIn } from './fenced.ts';
import { correct, leavesAlone, warnOfFixedRefs } from './keeping.ts';

const REDO =
  'Report REGENERATING until the new draft is there, then DRAFT_READY, or EDITING, with its draft_uri.';
const EXPORT = 'Report EXPORTING, then DONE, or EDITING, with exports: a reference for each of the formats.';

export async function makesAnotherDraft(scene: Scene): Promise<void> {
  await Promise.all([
    redoes(scene, 'TRANSCRIPT_READY', (job) => correct(job, 'transcript')),
    redoes(scene, 'AUDIO_READY'),
    redoes(scene, 'UPLOADED'),
  ]);
}

async function redoes(
  scene: Scene,
  resumeFrom: ResumeStatus,
  before: (job: JobUnderTest) => void = () => {},
): Promise<void> {
  const job = await finishedJob(scene);
  const first = job.checkpoint('DRAFT_READY');
  before(job);
  const redo = await job.redo(resumeFrom);
  const reports = await played(scene, job, redo, REDO);
  leavesAlone(redo, reports);
  const refsOf = (stage: StageName) => reports.flatMap((report) => refIn(report, `${stage}_uri`) ?? []);
  const hidden = STAGE_NAMES.slice(redo.keep.length).find((stage) => refsOf(stage).length === 0);
  if (hidden !== undefined) {
    throw new Finding(
      `a redo from ${resumeFrom} never named the ${hidden} that it made`,
      `Send ${hidden}_uri in artifact_updates, of REGENERATING or of what ends the redo: a later pipeline resumes from it.`,
    );
  }
  warnOfFixedRefs(scene, [...(first ? [first.ref] : []), ...new Set(refsOf('draft'))]);
}

export async function redoesOnce(scene: Scene): Promise<void> {
  const job = await finishedJob(scene);
  await once(scene, job, await job.redo('TRANSCRIPT_READY'));
}

export async function exportsTheDraft(scene: Scene): Promise<void> {
  const job = await finishedJob(scene);
  correct(job, 'draft');
  const order = await job.export(scene.options);
  const reports = await played(scene, job, order, EXPORT);
  leavesAlone(order, reports);
  hasExports(job, scene.options, reports);
}

export async function exportsOnce(scene: Scene): Promise<void> {
  const job = await finishedJob(scene);
  await once(scene, job, await job.export(scene.options));
}

/** It is fenced off while it exports: the retry begins at the draft, and says what for. */
export async function retriesAnExport(scene: Scene): Promise<void> {
  const job = await finishedJob(scene);
  const order = await job.export(scene.options);
  job.respond = ({ dispatchId, body }, decide) => {
    if (dispatchId !== order.dispatch_id || job.status === 'FAILED') return NOT_CURRENT;
    const answer = decide();
    if (body?.status === 'EXPORTING') job.timeOut();
    return answer;
  };
  await scene.dispatch(order);
  await scene.comesToRest(job, EXPORT);
  const reports = await played(scene, job, await job.retry(), EXPORT);
  hasExports(job, scene.options, reports);
}

/** What the pipeline of this dispatch, which alone is listened to, has reported when it comes to rest. */
async function played(scene: Scene, job: JobUnderTest, work: Work, fix: string): Promise<Body[]> {
  const reports = hearOnly(job, work);
  await scene.dispatch(work);
  await scene.comesToRest(job, fix);
  return reports();
}

function once(scene: Scene, job: JobUnderTest, work: Work): Promise<void> {
  hearOnly(job, work);
  return executedOnce(scene, job, work);
}

/** That they were reported by this pipeline, and as references. */
function hasExports(job: JobUnderTest, { formats }: KitOptions, reports: readonly Body[]): void {
  const named = reports.flatMap(exportsIn);
  const missing = formats.filter((format) => !named.includes(format) || job.exports[format] === undefined);
  if (missing.length === 0) return;
  throw new Finding(
    `formats were ${formats.join(', ')}; no reference came for ${missing.join(', ')}`,
    `${EXPORT} --formats names those that this orchestrator can make.`,
  );
}
