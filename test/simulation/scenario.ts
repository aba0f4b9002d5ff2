// What an editor does in a simulated world and what goes wrong there, as data that fast-check generates and shrinks;
// and the run of it from the first event until nothing is left to happen.
import fc from 'fast-check';
import type { DispatchAnswer, JobAnswer } from '../../src/actor/answers.ts';
import { planWait } from '../../src/http/prefer.ts';
import { confirmUpload, cancel as newCancel, retry as newRetry, run as newRun } from '../domain/builders.ts';
import type { Call, Ending } from '../rules/case.ts';
import { holds } from '../rules/holds.ts';
import { type RuleName, requireKept } from '../rules/judge.ts';
import type { Failure, Script } from '../support/pipeline/script.ts';
import { caseOf, DEFAULT_WAIT_MS } from './case.ts';
import type { Chances } from './chance.ts';
import { Checker } from './checker.ts';
import { endingOfDispatch, endingOfJob, INTERNAL_ERROR } from './records.ts';
import { USUAL } from './simulated-orchestrator.ts';
import { isFault, JOB, World } from './world.ts';

type Action =
  | { do: 'run'; prefer: string }
  | { do: 'retry'; request: string; prefer: string }
  | { do: 'cancel' | 'evict' | 'restart' }
  | { do: 'clock'; skewMs: number };

export interface Scenario {
  actions: readonly { afterMs: number; action: Action }[];
  plans: readonly Script[];
  chances: Chances;
}

const prefer = fc.constantFrom('', 'respond-async', 'wait=2', 'wait=5', 'respond-async, wait=3');
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('run' as const), prefer }) },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('retry' as const),
      request: fc.constantFrom('a', 'b', 'c', 'd'),
      prefer,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('evict' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('clock' as const),
      skewMs: fc.constantFrom(0, 4_000, -4_000, -90_000),
    }),
  },
);
const stage = fc.constantFrom(
  null,
  'AUDIO_READY',
  'AUDIO_EXTRACTING',
  'TRANSCRIBING',
  'GENERATING',
  'DRAFT_READY',
);
const plan: fc.Arbitrary<Script> = fc
  .record({
    stepMs: fc.constantFrom(100, 0, 1, 900, 20_000),
    fails: stage.map((at): Failure | null => at && { comes: 'before', at }),
    diesBefore: fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: stage }),
    repeatsAfterMs: fc.constantFrom(null, null, 0, 1_500, 100_000),
    swapsPairs: fc.constantFrom(false, false, true),
    goesOnTo: fc.constantFrom<Script['goesOnTo'][]>([], [], ['export']),
  })
  .map((drawn) => ({ ...USUAL, ...drawn }));

/** Some worlds are calm, some get rough for a while. */
const faults = fc.oneof(
  { weight: 1, arbitrary: fc.constant<number[]>([]) },
  { weight: 2, arbitrary: fc.array(fc.nat(99), { maxLength: 60, size: 'max' }) },
  { weight: 3, arbitrary: fc.array(fc.nat(99), { maxLength: 300, size: 'max' }) },
);

export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  actions: fc.array(
    fc.record({
      afterMs: fc.constantFrom(0, 1, 40, 700, 3_000, 12_000, 12_000, 70_000, 70_000, 700_000),
      action,
    }),
    { maxLength: 16, size: 'max' },
  ),
  plans: fc.array(plan, { minLength: 1, maxLength: 8, size: 'max' }),
  chances: fc.record({ faults, delays: fc.array(fc.nat(6), { maxLength: 80, size: 'max' }) }),
});

/** How often a browser, a proxy or a person asks again when there was no answer. */
const ATTEMPTS = 6;
const MAX_EVENTS = 20_000;

export interface Tally {
  faults: Map<string, number>;
  executions: number;
  accepted: number;
  events: number;
  /** What there was to judge: requests to the orchestrator, attempts to report. */
  requests: number;
  reports: number;
  /** The rules for which there was evidence. */
  rules: readonly RuleName[];
}

/** What the patched clock and timers of the process belong to. */
let current: World | null = null;
export const world = (): World => {
  if (current === null) throw new Error('no world is being simulated');
  return current;
};

/** Lives through the scenario; throws at the first broken promise. */
export async function simulate({ actions, plans, chances }: Scenario): Promise<Tally> {
  const simulated = new World(chances, plans);
  current = simulated;
  const { timeline } = simulated;
  const checker = new Checker(simulated);
  let broken: unknown = null;
  let rules: readonly RuleName[] = [];
  let accepted = 0;
  let ids = 0;
  const guard = (work: Promise<unknown>) => {
    work.catch((error) => {
      broken ??= error;
    });
  };

  /** Asks again while there is no answer; answers null when there never was one. Each request is made anew. */
  const ask = async <T>(
    method: string,
    call: Pick<Call, 'operation' | 'request' | 'prefer'>,
    request: () => unknown[],
    endingOf: (answer: T) => Ending,
  ): Promise<Ending | null> => {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const ended = simulated.records.asks(call);
      try {
        const ending = endingOf(await simulated.call<T>(method, ...request()));
        ended(ending);
        return ending;
      } catch (error) {
        ended(isFault(error) ? { kind: 'unanswered', metFault: true } : INTERNAL_ERROR);
        await timeline.sleep(400 * attempt);
      }
    }
    return null;
  };

  const askOfJob = (method: string, operation: Call['operation'], ...args: unknown[]) =>
    ask<JobAnswer>(method, { operation, request: null, prefer: null }, () => args, endingOfJob);

  const isProjectMade = async (): Promise<boolean> => {
    const { projectId: id, owner, requestDigest } = JOB;
    try {
      return (await simulated.callProject('create', { id, owner, requestDigest, name: 'Talks' })) !== null;
    } catch {
      await timeline.sleep(400);
      return false;
    }
  };

  const dispatch = async (kind: 'run' | 'retry', request: string, prefer: string): Promise<void> => {
    const { waitMs, windowMs } = planWait(prefer, DEFAULT_WAIT_MS);
    const ending = await ask<DispatchAnswer>(
      'dispatch',
      { operation: kind, request: kind === 'run' ? 'run' : request, prefer },
      () => {
        const id = `dsp_${ids++}`;
        const command =
          kind === 'run' ? newRun(id, { windowMs }) : newRetry(id, { windowMs, clientRequestId: request });
        return [command, waitMs];
      },
      endingOfDispatch,
    );
    if (ending?.kind === 'done') accepted += 1;
  };

  const act = async (action: Action): Promise<void> => {
    checker.lastStirredAt = timeline.now;
    switch (action.do) {
      case 'run':
        return dispatch('run', '', action.prefer);
      case 'retry':
        return dispatch('retry', action.request, action.prefer);
      case 'cancel': {
        const { deliveryMayHaveStarted: _actors, ...command } = newCancel();
        await askOfJob('cancel', 'cancel', command);
        return;
      }
      case 'evict':
        return simulated.job.reset();
      case 'restart':
        return simulated.restart();
      case 'clock':
        // Another machine's clock: it comes with another instance.
        simulated.job.reset();
        timeline.skewMs = action.skewMs;
        return;
      default:
        return action satisfies never;
    }
  };

  const live = async (): Promise<void> => {
    // An upload that never gets through leaves nothing to simulate.
    while (!(await isProjectMade()));
    while ((await askOfJob('create', 'create', JOB)) === null);
    while ((await askOfJob('confirmUpload', 'confirm', confirmUpload())) === null);
    await dispatch('run', '', 'respond-async');
    for (const { afterMs, action } of actions) {
      await timeline.sleep(afterMs);
      guard(act(action));
    }
  };
  try {
    timeline.after(0, () => guard(live()));
    await timeline.run(
      () => {
        simulated.settle();
        checker.settled();
      },
      () => broken !== null || timeline.events > MAX_EVENTS,
    );
    if (broken !== null) throw broken;
    holds('the world comes to rest', timeline.events <= MAX_EVENTS);
    const clockWasSet = actions.some(({ action }) => action.do === 'clock');
    rules = requireKept(caseOf(simulated, { lastStirredAt: checker.lastStirredAt, clockWasSet }));
  } finally {
    current = null;
    simulated.close();
  }
  return {
    faults: simulated.chance.injected,
    executions: simulated.orchestrator.executions.length,
    accepted,
    events: timeline.events,
    requests: simulated.records.requests.length,
    reports: simulated.records.reports.length,
    rules,
  };
}
