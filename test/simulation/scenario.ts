// What editors do in a simulated world and what goes wrong there, as data that fast-check generates and shrinks.
import fc from 'fast-check';
import type { Failure, Script } from '../support/pipeline/script.ts';
import { type Chances, LONGEST_DELAY_MS } from './chance.ts';
import { EXPORTS, type ExportName, REDOS, REQUESTS, type RedoName, type RequestName } from './policies.ts';
import { USUAL } from './simulated-orchestrator.ts';
import type { Pace, State } from './simulated-store.ts';
import type { OlderVersion } from './stored.ts';

export type Action =
  | { do: 'run'; prefer: string }
  /** `twice`: two identical requests at once. */
  | { do: 'retry'; request: RequestName; prefer: string; twice: boolean; planned: boolean }
  | { do: 'redo'; request: RedoName; prefer: string; twice: boolean; planned: boolean }
  | { do: 'export'; request: ExportName; prefer: string; twice: boolean }
  | WantedEdit
  | { do: 'cancel' | 'abandon' | 'erase' | 'renew' | 'evict' | 'restart' }
  /** `seen`: by whoever looks at the job before, and wants it as it was; `twice`: by two at once. */
  | { do: 'label'; seen: boolean; twice: boolean }
  /** Another job is to be created with the external id that this one has. */
  | { do: 'claim' }
  | { do: 'deploy'; over: 'defaults' | 'policy' | OlderVersion }
  | { do: 'tamper'; state: State }
  | { do: 'clock'; skewMs: number }
  /** The queue brings nothing for so long. */
  | { do: 'pause'; ms: number }
  /** For so long the orchestrator takes what it is sent, and answers when that is over, or right before its caller gives up. */
  | { do: 'slow'; ms: number }
  /** Many jobs are retried at once; what follows is about the operation that was begun last. */
  | { do: 'bulk'; most: number; of: 'failed' | 'all'; request: RequestName }
  | { do: 'bulk-pause' | 'bulk-resume' | 'bulk-cancel' | 'bulk-evict' };

export interface WantedEdit {
  do: 'edit';
  stage: 'transcript' | 'draft';
  /** Of the newest version, the one that the job shows, or one that has been overtaken. */
  of: 'newest' | 'shown' | 'stale';
  /** Where the corrected one is: in the store, elsewhere, nowhere, of another size than is said, or where the oldest version is. */
  where: 'stored' | 'elsewhere' | 'nowhere' | 'other-size' | 'as-before';
  /** `same`: two identical requests at once; `another`: two editors, each with a correction of the same version. */
  twice: 'no' | 'same' | 'another';
}

export interface Scenario {
  jobs: number;
  /** For which of them the orchestrator never answers; null for none. */
  hangsFor: number | null;
  /** Whether they are created with external ids. */
  named: boolean;
  store: Pace;
  /** How long a job is kept that has ended; null for good. */
  keepEndedMs: number | null;
  /** When the owner wants the project to go, from the moment on when it is made; null for never. */
  projectGoesAfterMs: number | null;
  /** Whether failed jobs are retried by themselves. */
  automatic: boolean;
  /** `job` says whose editor, or whose object; one that there is not is the first. */
  actions: readonly { afterMs: number; job: number; action: Action }[];
  plans: readonly Script[];
  chances: Chances;
}

const prefer = fc.constantFrom('', 'respond-async', 'wait=2', 'wait=5', 'respond-async, wait=3');
const twice = fc.constantFrom(false, false, false, true);
const retry: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('retry'),
  request: fc.constantFrom(...(Object.keys(REQUESTS) as RequestName[])),
  ...{ prefer, twice, planned: fc.boolean() },
});
const redo: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('redo'),
  request: fc.constantFrom(...(Object.keys(REDOS) as RedoName[])),
  ...{ prefer, twice, planned: fc.boolean() },
});
const exports: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('export'),
  request: fc.constantFrom(...(Object.keys(EXPORTS) as ExportName[])),
  ...{ prefer, twice },
});
const edit: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('edit'),
  stage: fc.constantFrom('transcript', 'draft'),
  of: fc.constantFrom<WantedEdit['of'][]>('newest', 'newest', 'newest', 'shown', 'stale'),
  where: fc.constantFrom<WantedEdit['where'][]>(
    ...(['stored', 'stored', 'stored', 'elsewhere', 'nowhere', 'other-size', 'as-before'] as const),
  ),
  twice: fc.constantFrom<WantedEdit['twice'][]>('no', 'no', 'same', 'another'),
});
/** Of another draft: the one of before is good enough. */
const back = retry.map((asked): Action => ({ ...asked, request: 'j' }) as Action);
const stop: fc.Arbitrary<Action> = fc.record({ do: fc.constantFrom('cancel', 'abandon', 'abandon') });
export const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('run' as const), prefer }) },
  { weight: 16, arbitrary: retry },
  { weight: 6, arbitrary: redo },
  { weight: 3, arbitrary: exports },
  { weight: 11, arbitrary: edit },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('cancel', 'abandon', 'renew', 'renew') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('label' as const), seen: fc.boolean(), twice }) },
  { weight: 1, arbitrary: fc.constant({ do: 'claim' as const }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('evict', 'restart') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('deploy' as const),
      over: fc.constantFrom('defaults', 'version-1', 'version-2', 'version-4', 'version-5', 'policy'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('tamper' as const),
      state: fc.constantFrom<State[]>('gone', 'gone', 'other', 'there'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('clock' as const),
      skewMs: fc.constantFrom(0, 4_000, -4_000, -90_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pause' as const), ms: fc.constantFrom(4_000, 20_000, 80_000) }),
  },
);

const timed = (
  what: fc.Arbitrary<Action>,
  pauses = [0, 1, 40, 700, 3_000, 12_000, 12_000, 70_000, 70_000, 700_000],
) => fc.record({ afterMs: fc.constantFrom(...pauses), job: fc.constantFrom(0, 0, 1, 2), action: what });
const LONG_ENOUGH = [700, 12_000, 70_000];
/** What is asked for next is on its way for a while, and can be given up while its caller waits. */
const held: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('pause' as const),
  ms: fc.constantFrom(4_000, 20_000),
});
/** What is asked for next is under way for as long as its delivery may last, while the orchestrator has begun already. */
const slow: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('slow' as const),
  ms: fc.constantFrom(4_000, 9_000),
});
const kill: fc.Arbitrary<Action> = fc.constant({ do: 'restart' });
const cancel: fc.Arbitrary<Action> = fc.constant({ do: 'cancel' });
/** How long after each other the acts of a story are. */
const pausesBefore = (act: fc.Arbitrary<Action>, before: fc.Arbitrary<Action> | undefined): number[] => {
  if (act === kill) return [4, 40];
  if (act === stop || before === held || before === slow) return [1, 40, 700];
  return act === cancel ? [1_500, 1_500, 2_500] : LONG_ENOUGH;
};
/** What hardly comes about by itself: one act after another, with time for a pipeline between, or little before it is stopped. */
const story = fc.oneof(
  ...[
    ...[
      [redo, retry],
      [redo, back],
      [redo, back],
      [redo, stop, back],
      [redo, stop, back],
      [redo, stop, back],
      [exports, retry],
      [exports, retry],
      [exports, retry],
      [exports, retry],
      [exports, stop, retry],
      [held, exports, stop, retry],
      [held, redo, stop, held, redo, stop],
      [held, redo, stop, held, exports, stop, retry],
      [held, exports, stop, held, redo, stop],
      [slow, retry, stop, kill],
      [slow, redo, stop, kill],
      [held, redo],
      [retry, cancel],
      [retry, retry, retry, cancel],
    ],
    ...[
      [edit, redo],
      [edit, retry, edit],
      [edit, retry, edit],
      [edit, exports],
    ],
  ].map((acts) => fc.tuple(...acts.map((act, at) => timed(act, pausesBefore(act, acts[at - 1]))))),
);

/** Behind every checkpoint: a retry goes on from the furthest one. */
const failure: fc.Arbitrary<Failure | null> = fc.constantFrom<(Failure | null)[]>(
  null,
  null,
  ...(['AUDIO_READY', 'AUDIO_EXTRACTING', 'TRANSCRIBING', 'GENERATING', 'DRAFT_READY', 'DONE'] as const).map(
    (at): Failure => ({ comes: 'before', at }),
  ),
  ...(
    ['AUDIO_READY', 'TRANSCRIPT_READY', 'DRAFT_READY', 'EDITING', 'REGENERATING', 'EXPORTING'] as const
  ).map((at): Failure => ({ comes: 'after', at })),
);
const diesBefore = fc.constantFrom<Script['diesBefore'][]>(
  ...Array<null>(12).fill(null),
  ...(['AUDIO_READY', 'TRANSCRIBING', 'GENERATING', 'DRAFT_READY', 'DONE', 'FAILED'] as const),
);
export const plan: fc.Arbitrary<Script> = fc
  .record({
    stepMs: fc.constantFrom(100, 0, 1, 900, 20_000),
    restatesCheckpoint: fc.boolean(),
    fails: failure,
    diesBefore,
    repeatsAfterMs: fc.constantFrom(null, null, 0, 1_500, 100_000),
    swapsPairs: fc.constantFrom(false, false, true),
    goesOnTo: fc.constantFrom<Script['goesOnTo'][]>(
      [],
      ['export'],
      ['regeneration', 'export'],
      ['editing', 'export'],
    ),
    artifactsCome: fc.constantFrom<Script['artifactsCome'][]>(
      ...(['at-once', 'at-once', 'late', 'with-failure', 'early', 'early'] as const),
    ),
    overwrites: fc.boolean(),
    endsEditing: fc.boolean(),
  })
  .map((drawn) => ({ ...USUAL, ...drawn }));

/** As much as a report may bring, more often than a job has room for, and as long a word at the end. */
const stuffing: fc.Arbitrary<Script> = fc
  .record({
    stuffs: fc.constantFrom(32, 20),
    diesBefore: fc.constantFrom<Script['diesBefore'][]>(null, 'DONE'),
    stepMs: fc.constantFrom(100, 20_000),
  })
  .map((drawn) => ({
    ...{ ...USUAL, ...drawn, goesOnTo: ['export'] },
    heartbeats: { EXPORTING: 9 },
    fails: { comes: 'before', at: 'DONE', message: 'x'.repeat(2_000) },
  }));

/** Some worlds are calm, some get rough for a while. */
export const faults = fc.oneof(
  { weight: 1, arbitrary: fc.constant<number[]>([]) },
  { weight: 2, arbitrary: fc.array(fc.nat(99), { maxLength: 60, size: 'max' }) },
  { weight: 3, arbitrary: fc.array(fc.nat(99), { maxLength: 300, size: 'max' }) },
);

const inhabitants = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ jobs: 1, hangsFor: null }) },
  { weight: 1, arbitrary: fc.constant({ jobs: 2, hangsFor: null }) },
  { weight: 1, arbitrary: fc.constant({ jobs: 3, hangsFor: 2 }) },
);

const store = fc.constantFrom<Pace[]>('prompt', 'prompt', 'prompt', 'slow', 'slow', 'silent');

/** Longer than any deadline, and short of the horizon beyond which no alarm comes here. */
const KEPT_MS = 12 * 3_600_000;

/** Most jobs are kept, and so is their project. What goes does so at the end: there is little left to live through then. */
const ends = fc
  .record({
    goes: fc.oneof(
      { weight: 28, arbitrary: fc.constant({ keepEndedMs: null, projectGoesAfterMs: null }) },
      { weight: 1, arbitrary: fc.constant({ keepEndedMs: KEPT_MS, projectGoesAfterMs: null }) },
      {
        weight: 1,
        arbitrary: fc.record({
          keepEndedMs: fc.constant(null),
          projectGoesAfterMs: fc.constantFrom(0, 1, 2, 4, 8, 700_000),
        }),
      },
    ),
    last: fc.constantFrom<Action[][]>(
      ...Array<Action[]>(14).fill([]),
      ...[[{ do: 'erase' as const }], [{ do: 'cancel' as const }, { do: 'erase' as const }]],
      ...[[{ do: 'cancel' as const }], [{ do: 'cancel' as const }]],
      // While the store is asked for what a plan keeps.
      [{ do: 'retry', request: 'a', prefer: 'respond-async', twice: false, planned: true }, { do: 'erase' }],
      [{ do: 'deploy', over: 'version-3' }],
      [{ do: 'deploy', over: 'version-4' }],
      [{ do: 'deploy', over: 'version-5' }],
      [{ do: 'deploy', over: 'version-3' }, { do: 'erase' }, { do: 'deploy', over: 'defaults' }],
    ),
    afterMs: fc.constantFrom(0, 1, 700, 12_000, 700_000),
    job: fc.constantFrom(0, 0, 1, 2),
    more: fc.array(timed(action, [0, 1, 4, 40, 3_000]), { maxLength: 3, size: 'max' }),
  })
  .map(({ goes, last, afterMs, job, more }) => {
    const acts = last.map((act, n) => ({ afterMs: n === 0 ? afterMs : 1, job, action: act }));
    return { ...goes, actions: acts.length === 0 ? [] : [...acts, ...more] };
  });

export const scenarios: fc.Arbitrary<Scenario> = fc
  .tuple(
    inhabitants,
    fc.record({
      named: fc.boolean(),
      actions: fc.oneof(
        { weight: 2, arbitrary: fc.array(timed(action), { maxLength: 20, size: 'max' }) },
        {
          weight: 1,
          arbitrary: fc
            .array(story, { minLength: 1, maxLength: 6, size: 'max' })
            .map((stories) => stories.flat()),
        },
      ),
      plans: fc.oneof(
        {
          weight: 12,
          arbitrary: fc.array(plan, { minLength: 1, maxLength: 8, size: 'max' }),
        },
        {
          weight: 1,
          arbitrary: fc
            .tuple(stuffing, fc.array(fc.oneof(plan, stuffing), { maxLength: 2 }))
            .map((all) => all.flat()),
        },
      ),
      chances: fc.record({
        faults,
        delays: fc.array(fc.nat(LONGEST_DELAY_MS), { maxLength: 80, size: 'max' }),
      }),
    }),
    store,
    fc.boolean(),
    ends,
  )
  .map(([who, what, pace, automatic, ends]) => ({
    ...{ ...who, ...what, ...ends, store: pace, automatic },
    actions: [...what.actions, ...ends.actions],
  }));
