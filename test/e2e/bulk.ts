// A bulk retry by the service as it ships while its runtime is killed again and again, and while the orchestrator refuses, hangs and comes
// back: told from outside, by the orchestrator's own log and the jobs' own histories. For npm test in small, for npm run soak at length.
import { setTimeout as sleep } from 'node:timers/promises';
import { Keeper } from '../soak/chaos-keeper.ts';
import type { Editor, Reply } from '../support/editor.ts';
import type { OrchestratorClient } from '../support/orchestrator/client.ts';
import type { OrchestratorLog } from '../support/orchestrator/log.ts';
import type { Answer } from '../support/orchestrator/plan.ts';
import { Stack } from './stack.ts';

const PATIENCE_MS = 60_000;
const ANSWER_MS = 20_000;
/** Requests that are under way at once. */
const AT_ONCE = 6;

export interface BulkOptions {
  jobs: number;
  maxInFlight: number;
  /** Of the orchestrator, before each report. */
  stepMs: number;
  /** The runtime is killed each time that so many more jobs have been begun. */
  killAfter: number;
  say(line: string): void;
}

export interface BulkAccount {
  operation: Reply['body'];
  /** What the service says became of each job in it. */
  items: Map<string, Reply['body']>;
  /** Each job's own history. */
  dispatches: Map<string, Reply['body'][]>;
  log: OrchestratorLog;
  kills: number;
  /** States that somebody who looked has seen. */
  seen: Set<string>;
  seconds: number;
}

/** Failed jobs of one project, and an operation over them while all goes wrong that may. */
export class BulkStage {
  readonly seen = new Set<string>();
  readonly stack: Stack;
  readonly alice: Editor;
  readonly jobs: readonly string[];
  readonly keeper: Keeper;
  readonly #projectId: string;
  readonly #options: BulkOptions;
  #operationId = '';
  #nextKillAt: number;

  private constructor(stack: Stack, { alice, keeper, projectId, jobs }: Cast, options: BulkOptions) {
    this.stack = stack;
    this.alice = alice;
    this.keeper = keeper;
    this.#projectId = projectId;
    this.jobs = jobs;
    this.#options = options;
    this.#nextKillAt = options.killAfter;
  }

  /** Jobs that an outage has failed, all of which their project lists so. */
  static async set(options: BulkOptions): Promise<BulkStage> {
    const { jobs: count, stepMs, say } = options;
    const stack = await Stack.start({ stepMs, vars: { ORCHESTRATOR_TIMEOUT_SECONDS: 1, ...DEADLINES } });
    try {
      const keeper = new Keeper(stack);
      const alice = await stack.editor('alice');
      await stack.orchestrator.client.plan('default', {
        pipeline: { fail_at: 'AUDIO_EXTRACTING', step_ms: 1 },
      });
      const create = async (path: string, key: string, body?: object): Promise<string> =>
        (await insist(() => alice.call('POST', path, body, { 'idempotency-key': key }))).body.id;
      const projectId = await create('/projects', 'project', { name: 'Interviews' });
      const jobs: string[] = [];
      await manyTimes(count, async (index) => {
        const id = await create(`/projects/${projectId}/jobs`, `job-${index}`);
        const video = { video_uri: `s3://videos/${id}.mp4` };
        await insist(() => alice.call('POST', `/jobs/${id}/confirm-upload`, video));
        await insist(() => alice.run(id, { prefer: 'respond-async' }));
        jobs.push(id);
      });
      const stage = new BulkStage(stack, { alice, keeper, projectId, jobs }, options);
      const counts = () => alice.get(`/projects/${projectId}/counts`);
      const runAgain = async () => {
        // On a busy machine a run may not get through within its window, which leaves the job as it was.
        const { items } = await alice.get(`/projects/${projectId}/jobs?status=UPLOADED&limit=20`);
        for (const { id } of items) await alice.run(id, { prefer: 'respond-async' });
        return counts();
      };
      await stage.#when(runAgain, ({ by_status }) => by_status.FAILED === count);
      say(`${count} jobs have failed`);
      return stage;
    } catch (error) {
      await stack.stop();
      throw error;
    }
  }

  /** That it ends from now on is meant. */
  async end(): Promise<void> {
    await this.keeper.done();
    await this.stack.stop();
  }

  /** From here on the orchestrator answers so. */
  answers(answer: Answer): Promise<void> {
    return this.stack.orchestrator.client.plan('default', { answers: [answer], repeat_last: true });
  }

  /** Resolves once a request of a retry has been left without an answer. */
  async hasHung(client: OrchestratorClient): Promise<void> {
    await this.#when(
      () => client.log(),
      ({ requests }: OrchestratorLog) => requests.some(({ answer }) => answer === 'hung'),
    );
  }

  /** Begins the operation; a repeat finds it. */
  async begin(): Promise<Reply> {
    const begun = await insist(() =>
      this.alice.call('POST', `/projects/${this.#projectId}/retries`, {
        ...{
          model_profile: 'balanced',
          client_request_id: 'after-the-outage',
          filter: { status: ['FAILED'] },
        },
        ...{ max_in_flight: this.#options.maxInFlight, expected: this.jobs.length },
      }),
    );
    this.#operationId = begun.body.id;
    return begun;
  }

  command(command: 'pause' | 'resume' | 'cancel'): Promise<Reply> {
    return insist(() => this.alice.call('POST', `/operations/${this.#operationId}/${command}`));
  }

  /** The operation as soon as `holds` says so, however often the service is killed meanwhile. */
  when(holds: (operation: Reply['body']) => boolean): Promise<Reply['body']> {
    const look = async () => {
      const operation = await this.alice.get(`/operations/${this.#operationId}`);
      this.seen.add(operation.state);
      return operation;
    };
    return this.#when(look, holds);
  }

  /** Kills it each time that the operation has got on, until that many jobs have ended. */
  async killUntil(ended: number): Promise<void> {
    for (;;) {
      const { counts } = await this.when(
        (now) => endedOf(now) >= ended || now.counts.accepted >= this.#nextKillAt,
      );
      if (endedOf({ counts }) >= ended) return;
      await this.keeper.kill();
      this.#nextKillAt = counts.accepted + this.#options.killAfter;
    }
  }

  async account(startedAt: number): Promise<BulkAccount> {
    const operation = await this.when(({ ended_at }) => ended_at !== null);
    const items = new Map<string, Reply['body']>();
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page: Reply['body'] = await this.alice.get(
        `/operations/${this.#operationId}/items?limit=100${query}`,
      );
      for (const item of page.items) items.set(item.job_id, item);
      cursor = page.next_cursor;
    }
    const dispatches = new Map<string, Reply['body'][]>();
    await manyTimes(this.jobs.length, async (index) => {
      const jobId = this.jobs[index] ?? '';
      dispatches.set(jobId, (await this.alice.get(`/jobs/${jobId}/dispatches`)).items);
    });
    const log = await this.stack.orchestrator.client.log();
    const seconds = Math.round((Date.now() - startedAt) / 1_000);
    return {
      operation,
      items,
      dispatches,
      log,
      kills: this.keeper.kills,
      seen: this.seen,
      seconds,
    };
  }

  async #when<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
    const patienceMs = PATIENCE_MS + this.jobs.length * 1_000;
    const until = Date.now() + patienceMs;
    for (;;) {
      const seen = await Promise.race([answered(look()), this.keeper.crash]);
      if (seen !== null && holds(seen)) return seen;
      if (Date.now() > until) throw new Error(`not after ${patienceMs} ms: ${JSON.stringify(seen)}`);
      await sleep(50);
    }
  }
}

interface Cast {
  alice: Editor;
  keeper: Keeper;
  projectId: string;
  jobs: readonly string[];
}

/** Null for a call that failed, or hung: a runtime that is killed may leave either. */
const answered = <T>(call: Promise<T>): Promise<T | null> =>
  Promise.race([call.catch(() => null), sleep(ANSWER_MS, null, { ref: false })]);

/** As somebody does who gets no answer: under the same id, until there is one. */
async function insist(ask: () => Promise<Reply>): Promise<Reply> {
  for (let attempt = 0; ; attempt += 1) {
    const reply = await answered(ask());
    if (reply !== null && reply.status < 500) return reply;
    if (attempt > 600) throw new Error(`no answer: ${JSON.stringify(reply?.body)}`);
    await sleep(100);
  }
}

const endedOf = ({ counts }: Reply['body']): number => counts.total - counts.waiting - counts.in_flight;

/** So that a report that is repeated over a restart comes in time, and nothing that is silent is waited for for long. */
const DEADLINES = { DISPATCH_DEADLINE_SECONDS: 60, ACK_TIMEOUT_SECONDS: 60, STAGE_TIMEOUT_SECONDS: 60 };

/** Resolves when this was done as often as said, by a few at a time. */
export async function manyTimes(
  count: number,
  act: (index: number) => Promise<void>,
  atOnce = AT_ONCE,
): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/** How many pipelines of retries ran at once, at the most: each from its beginning to when its last report was sent. */
export function mostAtOnce({ executions, callbacks }: OrchestratorLog): number {
  const ends = new Map<string, number>();
  for (const { execution_id, body } of callbacks) {
    const at = Date.parse(body.occurred_at);
    ends.set(execution_id, Math.max(at, ends.get(execution_id) ?? 0));
  }
  const moments = executions
    .filter(({ type }) => type === 'job.retry')
    .flatMap(({ execution_id, at }) => {
      const from = Date.parse(at);
      return [
        { at: from, by: 1 },
        { at: Math.max(from, ends.get(execution_id) ?? Number.MAX_SAFE_INTEGER), by: -1 },
      ];
    })
    .sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of moments) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

/** How often each job's retry was executed. */
export function executionsPerJob(
  { executions }: OrchestratorLog,
  jobs: readonly string[],
): Map<string, number> {
  const counted = new Map(jobs.map((id) => [id, 0]));
  for (const { type, job_id } of executions) {
    if (type === 'job.retry') counted.set(job_id, (counted.get(job_id) ?? 0) + 1);
  }
  return counted;
}

/** What the jobs' own histories say became of them in this operation. */
const historiesSay = ({ dispatches, operation }: BulkAccount): Map<string, string> =>
  new Map(
    [...dispatches].map(([jobId, made]) => {
      const own = made.find(({ operation_id, dispatch_state }) => {
        return operation_id === operation.id && dispatch_state !== 'UNDELIVERABLE';
      });
      return [jobId, own === undefined ? 'none' : (OUTCOMES[own.dispatch_state] ?? own.dispatch_state)];
    }),
  );
const OUTCOMES: Readonly<Record<string, string>> = {
  SETTLED: 'succeeded',
  FAILED: 'failed',
  TIMED_OUT: 'failed',
  CANCELLED: 'cancelled',
};

/** What of its promises an operation has broken, in words: by the orchestrator's own log and the jobs' own histories. */
export function brokenBy(account: BulkAccount, { jobs, maxInFlight }: BulkOptions): string[] {
  const { operation, items, log } = account;
  const most = mostAtOnce(log);
  const executed = executionsPerJob(log, [...items.keys()]);
  const said = historiesSay(account);
  const lies = [...items].flatMap(([jobId, { outcome }]) => {
    const begun = outcome === 'skipped' ? 0 : 1;
    const history = said.get(jobId) ?? 'nothing';
    return [
      ...(executed.get(jobId) === begun
        ? []
        : [`${jobId} was ${outcome} and executed ${executed.get(jobId)} times`]),
      ...(outcome === (history === 'none' ? 'skipped' : history)
        ? []
        : [`${jobId} is ${outcome} and was ${history}`]),
    ];
  });
  const counted = Map.groupBy(items.values(), ({ outcome }) => outcome);
  const miscounted = ['succeeded', 'failed', 'cancelled', 'refused', 'withdrawn', 'skipped', 'erased'].filter(
    (outcome) => operation.counts[outcome] !== (counted.get(outcome)?.length ?? 0),
  );
  return [
    ...(items.size === jobs ? [] : [`there are ${items.size} jobs in it, and not ${jobs}`]),
    ...(most <= maxInFlight ? [] : [`${most} ran at once`]),
    ...miscounted.map((outcome) => `${operation.counts[outcome]} are counted as ${outcome}`),
    ...lies,
  ];
}

/** The whole story: the orchestrator is away, comes back, hangs for a while; paused and resumed in the middle; killed all along. */
export async function throughKills(options: BulkOptions): Promise<BulkAccount> {
  const stage = await BulkStage.set(options);
  try {
    const startedAt = Date.now();
    const { client } = stage.stack.orchestrator;
    const [third, twoThirds] = [Math.ceil(options.jobs / 3), Math.ceil((2 * options.jobs) / 3)];
    // For longer than a delivery is tried, so that each is withdrawn at once.
    await stage.answers({ kind: 'error', status: 503, retry_after: 3_600 });
    await stage.begin();
    await stage.when(({ state, resume_at }) => state === 'waiting' && resume_at !== null);
    options.say('the operation waits for the orchestrator');
    await stage.keeper.kill();
    await stage.begin();
    await stage.answers({ kind: 'accept' });
    await stage.command('resume');
    await stage.killUntil(third);

    await stage.answers({ kind: 'hang' });
    await stage.hasHung(client);
    await stage.keeper.kill();
    await stage.answers({ kind: 'accept' });
    options.say('the orchestrator hung, and is back');
    await stage.killUntil(twoThirds);

    await stage.command('pause');
    await stage.keeper.kill();
    await stage.when(({ state, counts }) => state === 'paused' && counts.in_flight === 0);
    const { body } = await stage.command('resume');
    options.say(`paused, and resumed after ${body.counts.succeeded} jobs`);
    await stage.killUntil(options.jobs);
    return await stage.account(startedAt);
  } finally {
    await stage.end();
  }
}

/** Another: cancelled in the middle, killed all along. */
export async function cancelledInTheMiddle(options: BulkOptions): Promise<BulkAccount> {
  const stage = await BulkStage.set(options);
  try {
    const startedAt = Date.now();
    await stage.answers({ kind: 'accept' });
    await stage.begin();
    await stage.killUntil(Math.ceil(options.jobs / 3));
    const { body } = await stage.command('cancel');
    options.say(`cancelled after ${body.counts.succeeded} jobs`);
    await stage.keeper.kill();
    return await stage.account(startedAt);
  } finally {
    await stage.end();
  }
}
