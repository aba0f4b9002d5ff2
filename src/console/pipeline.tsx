// The pipeline as a line of stages: what is there, what is at work and for how long, what failed, and what has not begun.
import type { Job, StagePlan } from './api.ts';
import { duration, now } from './clock.ts';
import type { JobData } from './job-data.ts';
import { connection } from './live.ts';
import { type Actor, Icon, Who } from './shown.tsx';
import { type Shape, STAGE_ORDER, STAGES, type Stage } from './words.ts';

/** Where a status is at work, and where a failure happened. */
const AT: Readonly<Record<string, Stage | 'export'>> = {
  AUDIO_EXTRACTING: 'audio',
  TRANSCRIBING: 'transcript',
  AUDIO_READY: 'transcript',
  TRANSCRIPT_READY: 'draft',
  GENERATING: 'draft',
  REGENERATING: 'draft',
  EXPORTING: 'export',
};

interface Step {
  name: string;
  shape: Shape;
  /** For a screen reader, beside the shape. */
  state: string;
  lines: (string | null)[];
  percent: number | null;
  who: Actor | null;
}

export function Pipeline({ data, job }: { data: JobData; job: Job }) {
  const steps = [uploadOf(job), ...STAGE_ORDER.map((stage) => stageOf(data, job, stage)), exportOf(job)];
  return (
    <ol class="pipeline" aria-label="Pipeline">
      {steps.map(({ name, shape, state, lines, percent, who }) => (
        <li key={name} class={`step is-${shape}`}>
          <p class="step-name">
            <Icon shape={shape} /> {name}
            <span class="unseen">: {state}</span>
          </p>
          {percent !== null && (
            <progress value={percent} max={100} aria-label={`${name}, as reported`}>
              {percent} %
            </progress>
          )}
          {lines.filter(Boolean).map((line) => (
            <p key={line} class="muted">
              {line}
            </p>
          ))}
          {who && (
            <p class="muted">
              by <Who of={who} />
            </p>
          )}
        </li>
      ))}
    </ol>
  );
}

const step = (name: string, shape: Shape, state: string, lines: (string | null)[] = []): Step => ({
  name,
  shape,
  state,
  lines,
  percent: null,
  who: null,
});

function uploadOf({ status, manifest }: Job): Step {
  if (manifest.video_uri !== null) return step('Upload', 'done', 'there');
  return status === 'UPLOADING'
    ? step('Upload', 'uploading', 'under way', ['under way'])
    : step('Upload', 'waiting', 'not there yet');
}

function stageOf(data: JobData, job: Job, stage: Stage): Step {
  const { open_dispatch: open, failure, status } = job;
  const name = STAGES[stage];
  const planned = open?.plan?.stages.find((entry) => entry.stage === stage);
  if (open && AT[status] === stage && status !== 'FAILED') return runningStep(data, job, stage);
  if (status === 'FAILED' && !open && failure && AT[failure.failed_stage ?? ''] === stage) {
    return { ...step(name, 'failed', 'failed', ['failed', ...ranFor(data, stage)]) };
  }
  const uri = job.manifest[`${stage}_uri`];
  if (open && planned?.action === 'redo' && !isMade(data, stage)) {
    return step(name, 'waiting', 'to be made again', [`to be made${engineOf(planned)}`]);
  }
  if (uri === null) return step(name, 'waiting', 'not made yet');
  const version = versionOf(data, job, stage);
  const kept = open && planned?.action === 'keep' ? 'kept' : null;
  if (version === null) return step(name, 'done', 'there', [kept]);
  const isCorrected = version.made_by.kind === 'editor';
  return {
    ...step(`${name} v${version.version}`, 'done', 'there', [
      kept,
      version.stale ? 'overtaken by a correction' : null,
      isCorrected ? 'corrected' : version.made_by.kind === 'pipeline' ? version.made_by.engine : null,
    ]),
    who: version.made_by.kind === 'editor' ? version.made_by : null,
  };
}

const engineOf = (entry: StagePlan): string =>
  entry.action === 'redo' && entry.engine !== null ? ` by ${entry.engine}` : '';

/** Counts up only while what is shown is live. */
function runningStep(data: JobData, job: Job, stage: Stage): Step {
  const run = data.attempts.value?.[0]?.stages.findLast(
    (entry) => entry.stage === stage && entry.ended_at === null,
  );
  const isLive = !connection.value?.isStale;
  const until = isLive ? now.value : (connection.value?.asOf.value ?? now.value);
  const elapsed = run ? `for ${duration((until - Date.parse(run.started_at)) / 1000)}` : null;
  const percent = job.progress_pct;
  const isNext = job.status === 'AUDIO_READY' || job.status === 'TRANSCRIPT_READY';
  return {
    ...step(STAGES[stage], isNext ? 'sent' : 'running', isNext ? 'next' : 'at work', [
      isNext ? 'next' : null,
      percent === null ? null : `${Math.round(percent)} %`,
      isNext ? null : elapsed,
    ]),
    percent,
  };
}

/** Of the last attempt: how long the stage that failed had been at it. */
function ranFor(data: JobData, stage: Stage): string[] {
  const run = data.attempts.value?.[0]?.stages.findLast((entry) => entry.stage === stage);
  return run?.duration_seconds == null ? [] : [`after ${duration(run.duration_seconds)}`];
}

/** Whether the attempt that is under way has made it already. */
const isMade = (data: JobData, stage: Stage): boolean =>
  data.attempts.value?.[0]?.versions.some((version) => version.stage === stage) ?? false;

const versionOf = (data: JobData, job: Job, stage: Stage) =>
  data.versions.value?.findLast(
    (version) => version.stage === stage && version.ref === job.manifest[`${stage}_uri`],
  ) ?? null;

function exportOf(job: Job): Step {
  const { status, open_dispatch: open, failure, manifest } = job;
  const formats = Object.keys(manifest.exports);
  if (status === 'EXPORTING') return { ...step('Export', 'running', 'at work'), percent: job.progress_pct };
  if (status === 'FAILED' && !open && AT[failure?.failed_stage ?? ''] === 'export') {
    return step('Export', 'failed', 'failed', ['failed']);
  }
  return formats.length === 0
    ? step('Export', 'waiting', 'not made yet')
    : step('Export', 'done', 'there', [formats.slice(0, 3).join(', ') + (formats.length > 3 ? ' …' : '')]);
}
