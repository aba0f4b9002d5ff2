// What became of a dispatch, read from the history that its pipeline left: when each stage began and ended, what it made,
// and what it measured.
import type { Dispatch } from './dispatch.ts';
import type { ArtifactVersion } from './job.ts';
import { STAGES, type StageName, type Status } from './lifecycle.ts';

/** A report brings 64 at the most; what goes by another name in each is no metric. */
const MAX_METRICS = 256;

export type Metric = number | boolean | string;

/** A change of status that a dispatch brought; of a retry that failed again, none. */
export interface PastMove {
  prevStatus: Status;
  status: Status;
  recordedAt: number;
}

/** What a dispatch left in the history, each oldest first. */
export interface Past {
  trail: readonly PastMove[];
  /** Of the last reports that brought any. */
  metrics: readonly Readonly<Record<string, Metric>>[];
  /** Likewise. */
  versions: readonly ArtifactVersion[];
}

export interface StageRun {
  stage: StageName;
  startedAt: number;
  /** Null while it is at work. */
  endedAt: number | null;
  outcome: 'reached' | 'failed' | 'cancelled' | null;
}

export interface Attempt {
  dispatch: Dispatch;
  /** In the order in which they began. */
  stages: readonly StageRun[];
  versions: readonly Pick<ArtifactVersion, 'stage' | 'version'>[];
  /** The last of each name. */
  metrics: Readonly<Record<string, Metric>>;
}

/** `past` is what this dispatch left. */
export function attemptOf(dispatch: Dispatch, { trail, metrics, versions }: Past): Attempt {
  return {
    dispatch,
    stages: stageRunsOf(trail),
    versions: versions.map(({ stage, version }) => ({ stage, version })),
    metrics: lastMetrics(metrics),
  };
}

/** When each stage began and ended. */
export function stageRunsOf(trail: readonly PastMove[]): StageRun[] {
  const stages: StageRun[] = [];
  for (const move of trail) follow(stages, move);
  return stages;
}

/** The last of each name, and no more names than an answer has room for. */
function lastMetrics(reported: Past['metrics']): Record<string, Metric> {
  const last: Record<string, Metric> = {};
  let names = 0;
  for (const metrics of reported.toReversed()) {
    for (const [name, value] of Object.entries(metrics)) {
      if (Object.hasOwn(last, name) || names === MAX_METRICS) continue;
      last[name] = value;
      names += 1;
    }
  }
  return last;
}

/** The stage that is at work ends with whatever comes next, and another begins. */
function follow(stages: StageRun[], { status, prevStatus, recordedAt }: PastMove): void {
  if (status === prevStatus && status !== 'FAILED') return;
  const current = stages.at(-1);
  if (current && current.endedAt === null) {
    current.endedAt = recordedAt;
    current.outcome = status === 'FAILED' ? 'failed' : status === 'CANCELLED' ? 'cancelled' : 'reached';
  }
  const begun = STAGES.find(({ working }) => (working as readonly Status[]).includes(status));
  if (begun) stages.push({ stage: begun.name, startedAt: recordedAt, endedAt: null, outcome: null });
}

/** How long each stage took the last time that it was reached, in milliseconds; the runs of the newest dispatch first. */
export function lastDurations(
  attempts: readonly (readonly StageRun[])[],
): Partial<Record<StageName, number>> {
  const durations: Partial<Record<StageName, number>> = {};
  for (const stages of attempts) {
    for (const { stage, startedAt, endedAt, outcome } of stages.toReversed()) {
      if (outcome === 'reached' && endedAt !== null) durations[stage] ??= endedAt - startedAt;
    }
  }
  return durations;
}
