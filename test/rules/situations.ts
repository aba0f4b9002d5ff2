// In which situations a job has been, by what became of it and not by what was answered: a suite that has not been in one
// proves nothing about it. Counted from cases, so that every suite that makes some can say what it has seen.

import { automaticSituations } from './automatic.ts';
import type { JobCase, Report } from './case.ts';
import { isAbandoned } from './dispatches.ts';
import { editSituations, RARE_EDIT_SITUATIONS } from './edit-situations.ts';
import { CHECKPOINT_OF } from './flaws.ts';
import { FURTHEST_FIRST, isAtOrPast, WITHDRAWN } from './protocol.ts';
import { mayHaveApplied } from './reports.ts';
import { givenTo, histories } from './versions.ts';

const POINTS = ['UPLOADED', ...FURTHEST_FIRST.toReversed()];
const BEHIND_THE_DRAFT = ['DRAFT_READY', 'EDITING', 'REGENERATING', 'EXPORTING'];

/** Situations that a fair number of jobs have to be in. */
export const SITUATIONS: readonly string[] = [
  ...POINTS.map((point) => `a retry from ${point} was made`),
  ...POINTS.map((point) => `a retry from ${point} reported first what it does next`),
  ...POINTS.slice(1).map((point) => `a retry from ${point} reported first where it begins`),
  ...POINTS.map((point) => `a retry from ${point} failed again`),
  ...BEHIND_THE_DRAFT.map((status) => `a pipeline failed in ${status}`),
  ...['settled', 'failed', 'timed out', 'was cancelled', 'was abandoned', 'was withdrawn'].map(
    (how) => `a pipeline ${how}`,
  ),
  'a job was exported to the end',
  'an artifact came behind its checkpoint',
  'an artifact came with a failure',
  'an artifact was overwritten by a later pipeline',
  'a video was renewed',
  'a retry went to a renewed video',
  'a cancel was repeated',
  'an abandonment was repeated',
  'two identical requests were under way at once',
  'a stage was made again: never_made',
  ...['resume_point', 'before_resume_point'].map((reason) => `a stage was kept: ${reason}`),
];

/** Situations of suites whose editors ask for several profiles, and whose pipelines name their artifacts early. */
export const PROFILE_SITUATIONS: readonly string[] = [
  ...['asked', 'incomplete', 'engine_differs'].map((reason) => `a stage was made again: ${reason}`),
  'a retry went back to an older version',
  'an artifact came early',
  'an early artifact was resumed from',
];

/** Situations of suites that have a store of artifacts, or a policy that changes. */
export const LINEAGE_SITUATIONS: readonly string[] = [
  ...['missing', 'changed'].map((reason) => `a stage was made again: ${reason}`),
  'a changed file was passed over',
  'a policy changed between dispatches',
];

/** Situations that are rare, and that come up all the same. */
export const RARE_SITUATIONS: readonly string[] = ['a withdrawn pipeline was begun'];

export function situationsOf(jobCase: JobCase): Set<string> {
  return new Set([
    ...retries(jobCase),
    ...plans(jobCase),
    ...endings(jobCase),
    ...artifacts(jobCase),
    ...editors(jobCase),
    ...editSituations(jobCase),
    ...automaticSituations(jobCase),
  ]);
}

function* retries({ dispatches, trail, videoUris }: JobCase): Generator<string> {
  for (const { id, kind, resumeFrom, ref } of dispatches) {
    if (kind !== 'retry') continue;
    yield `a retry from ${resumeFrom} was made`;
    if (ref !== null && videoUris.indexOf(ref) > 0) yield 'a retry went to a renewed video';
    const first = trail.find(({ dispatchId, actor }) => dispatchId === id && actor === 'orchestrator');
    if (first?.from !== 'FAILED') continue;
    if (first.to === 'FAILED') yield `a retry from ${resumeFrom} failed again`;
    else if (first.to === resumeFrom) yield `a retry from ${resumeFrom} reported first where it begins`;
    else yield `a retry from ${resumeFrom} reported first what it does next`;
  }
}

function* plans(jobCase: JobCase): Generator<string> {
  const [history] = histories(jobCase);
  const enginesOf = new Map<string, string>();
  for (const dispatch of jobCase.dispatches) {
    const { id, kind, plan, profile, engines } = dispatch;
    const named = JSON.stringify(engines);
    if ((enginesOf.get(profile) ?? named) !== named) yield 'a policy changed between dispatches';
    enginesOf.set(profile, named);
    if (kind !== 'retry') continue;
    const versions = history?.get(id) ?? [];
    for (const { stage, action, reason } of plan?.stages ?? []) {
      yield `a stage was ${action === 'keep' ? 'kept' : 'made again'}: ${reason}`;
      const newest = versions.findLast(({ checkpoint }) => checkpoint === CHECKPOINT_OF[stage]);
      if (reason === 'changed' && newest && jobCase.lost?.includes(newest.ref))
        yield 'a changed file was passed over';
    }
    const given = givenTo(dispatch, versions);
    if (given === null) continue;
    const ofStage = versions.filter(({ checkpoint }) => checkpoint === given.checkpoint);
    if (ofStage.at(-1) !== given) yield 'a retry went back to an older version';
    if (cameEarly(given.checkpoint, given.ref, jobCase)) yield 'an early artifact was resumed from';
  }
}

/** Whether a pipeline named it before it was where that is made. */
const cameEarly = (checkpoint: string, ref: string, { reports }: JobCase): boolean =>
  reports.some(
    ({ artifacts, status, answer }) =>
      mayHaveApplied(answer) &&
      artifacts[checkpoint] === ref &&
      status !== 'FAILED' &&
      !isAtOrPast(status, checkpoint),
  );

function* endings({ dispatches, trail, executions, status }: JobCase): Generator<string> {
  const hows: Readonly<Record<string, string>> = {
    ...{ SETTLED: 'settled', FAILED: 'failed', TIMED_OUT: 'timed out', [WITHDRAWN]: 'was withdrawn' },
  };
  for (const dispatch of dispatches) {
    const { id, state } = dispatch;
    if (state === 'CANCELLED')
      yield `a pipeline was ${isAbandoned(dispatch, trail) ? 'abandoned' : 'cancelled'}`;
    else if (hows[state]) yield `a pipeline ${hows[state]}`;
    if (state === WITHDRAWN && executions.includes(id)) yield 'a withdrawn pipeline was begun';
  }
  for (const { actor, from, to } of trail) {
    if (actor === 'orchestrator' && to === 'FAILED') yield `a pipeline failed in ${from}`;
  }
  if (status === 'DONE') yield 'a job was exported to the end';
}

function* artifacts({ reports }: JobCase): Generator<string> {
  const makers = new Map<string, string>();
  for (const { dispatchId, status, artifacts, answer } of reports) {
    if (!mayHaveApplied(answer)) continue;
    for (const [checkpoint, ref] of Object.entries(artifacts) as [string, string][]) {
      if (status === 'FAILED') yield 'an artifact came with a failure';
      else if (!isAtOrPast(status, checkpoint)) yield 'an artifact came early';
      else if (status !== checkpoint) yield 'an artifact came behind its checkpoint';
      if ((makers.get(ref) ?? dispatchId) !== dispatchId)
        yield 'an artifact was overwritten by a later pipeline';
      makers.set(ref, dispatchId satisfies Report['dispatchId']);
    }
  }
}

function* editors({ calls, trail }: JobCase): Generator<string> {
  if (trail.some(({ type }) => type === 'video_renewed')) yield 'a video was renewed';
  const wasRepeated = (operation: string) => {
    const answered = calls.filter((call) => call.operation === operation && call.ending.kind === 'done');
    return answered.length > 1;
  };
  if (wasRepeated('cancel')) yield 'a cancel was repeated';
  if (wasRepeated('abandon')) yield 'an abandonment was repeated';
  for (const identical of Map.groupBy(calls, ({ request }) => request).values()) {
    const together = identical.some(
      ({ request, sentAt, endedAt }, index) =>
        request !== null &&
        identical.some((other, at) => at > index && other.sentAt < endedAt && sentAt < other.endedAt),
    );
    if (together) yield 'two identical requests were under way at once';
  }
}

const RARE = [...RARE_SITUATIONS, ...RARE_EDIT_SITUATIONS];

/**
 * How often each has to have come up, of `share`. The suite's own seed is always the same, so it is all of it; under another,
 * `seed`, chance has its say about what is seldom, and whoever runs it under many asks the sum of them (`tooSeldomInAll`).
 */
export const leastSightings = (share: number, seed: string | undefined): number =>
  seed === undefined ? share : 0;

/** Of runs under many seeds together: what came up in less than half of the shares of all of them, so that chance has no say. */
export const tooSeldomInAll = (counts: Readonly<Record<string, number>>, share: number): string[] =>
  tooSeldom(counts, Math.ceil(share / 2));

/** Fewer than `least` of it, or none of a rare one. */
const tooSeldom = (counts: Readonly<Record<string, number>>, least: number): string[] =>
  Object.entries(counts)
    .filter(([situation, count]) => count < (RARE.includes(situation) ? Math.min(least, 1) : least))
    .map(([situation]) => situation);

/** Counts what was seen, and says what was seen too seldom. */
export class Sightings {
  readonly #counts = new Map<string, number>();

  /** `known`: what there is to be seen, all of it. */
  constructor(known: readonly string[]) {
    for (const situation of known) this.#counts.set(situation, 0);
  }

  add(situations: Iterable<string>): void {
    for (const situation of situations) {
      const count = this.#counts.get(situation);
      if (count !== undefined) this.#counts.set(situation, count + 1);
    }
  }

  get counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  /** Fewer than `least` of it, or none of a rare one. */
  tooSeldom(least: number): string[] {
    return tooSeldom(this.counts, least);
  }
}
