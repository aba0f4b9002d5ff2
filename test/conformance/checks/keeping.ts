// What a retry keeps: a pipeline makes again only what is not in `keep`. By which model it does that is its own to say, so
// `engines` may be followed or not.
import type { EditableStage, ResumeStatus } from '../../../src/domain/lifecycle.ts';
import { Finding } from '../finding.ts';
import type { JobUnderTest, Work } from '../job-under-test.ts';
import { inSeconds, type Scene } from '../scene.ts';
import { type Body, exportsIn, fencedOffAt, refIn, retryOf } from './fenced.ts';

const LEAVE_ALONE =
  'Leave alone what is in keep: take each ref of it as it is, and make what follows the last of them, from that one.';
const LEAVE_TO_ITS_EDITOR =
  'Make nothing where the draft is in keep and no formats are named: report EDITING, which ends the retry; DRAFT_READY may be restated before it, once.';
const STAGES = ['audio', 'transcript', 'draft'] as const;

export async function keepsWhatIsKept(scene: Scene): Promise<void> {
  const made = await Promise.all([keeps(scene, 'TRANSCRIPT_READY'), keeps(scene, 'AUDIO_READY')]);
  warnOfFixedRefs(scene, made.flat());
}

/** A retry of a job that has audio and a transcript; returns the references that its two pipelines have made. */
async function keeps(scene: Scene, resumeFrom: ResumeStatus): Promise<string[]> {
  const job = await fencedOffAt(scene, 'TRANSCRIPT_READY');
  const first = refsIn(job);
  const { retry, reports } = await retryOf(job, resumeFrom);
  const { keep } = retry;
  await scene.dispatch(retry);
  await scene.comesToRest(job, LEAVE_ALONE);
  leavesAlone(retry, reports());
  const kept = new Set(keep.map(({ ref }) => ref));
  return [...first, ...refsIn(job, retry.dispatch_id).filter((ref) => !kept.has(ref))];
}

/** A person's version of what came before is kept as it is, wherever it lies. */
export async function keepsCorrections(scene: Scene): Promise<void> {
  const job = await fencedOffAt(scene, 'TRANSCRIPT_READY');
  correct(job, 'transcript');
  const { retry, reports } = await retryOf(job);
  await scene.dispatch(retry);
  await scene.comesToRest(job, LEAVE_ALONE);
  leavesAlone(retry, reports());
}

/** Its first pipeline failed behind the draft, so that nothing is left to do. */
export async function leavesAFinishedDraft(scene: Scene): Promise<void> {
  const { timeoutMs, heartbeatMs } = scene.options;
  const job = await fencedOffAt(scene, 'DRAFT_READY');
  const { retry, reports } = await retryOf(job);
  const isWrong = () => job.flaw !== null || reports().some(doesMore);
  await scene.dispatch(retry);
  await job.until(() => job.isOver || isWrong(), timeoutMs);
  // Whatever it goes on to, it has gone on to when it would have given a sign of life.
  if (job.isOver) await job.until(isWrong, heartbeatMs);

  scene.refuseFlaws(job, LEAVE_TO_ITS_EDITOR);
  const more = reports().find(doesMore);
  if (more) {
    const what = exportsIn(more).length > 0 ? 'exports that nobody asked for' : 'nothing left to do';
    throw new Finding(`a retry from the draft reported ${more.status}, with ${what}`, LEAVE_TO_ITS_EDITOR);
  }
  leavesAlone(retry, reports());
  if (job.isOver) return;
  const last = reports().at(-1)?.status ?? 'nothing';
  throw new Finding(
    `a retry from the draft had reported ${last} and no end after ${inSeconds(timeoutMs)}`,
    LEAVE_TO_ITS_EDITOR,
  );
}

const doesMore = (report: Body): boolean =>
  !['DRAFT_READY', 'EDITING'].includes(report.status) || exportsIn(report).length > 0;

/** As a person may have put it there: under a key of any characters. */
export const correct = (job: JobUnderTest, stage: EditableStage): void =>
  job.correct(stage, `s3://corrections/${job.id}/${stage}/Größe 100% + “2”.txt`);

export function leavesAlone({ keep }: Work, reports: readonly Body[]): void {
  for (const { stage, ref } of keep) {
    const remade = reports.find((report) => (refIn(report, `${stage}_uri`) ?? ref) !== ref);
    if (!remade) continue;
    throw new Finding(`the ${stage} was in keep, and ${remade.status} came with another one`, LEAVE_ALONE);
  }
}

/** Every reference that was reported, once; of one dispatch, or of all so far. */
function refsIn(job: JobUnderTest, dispatchId: string | null = null): string[] {
  const bodies = job.reports.flatMap((report) =>
    report.body && (dispatchId === null || report.dispatchId === dispatchId) ? [report.body] : [],
  );
  return [...new Set(bodies.flatMap((body) => STAGES.flatMap((stage) => refIn(body, `${stage}_uri`) ?? [])))];
}

/** Two pipelines that write to one place take each other's results away: Retake resumes from none that was written over. */
export function warnOfFixedRefs(scene: Scene, made: readonly string[]): void {
  const twice = made.find((ref, index) => made.indexOf(ref) !== index);
  if (twice === undefined) return;
  scene.warn(
    new Finding(
      `two pipelines have made ${twice}`,
      'Have the execution in the key, as in <job>/<execution>/transcript.json: what was written over can not be resumed from.',
    ),
  );
}
