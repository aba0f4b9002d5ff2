// What became of a dispatch, read from the history that its pipeline left: when each stage began and ended, what it made,
// and what it measured.
import type { Dispatch } from './dispatch.ts';
import type { ArtifactVersion } from './job.ts';
import { STAGES, type StageName, type Status } from './lifecycle.ts';

export type Metric = number | boolean | string;

/** One entry of the history of a dispatch. */
export interface PastEntry {
  /** Null of a report that changed no status. */
  prevStatus: Status | null;
  status: Status;
  recordedAt: number;
  metrics: Readonly<Record<string, Metric>>;
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

/** `entries` are those of this dispatch, oldest first. */
export function attemptOf(dispatch: Dispatch, entries: Iterable<PastEntry>): Attempt {
  const stages: StageRun[] = [];
  const versions: Pick<ArtifactVersion, 'stage' | 'version'>[] = [];
  let metrics: Record<string, Metric> = {};
  for (const entry of entries) {
    metrics = { ...metrics, ...entry.metrics };
    for (const { stage, version } of entry.versions) versions.push({ stage, version });
    if (entry.prevStatus !== null) follow(stages, entry);
  }
  return { dispatch, stages, versions, metrics };
}

/** The stage that is at work ends with whatever comes next, and another begins. */
function follow(stages: StageRun[], { status, prevStatus, recordedAt }: PastEntry): void {
  if (status === prevStatus && status !== 'FAILED') return;
  const current = stages.at(-1);
  if (current && current.endedAt === null) {
    current.endedAt = recordedAt;
    current.outcome = status === 'FAILED' ? 'failed' : status === 'CANCELLED' ? 'cancelled' : 'reached';
  }
  const begun = STAGES.find(({ working }) => (working as readonly Status[]).includes(status));
  if (begun) stages.push({ stage: begun.name, startedAt: recordedAt, endedAt: null, outcome: null });
}

/** How long each stage took the last time that it was reached, in milliseconds; `attempts` are newest first. */
export function lastDurations(attempts: readonly Attempt[]): Partial<Record<StageName, number>> {
  const durations: Partial<Record<StageName, number>> = {};
  for (const { stages } of attempts) {
    for (const { stage, startedAt, endedAt, outcome } of stages.toReversed()) {
      if (outcome === 'reached' && endedAt !== null) durations[stage] ??= endedAt - startedAt;
    }
  }
  return durations;
}
