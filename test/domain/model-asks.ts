// What an editor who asks the model's job for a pipeline would be answered, and who corrects what one has made: written from
// spec/ rather than from the code. It shares types with src/, no rule.
import type { EditArtifact } from '../../src/domain/commands.ts';
import type { Evidence } from '../../src/domain/evidence.ts';
import type { PlanRequest } from '../../src/domain/plan.ts';
import { IN_PROGRESS, TABLE } from '../rules/protocol.ts';
import type { ModelJob } from './model.ts';
import { type ModelPlan, POINTS, refusedProfile } from './model-rule.ts';
import { isWrittenOver, newestOf, proofOf } from './model-versions.ts';
import type { WordedProfile } from './policies.ts';

export type ModelKind = 'run' | 'retry' | 'redo' | 'export';

/** What is asked for. */
export interface ModelRequest {
  kind: ModelKind;
  /** Null for the one that goes without saying. */
  profile: string | null;
  asked: string | null;
  discard: readonly string[];
  evidence: Evidence;
  /** Of an export, in words. */
  task?: string;
}

/** A request for a pipeline, answered without being carried out. */
export interface ModelAnswer extends ModelPlan {
  kind: ModelKind;
  /** What its pipeline is for: a draft, another draft, or an export. */
  task: string;
  profile: string;
  engines: WordedProfile['engines'];
  asked: string | null;
  discard: readonly string[];
  /** The code, and what is said besides; null when it is allowed. */
  refusal: string | null;
  /** What would be done: what of the answer an editor who has seen it relies on. */
  words: string;
}

export const exportInWords = (formats: readonly string[], params: string | null): string =>
  `export ${formats.join()} ${params}`;

/** What the plan of such a request is asked for, in the model's words. */
export const requestOf = ({
  kind,
  modelProfile,
  resumeFrom,
  discardEdits,
  evidence,
  task,
}: Asked): ModelRequest => ({
  ...{ kind, profile: modelProfile, asked: resumeFrom, discard: discardEdits, evidence },
  ...(task ? { task: exportInWords(task.formats, task.params) } : {}),
});
type Asked = Pick<PlanRequest, 'kind' | 'modelProfile' | 'resumeFrom' | 'discardEdits' | 'evidence' | 'task'>;

/** What a request would be answered now. */
export function answerOf(job: ModelJob, request: ModelRequest): ModelAnswer {
  const { kind, asked, discard, evidence } = request;
  const isExport = kind === 'export';
  const profile = request.profile ?? (isExport ? job.lastProfile : null) ?? job.policy.byDefault;
  const engines = enginesOf(job, profile);
  const task = { run: 'draft', retry: job.task, redo: 'redraft', export: request.task ?? '' }[kind];
  const planTo = (limit: string | null) =>
    job.lineage.plan({ engines, limit, discard, evidence }, job.manifest.videoUri);
  const plan = isExport
    ? job.lineage.planOfDraft(engines, { discard, evidence })
    : planTo(limitOf(kind, task, asked));
  const answer = { ...plan, kind, task, profile, engines, asked, discard };
  const refusal = refused(job, answer, evidence, () => {
    const best = planTo(limitOf(kind, task, null));
    return best.ref === null ? 'null' : best.from;
  });
  const [code, reason] = refusal?.split(' ') ?? [];
  // How far it could go, and which edits it would pass over, is said to who is refused, and promised to nobody.
  const alone = ['RESUME_POINT_NOT_AVAILABLE', 'EDITS_IN_THE_WAY', 'RETRY_LIMIT_REACHED'];
  const isCodeAlone = code !== undefined && alone.includes(code);
  const exported = task.startsWith('export') ? ` then ${task}` : '';
  const done = `${plan.from} ${plan.does} past ${plan.editsDiscarded}${exported}`;
  const what = refusal === null ? done : isCodeAlone ? code : `${code} ${reason}`;
  return { ...answer, refusal, words: `${profile} ${what}` };
}

export const enginesOf = ({ policy }: ModelJob, profile: string | null): WordedProfile['engines'] =>
  profile !== null && Object.hasOwn(policy.profiles, profile)
    ? (policy.profiles[profile]?.engines ?? {})
    : {};

/** Where it begins, at the furthest; null for anywhere. */
function limitOf(kind: ModelKind, task: string, asked: string | null): string | null {
  if (kind === 'run') return 'UPLOADED';
  if (kind === 'redo' && asked !== null)
    return POINTS.slice(0, 3).includes(asked) ? asked : 'TRANSCRIPT_READY';
  // What was to make the draft again goes on with that, unless the draft of before is asked for.
  return asked ?? (task === 'redraft' ? 'TRANSCRIPT_READY' : null);
}

function refused(
  job: ModelJob,
  { kind, profile, asked, from, ref, inTheWay, given, proof }: Omit<ModelAnswer, 'refusal' | 'words'>,
  evidence: Evidence,
  furthest: () => string,
): string | null {
  if (isAtWork(job)) return 'JOB_ALREADY_RUNNING';
  const first = { run: 'AUDIO_EXTRACTING', redo: 'REGENERATING', export: 'EXPORTING', retry: null }[kind];
  const refusal = first && refusedMove(job.status, first, 'p');
  if (refusal) return refusal;
  if (kind === 'retry' && job.status !== 'FAILED') return 'RETRY_NOT_ALLOWED_STATE not_failed';
  const { mostRetries } = job.policy;
  if (kind === 'retry' && mostRetries !== null && job.retries >= mostRetries)
    return `RETRY_LIMIT_REACHED ${job.retries}`;
  if (kind === 'export') {
    const { draft } = given;
    if (!draft) return 'NOTHING_TO_EXPORT no_draft';
    if (!draft.isComplete) return 'NOTHING_TO_EXPORT incomplete';
    if (isWrittenOver(draft, job.lineage.all)) return 'NOTHING_TO_EXPORT changed';
    const found = proofOf(draft, evidence);
    if (found === 'missing' || found === 'changed') return `NOTHING_TO_EXPORT ${proof}`;
    return inTheWay.length > 0 ? `EDITS_IN_THE_WAY ${inTheWay.join(', ')}` : null;
  }
  const unusable = refusedProfile(job.policy, profile, null);
  if (unusable) return `MODEL_PROFILE_NOT_ALLOWED ${unusable}`;
  if (kind === 'redo' && asked === 'DRAFT_READY') return 'NOTHING_TO_REDO';
  if (asked !== null && (asked !== from || ref === null)) return `RESUME_POINT_NOT_AVAILABLE ${furthest()}`;
  if (inTheWay.length > 0) return `EDITS_IN_THE_WAY ${inTheWay.join(', ')}`;
  const unfit = refusedProfile(job.policy, profile, ref && from);
  if (unfit) return `MODEL_PROFILE_NOT_ALLOWED ${unfit}`;
  return ref === null ? 'RETRY_NOT_ALLOWED_STATE nothing_to_resume_from' : null;
}

/** Why a correction is refused; null when it is not. */
export function refusedEdit(job: ModelJob, command: EditArtifact): string | null {
  const { stage, edits, uri, digest, sizeBytes, evidence } = command;
  if (isAtWork(job)) return 'JOB_ALREADY_RUNNING';
  if (!['FAILED', 'DRAFT_READY', 'EDITING'].includes(job.status)) return 'ARTIFACT_NOT_EDITABLE';
  const newest = newestOf(job.lineage.versions, stage);
  if (!newest) return 'ARTIFACT_NOT_EDITABLE';
  const shown = job.lineage.counts(stage, enginesOf(job, job.lastProfile));
  if (edits !== newest.n && edits !== shown?.n) return 'ARTIFACT_VERSION_CONFLICT';
  const proof = proofOf({ ref: uri, digest, size: sizeBytes }, evidence);
  return proof === 'missing' || proof === 'changed' ? 'ARTIFACT_NOT_FOUND' : null;
}

const isAtWork = ({ open, status }: ModelJob): boolean => open !== null || IN_PROGRESS.includes(status);

export function refusedMove(from: string, to: string, who: 'e' | 'p'): string | null {
  const row = TABLE[from];
  if (row === undefined) return 'FSM_TERMINAL_IMMUTABLE';
  const ends = to === 'FAILED' || (to === 'CANCELLED' && who === 'e');
  return ends || row.split(' ').includes(`${to}:${who}`) ? null : 'FSM_TRANSITION_INVALID';
}
