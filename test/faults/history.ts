// One history over HTTP with real queues: what an editor asks, what goes wrong meanwhile, and what has to be true
// in the end. The orchestrator's own log of executions is the oracle.
import { env } from 'cloudflare:test';
import fc from 'fast-check';
import { requireConfig } from '../../src/config.ts';
import { isResting } from '../../src/domain/lifecycle.ts';
import { brokenTrail, holds, WAS_DELIVERED } from '../domain/oracle.ts';
import type { Answer } from '../support/orchestrator/plan.ts';
import type { Failure, Script } from '../support/pipeline/script.ts';
import { type ActingJob, createdJob, type Home } from '../support/workerd/acting.ts';
import { orchestrator, type Reply } from '../support/workerd/harness.ts';
import { Pipelines, USUAL } from './pipeline.ts';

type Disturbance = 'abort' | 'evict' | 'alarm' | 'same-again';
interface Step {
  ask: 'run' | 'retry' | 'cancel' | 'read';
  request: string;
  prefer: string;
  /** Asked once every pipeline has said what it has to say. */
  rested: boolean;
  /** Happens while the request is under way. */
  meanwhile: Disturbance | null;
}
export interface History {
  answers: Answer[];
  pipelines: Script[];
  steps: Step[];
}

const answer: fc.Arbitrary<Answer> = fc.constantFrom<Answer[]>(
  { kind: 'accept' },
  { kind: 'accept' },
  { kind: 'error', status: 503 },
  { kind: 'error', status: 429, retry_after: 1 },
  { kind: 'refuse', status: 422 },
  { kind: 'accept_then_drop' },
  { kind: 'accept_late', delay_ms: 30 },
  { kind: 'garbage', bytes: 100 },
);
const stage = fc.constantFrom(
  null,
  'AUDIO_READY',
  'TRANSCRIBING',
  'TRANSCRIPT_READY',
  'GENERATING',
  'DRAFT_READY',
);
const pipeline: fc.Arbitrary<Script> = fc
  .record({
    fails: stage.map((at): Failure | null => at && { comes: 'before', at }),
    diesBefore: fc.constantFrom(null, null, null, null, 'TRANSCRIBING' as const),
    repeatsAfterMs: fc.boolean().map((repeats) => (repeats ? 0 : null)),
    swapsPairs: fc.constantFrom(false, false, true),
  })
  .map((drawn) => ({ ...USUAL, ...drawn }));
const step = fc.record({
  ask: fc.constantFrom(...Array<Step['ask']>(12).fill('retry'), 'run', 'run', 'read', 'read', 'cancel'),
  request: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  prefer: fc.constantFrom('respond-async', 'respond-async', 'wait=3', 'wait=1'),
  rested: fc.constantFrom(true, true, false),
  meanwhile: fc.constantFrom(null, null, 'abort', 'evict', 'alarm', 'same-again'),
}) as fc.Arbitrary<Step>;

export const histories: fc.Arbitrary<History> = fc.record({
  answers: fc.array(answer, { maxLength: 6, size: 'max' }),
  pipelines: fc.array(pipeline, { minLength: 1, maxLength: 6, size: 'max' }),
  steps: fc.array(step, { minLength: 3, maxLength: 9, size: 'max' }),
});

export interface Tally {
  count(what: string): void;
}

const config = requireConfig(env);
const ATTEMPTS = 8;
const SETTLE_ROUNDS = 200;

/** Lives through the history; throws at a broken promise. */
export async function live(
  { answers, pipelines: plans, steps }: History,
  home: Home,
  tally: Tally,
): Promise<void> {
  const job = await createdJob({ answers }, home);
  const pipelines = new Pipelines(job, plans);
  const answered: { request: string; reply: Reply }[] = [];

  const disturb = async (what: Disturbance, request: () => Promise<unknown>): Promise<void> => {
    tally.count(what);
    switch (what) {
      case 'abort':
        return job.abort();
      case 'evict':
        return job.forget().catch(() => {});
      case 'alarm':
        await job.alarm().catch(() => {});
        return;
      case 'same-again':
        await request();
    }
  };
  /** As clients do: the same request again while there was no answer. */
  const ask = async (request: string, send: () => Promise<Reply>): Promise<Reply> => {
    for (let attempt = 1; ; attempt += 1) {
      const reply = await send().catch(() => null);
      tally.count(`answer ${reply?.status ?? 'none'}`);
      if (reply && reply.status !== 503) {
        answered.push({ request, reply });
        return reply;
      }
      if (attempt === ATTEMPTS) throw new Error('no answer');
    }
  };
  const requestOf = ({ ask: what, request, prefer }: Step): Promise<unknown> => {
    switch (what) {
      case 'run':
        return ask('run', () => job.run({ prefer }));
      case 'retry':
        return ask(`retry ${request}`, () => job.retry(request, { prefer }));
      case 'cancel':
        return ask('cancel', () => job.cancel());
      case 'read':
        return job.get().catch(() => {});
    }
  };

  await ask('confirm', () => job.confirm());
  await ask('run', () => job.run({ prefer: 'respond-async' }));
  for (const step of steps) {
    if (step.rested) await rest(job, pipelines);
    const request = () => requestOf(step);
    const asked = request();
    if (step.meanwhile) await disturb(step.meanwhile, request);
    await asked;
    await pipelines.start();
  }
  await settle(job, pipelines);
  await check(job, pipelines, answered, tally);
  await orchestrator.clear(job.id);
}

/** Until what was dispatched has arrived and its pipeline has ended, if it does within moments. */
async function rest(job: ActingJob, pipelines: Pipelines): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    await pipelines.start();
    await pipelines.end();
    const { open_dispatch: open } = await job.get();
    if (open?.dispatch_state !== 'PENDING') break;
    await scheduler.wait(100);
  }
  await pipelines.start();
  await pipelines.end();
}

/** Until nothing is awaited any more. A pipeline that went silent is waited for by making the job older. */
async function settle(job: ActingJob, pipelines: Pipelines): Promise<void> {
  for (let round = 0; round < SETTLE_ROUNDS; round += 1) {
    await pipelines.start();
    await pipelines.end();
    const { status, open_dispatch: open } = await job.get();
    const dispatches = await job.storedDispatches();
    const isCancelling = dispatches.some(({ cancelNotice }) => cancelNotice?.state === 'PENDING');
    if (isResting(status) && open === null && !isCancelling) return;
    const isSilent = open === null ? !isCancelling : open.dispatch_state !== 'PENDING';
    if (isSilent && (await hasEnded(job))) await job.age(config.rules.stageTimeoutMs + 1_000);
    await job.alarm().catch(() => false);
    await scheduler.wait(200);
  }
  throw new Error(`does not come to rest: ${JSON.stringify(await job.get())}`);
}

/** Whether every execution's pipeline was started, so that what is silent now stays silent. */
const hasEnded = async (job: ActingJob): Promise<boolean> => {
  const before = await job.executions();
  await scheduler.wait(5);
  return (await job.executions()).length === before.length;
};

async function check(
  job: ActingJob,
  { applied }: Pipelines,
  answered: readonly { request: string; reply: Reply }[],
  tally: Tally,
): Promise<void> {
  const dispatches = (await job.dispatches()).toReversed();
  const ids: string[] = dispatches.map(({ dispatch_id }) => dispatch_id);
  const stateOf = (id: string): string => dispatches.find((d) => d.dispatch_id === id)?.dispatch_state;
  const executions = (await job.executions()).map(({ dispatch_id }) => dispatch_id);

  holds('no dispatch is executed twice', new Set(executions).size === executions.length);
  holds(
    'only what was stored is executed',
    executions.every((id) => ids.includes(id)),
  );
  for (const id of ids) {
    if (WAS_DELIVERED.includes(stateOf(id)))
      holds('what was delivered was executed', executions.includes(id));
  }
  const order = applied.map((id) => ids.indexOf(id));
  holds(
    'no two pipelines are accepted at once',
    order.every((at, i) => i === 0 || at >= (order[i - 1] ?? 0)),
  );
  const holders = new Map<string, string>();
  for (const { request, reply } of answered) {
    const { dispatch_id: id, dispatch_state: state, error_code, details } = reply.body ?? {};
    holds('no answer is an unexpected one', [200, 202, 409, 502].includes(reply.status));
    if (error_code === 'ORCHESTRATOR_DISPATCH_FAILED') {
      holds('a 502 means withdrawn', stateOf(details.dispatch_id) === 'UNDELIVERABLE');
      holds('a withdrawn pipeline never moves the job', !applied.includes(details.dispatch_id));
    }
    if (id === undefined || reply.status > 202) continue;
    tally.count('accepted');
    holds('what was accepted is not lost', ids.includes(id));
    if (state !== 'PENDING') holds('what was answered as delivered was executed', executions.includes(id));
    if (stateOf(id) === 'UNDELIVERABLE') continue;
    holds('one request makes one dispatch', (holders.get(request) ?? id) === id);
    holders.set(request, id);
  }
  const present = await job.status();
  const trail = (await job.transitions()).map((entry) => ({
    actor: entry.actor_type,
    from: entry.prev_status,
    to: entry.new_status,
    resumedFrom: dispatches.find((d) => d.dispatch_id === entry.dispatch_id)?.resume_from_status ?? null,
  }));
  const fault = brokenTrail(trail, present);
  holds(`the audit trail is one that the table allows: ${fault}`, fault === null);
  const wasCancelled = answered.some(({ request, reply }) => request === 'cancel' && reply.status === 200);
  holds('a cancelled job stays cancelled', !wasCancelled || present === 'CANCELLED');
  for (const id of applied)
    holds('a withdrawn pipeline never moves the job', stateOf(id) !== 'UNDELIVERABLE');
  for (const _ of executions) tally.count('executions');
  for (const { answer } of await job.requests()) tally.count(`orchestrator ${answer}`);
}
