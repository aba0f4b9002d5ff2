// A case in which every promise is kept and everything is known, for tests that plant what breaks one: a run that failed
// after its audio, a retry that the orchestrator refused, the same again, and a draft.
import { describe, expect, test } from 'vitest';
import type {
  Call,
  CaseDispatch,
  Edit,
  Ending,
  Entry,
  Evidence,
  JobCase,
  ListedVersion,
  OrchestratorRequest,
  PlannedStage,
  Report,
  ToldDispatch,
} from './case.ts';
import { judge } from './judge.ts';
import type { Rule } from './rule.ts';

export const [RUN, REFUSED, RETRY] = ['dsp_run', 'dsp_refused', 'dsp_retry'] as const;
export const AUDIO = 's3://artifacts/audio';
export const TRANSCRIPT = 's3://artifacts/transcript';
export const DRAFT = 's3://artifacts/draft';

export function keptCase() {
  const dispatches = [
    dispatch(RUN, 'FAILED'),
    dispatch(REFUSED, 'UNDELIVERABLE'),
    dispatch(RETRY, 'SETTLED'),
  ];
  const reports = [
    report(RUN, 'AUDIO_EXTRACTING', 3),
    report(RUN, 'AUDIO_READY', 5, AUDIO),
    report(RUN, 'FAILED', 8),
    report(RETRY, 'TRANSCRIBING', 22),
    report(RETRY, 'TRANSCRIPT_READY', 23, TRANSCRIPT),
    report(RETRY, 'GENERATING', 24),
    report(RETRY, 'DRAFT_READY', 25, DRAFT),
  ];
  const trail = [
    entry('editor', 'CREATED', 'UPLOADED', null),
    entry('system', 'UPLOADED', 'AUDIO_EXTRACTING', RUN),
    ...reported('AUDIO_EXTRACTING', reports.slice(1, 3)),
    ...reported('FAILED', reports.slice(3)),
  ].map((untold, index) => ({ ...untold, seq: index + 1 }));
  const calls = [
    call('create', 0, done({ status: 201 })),
    call('confirm', 0.2, done({ revision: 2 })),
    call('run', 1, done({ status: 202, dispatch: told(RUN, 'DELIVERED') })),
    call('run', 2, done({ dispatch: told(RUN, 'RUNNING', { replayed: true }) })),
    call('read', 9, done({ revision: 6 })),
    ...['n1', 'n2'].map((name, index) =>
      call('label', 9.2 + index / 5, done({ revision: 6 }), { request: `label ${name}` }),
    ),
    call('retry', 10, refused(502, 'ORCHESTRATOR_DISPATCH_FAILED', REFUSED)),
    call('retry', 20, done({ status: 202, dispatch: told(RETRY, 'PENDING') }), { prefer: 'respond-async' }),
    call('read', 40, done({ revision: 10 })),
  ];
  const requests = [request(RUN), { ...request(REFUSED), wasRefused: true }, request(RETRY)];
  const known = {
    listed: 'DRAFT_READY' as string | null,
    labels: {
      ...{ stored: ['n1', 'n2'], listed: ['n1', 'n2'] },
      ...{ isNamed: true, found: ['job_1'] },
    },
    notices: new Map<string, string>(),
    lifetimes: new Map([
      [RUN as string, lived(1, 8)],
      [REFUSED, lived(10, 10.5)],
      [RETRY, lived(20, 25)],
    ]),
    windows: { defaultWaitMs: 8_000, deadlineMs: 30_000, longestRetryAfterMs: 3_000 },
    remembered: reports.map(({ dispatchId, eventId }) => ({ dispatchId, eventId })),
    rest: { tookMs: 5_000, boundMs: 10_000, alarmAt: null as number | null },
    patience: { defaultWaitMs: 8_000, holdUpsMs: { retry: 1_000 }, callsMs: 100 },
    asksAtRest: true as const,
  } satisfies Evidence;
  return {
    ...{ id: 'job_1', status: 'DRAFT_READY', revision: 10, videoUri: 's3://video' as string | null },
    videoUris: ['s3://video'],
    openDispatchId: null as string | null,
    executions: [RUN, RETRY] as string[],
    ...{ dispatches, trail, requests, reports, calls, known },
    versions: [
      version('audio', 1, AUDIO, RUN),
      version('transcript', 1, TRANSCRIPT, RETRY),
      version('draft', 1, DRAFT, RETRY),
    ],
    seen: [] as ListedVersion[],
    edits: [] as Edit[],
    automatic: undefined as JobCase['automatic'],
    absent: [] as string[],
  };
}
export type Kept = ReturnType<typeof keptCase>;
export type Plant = (kept: Kept) => void;

export function toCase({ known, ...rest }: Kept, unknown: readonly (keyof Evidence)[] = []): JobCase {
  const said = Object.entries(known).map(([name, value]) => [
    name,
    unknown.includes(name as keyof Evidence) ? { unknown: 'left out' } : { known: value },
  ]);
  const { automatic, ...others } = rest;
  return { ...others, ...(automatic && { automatic }), evidence: Object.fromEntries(said) };
}

/** The rules that are broken once this is planted. */
export function brokenBy(plant: Plant, unknown: readonly (keyof Evidence)[] = []): string[] {
  const kept = keptCase();
  plant(kept);
  return judge(toCase(kept, unknown)).violations.map(({ rule }) => rule);
}

/** A test for each thing that is planted; every rule has to have one. */
export function findsPlanted<Name extends string>(
  rules: Readonly<Record<Name, Rule>>,
  planted: Readonly<Record<Name, Readonly<Record<string, Plant>>>>,
): void {
  for (const name of Object.keys(rules) as Name[]) {
    describe(name, () => {
      test.each(Object.entries(planted[name]))('found is %s', (_, plant) => {
        expect(brokenBy(plant)).toContain(name);
      });
    });
  }
}

export const at = (seconds: number): number => seconds * 1_000;
export const lived = (made: number, changed: number) => ({ madeAt: at(made), changedAt: at(changed) });

/** Under which engines all of them are. */
export const ENGINES = { transcript: 'ears-1', draft: 'pen-1' };

export function dispatch(id: string, state: string, request = id === RUN ? 'run' : 'retry-1'): CaseDispatch {
  const isRun = id === RUN;
  const resumed = isRun ? { resumeFrom: null, ref: null } : { resumeFrom: 'AUDIO_READY', ref: AUDIO };
  const stages: PlannedStage[] = [
    isRun
      ? { stage: 'audio', action: 'redo', engine: null, reason: 'never_made' }
      : { stage: 'audio', action: 'keep', version: 1, ref: AUDIO, reason: 'resume_point' },
    ...Object.entries(ENGINES).map(
      ([stage, engine]): PlannedStage => ({ stage, action: 'redo', engine, reason: 'never_made' }),
    ),
  ];
  return {
    ...{ id, kind: isRun ? 'run' : 'retry', state, isAutomatic: false, request },
    ...{ ...resumed, attempts: 1 },
    ...{ profile: 'balanced', engines: ENGINES, exports: null },
    plan: { asked: null, discards: [], discarded: [], stages },
  };
}

export function report(
  dispatchId: string,
  status: string,
  seconds: number,
  artifact: string | null = null,
): Report {
  return {
    ...{ dispatchId, status, artifacts: artifact === null ? {} : { [status]: artifact }, failedStage: null },
    ...{ eventId: `${status} ${seconds}`, correlationId: `exe_${dispatchId}` },
    ...{ occurredAt: at(seconds - 0.1), sentAfter: at(seconds - 0.1), answeredAt: at(seconds) },
    answer: 'applied',
  };
}

export function entry(actor: string, from: string, to: string, dispatchId: string | null): Entry {
  const actorId = actor === 'editor' ? 'alice' : null;
  return {
    ...{ seq: 99, type: 'status_changed', actor, actorId, from, to, dispatchId },
    ...{ occurredAt: 0, correlationId: null },
  };
}

const reported = (before: string, reports: readonly Report[]): Entry[] =>
  reports.map(({ status, dispatchId, occurredAt, correlationId }, index) => ({
    ...entry('orchestrator', reports[index - 1]?.status ?? before, status, dispatchId),
    ...{ occurredAt, correlationId },
  }));

export function request(id: string): OrchestratorRequest {
  return requestFor(dispatch(id, ''));
}

/** As it is sent truly. */
export function requestFor({ id, kind, resumeFrom, ref, plan, exports }: CaseDispatch): OrchestratorRequest {
  const keep = (plan?.stages ?? []).flatMap((stage) =>
    stage.action === 'keep' && stage.ref !== null
      ? [{ stage: stage.stage, version: stage.version, ref: stage.ref }]
      : [],
  );
  return { dispatchId: id, type: `job.${kind}`, resumeFrom, ref, keep, exports, wasRefused: false };
}

/** A version of a pipeline's. */
export const version = (stage: string, number: number, ref: string, dispatchId: string): ListedVersion => ({
  ...{ stage, version: number, ref, digest: null, sizeBytes: null, maker: { dispatchId } },
  ...{ from: stage === 'audio' ? null : 1, isComplete: true },
});

export function call(
  operation: Call['operation'],
  seconds: number,
  ending: Ending,
  fields: Partial<Call> = {},
): Call {
  const requestKey = operation === 'run' ? 'run' : operation === 'retry' ? 'retry-1' : null;
  return {
    ...{ operation, request: requestKey, prefer: null, ending },
    ...{ sentAt: at(seconds), endedAt: at(seconds) + 100, ...fields },
  };
}

export const done = (fields: Partial<Extract<Ending, { kind: 'done' }>>): Ending => ({
  ...{ kind: 'done', status: 200, dispatch: null, revision: null },
  ...fields,
});

export const refused = (status: number, code: string, dispatchId: string | null = null): Ending => ({
  ...{ kind: 'refused', status, code, dispatchId },
});

export function told(id: string, state: string, fields: Partial<ToldDispatch> = {}): ToldDispatch {
  const { resumeFrom, ref } = dispatch(id, state);
  return { id, state, replayed: false, resumeFrom, ref, ...fields };
}
