// The workloads W1 to W7 (and W3h, a heartbeat), as one round of one contestant. Every job is brought back to FAILED between
// them, unmeasured.
import type { ReportStatus } from '../support/pipeline/script.ts';
import type { Running } from './contestants.ts';
import { type Answer, Client, drive, inTurn, type Load } from './load.ts';
import type { Arrival, OrchestratorEvents } from './orchestrator-events.ts';
import type { Call, Report } from './protocol.ts';
import { msSince, receivedAfter, type Sample, sample, secondsUntilAll, summary } from './samples.ts';

export interface Sizes {
  /** Distinct jobs at concurrency 32. */
  jobs: number;
  /** Distinct jobs at concurrency 1. */
  jobsOneByOne: number;
  /** Retries that are followed to the orchestrator one by one. */
  followed: number;
  /** Whole jobs. */
  whole: number;
  /** Requests to the hot job. */
  hot: number;
  /** Jobs whose retries ask the store of artifacts, and as many whose retries do not. */
  evidence: number;
}

export const sizesFor = (jobs: number): Sizes => ({
  jobs,
  jobsOneByOne: Math.max(40, Math.round(jobs / 10)),
  followed: Math.max(15, Math.round(jobs / 20)),
  whole: Math.max(24, Math.round(jobs / 12.5)),
  hot: jobs,
  evidence: Math.max(100, Math.round(jobs / 5)),
});

export interface BenchJob {
  id: string;
  dispatchId: string;
}

const HIGH = 32;
/** Enough for code that has been paused, or has never run, to be as fast as it gets. */
const WARM_UP_JOBS = 200;
const isSuccess = ({ status }: Answer): boolean => status >= 200 && status < 300;
const isReplay = ({ body }: Answer): boolean => body.includes('"replayed":true');

export class Session {
  readonly #running: Running;
  readonly #orchestrator: OrchestratorEvents;
  readonly #sizes: Sizes;
  readonly #clients: Record<number, Client>;
  #jobs: BenchJob[] = [];
  #events = 0;
  #requests = 0;

  constructor(running: Running, orchestrator: OrchestratorEvents, sizes: Sizes) {
    this.#running = running;
    this.#orchestrator = orchestrator;
    this.#sizes = sizes;
    this.#clients = { 1: new Client(running.url, 1), [HIGH]: new Client(running.url, HIGH) };
  }

  /** Jobs that have failed once, with their audio at hand. */
  async prepare(): Promise<readonly BenchJob[]> {
    await this.#running.protocol.prepare?.(this.#running.url);
    this.#jobs = await this.createdJobs(this.#sizes.jobs);
    for (const status of ['AUDIO_EXTRACTING', 'AUDIO_READY', 'FAILED'] as const) await this.report(status);
    return this.#jobs;
  }

  async createdJobs(count: number): Promise<BenchJob[]> {
    const { protocol } = this.#running;
    const created = await this.#drive(Array.from({ length: count }, () => protocol.create()));
    const ids = created.answers.map(({ body }) => String(JSON.parse(body).id));
    await this.#drive(ids.map((id) => protocol.confirm(id)));
    await this.#orchestrator.reset();
    const { answers } = await this.#drive(ids.map((id) => protocol.run(id)));
    await this.#orchestrator.received(count);
    return ids.map((id, index) => ({ id, dispatchId: dispatchIdOf(answers[index]) }));
  }

  /** What floor A answers. */
  async hello(): Promise<Sample[]> {
    const samples: Sample[] = [];
    const calls = Array.from({ length: this.#sizes.jobs }, (): Call => ({ method: 'GET', path: '/' }));
    // Unmeasured, as everyone's first requests.
    await this.#drive(calls);
    for (const [concurrency, count] of this.#levels()) {
      samples.push(sample('W4', concurrency, await this.#drive(calls.slice(0, count), concurrency)));
    }
    return samples;
  }

  async round(): Promise<Sample[]> {
    await this.warmUp();
    const samples: Sample[] = [];
    for (const [concurrency, count] of this.#levels()) {
      const jobs = this.#jobs.slice(0, count);
      const request = `retry-${this.#requests++}`;
      await this.#orchestrator.reset();
      const accepted = await this.retry(jobs, request, concurrency);
      samples.push(sample('W1', concurrency, accepted));
      const received = await this.#orchestrator.received(jobs.length);
      // One by one the next retry would meet the delivery of the one before: W5 is followed by itself below.
      if (concurrency > 1) {
        const seconds = secondsUntilAll(accepted, received);
        samples.push(summary('W5', concurrency, receivedAfter(jobs, accepted, received), seconds));
      }
      await this.#orchestrator.reset();
      samples.push(sample('W2', concurrency, await this.repeat(jobs, request, concurrency)));
      // Where a repeat is one more dispatch, it is not to be delivered during what comes next.
      if (this.#running.protocol.repeatsAreNew) await this.#orchestrator.received(jobs.length);
      samples.push(sample('W3', concurrency, await this.report('TRANSCRIBING', jobs, concurrency)));
      samples.push(sample('W3h', concurrency, await this.report('TRANSCRIBING', jobs, concurrency)));
      samples.push(sample('W4', concurrency, await this.read(jobs, concurrency)));
      await this.report('FAILED', jobs);
    }
    if (this.#running.protocol.waits !== false) samples.push(await this.#waited());
    samples.push(...(await this.#followed()), ...(await this.#whole()));
    // A hot job takes reads and repeats in turn: who does not know a repeat has no such workload.
    if (!this.#running.protocol.repeatsAreNew) samples.push(...(await this.#hot()));
    return samples;
  }

  /** Who was paused goes through some of all that comes, unmeasured. */
  async warmUp(): Promise<void> {
    const jobs = this.#jobs.slice(0, WARM_UP_JOBS);
    await this.read(jobs);
    await this.deliveredRetry(jobs, `warm-up-${this.#requests++}`);
    for (const status of ['TRANSCRIBING', 'TRANSCRIBING', 'FAILED'] as const) await this.report(status, jobs);
  }

  async retry(jobs: BenchJob[], request: string, concurrency: number, wait?: 'wait'): Promise<Load> {
    const calls = jobs.map(({ id }) => this.#running.protocol.retry(id, request, wait));
    const load = await this.#drive(calls, concurrency, (answer) => isSuccess(answer) && !isReplay(answer));
    for (const [index, job] of jobs.entries()) job.dispatchId = dispatchIdOf(load.answers[index]);
    return load;
  }

  /** The same; when it returns, the orchestrator has all of them. */
  async deliveredRetry(jobs: BenchJob[], request: string, concurrency = HIGH): Promise<Load> {
    await this.#orchestrator.reset();
    const load = await this.retry(jobs, request, concurrency);
    await this.#orchestrator.received(jobs.length);
    return load;
  }

  repeat(jobs: BenchJob[], request: string, concurrency: number): Promise<Load> {
    const { protocol } = this.#running;
    return this.#drive(
      jobs.map(({ id }) => protocol.retry(id, request)),
      concurrency,
      (answer) => isSuccess(answer) && (isReplay(answer) || protocol.repeatsAreNew === true),
    );
  }

  async report(
    status: ReportStatus,
    jobs = this.#jobs,
    concurrency = HIGH,
    artifactUpdates?: Report['artifactUpdates'],
  ): Promise<Load> {
    const calls = jobs.map(({ id, dispatchId }) => {
      this.#events += 1;
      return this.#running.protocol.report({
        jobId: id,
        dispatchId,
        eventId: `event-${this.#events}`,
        status,
        artifactUpdates,
      });
    });
    return this.#drive(await Promise.all(calls), concurrency);
  }

  read(jobs: BenchJob[] = this.#jobs, concurrency = HIGH): Promise<Load> {
    return this.#drive(
      jobs.map(({ id }) => this.#running.protocol.read(id)),
      concurrency,
    );
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#clients).map((client) => client.close()));
  }

  #levels(): [number, number][] {
    return [
      [HIGH, this.#sizes.jobs],
      [1, this.#sizes.jobsOneByOne],
    ];
  }

  /** Retries at once, each answered when the orchestrator has it. */
  async #waited(): Promise<Sample> {
    const jobs = this.#jobs.slice(0, this.#sizes.jobsOneByOne);
    await this.#orchestrator.reset();
    const load = await this.retry(jobs, `waited-${this.#requests++}`, HIGH, 'wait');
    await this.report('FAILED', jobs);
    return sample('W5w', HIGH, load);
  }

  /** One retry after the other, each until the orchestrator has it: first without waiting for the answer, then with it. */
  async #followed(): Promise<Sample[]> {
    const { protocol } = this.#running;
    const jobs = this.#jobs.slice(0, this.#sizes.followed);
    const follow = async (workload: 'W5' | 'W5w'): Promise<Sample> => {
      const request = `followed-${this.#requests++}`;
      const delays: number[] = [];
      for (const job of jobs) {
        await this.#orchestrator.reset();
        const call = protocol.retry(job.id, request, workload === 'W5w' ? 'wait' : undefined);
        const load = await this.#drive([call], 1);
        const received = await this.#orchestrator.received(1);
        job.dispatchId = dispatchIdOf(load.answers[0]);
        delays.push(
          ...(workload === 'W5w'
            ? load.answers.map(({ latencyMs }) => latencyMs)
            : receivedAfter([job], load, received)),
        );
      }
      await this.report('FAILED', jobs);
      return summary(workload, 1, delays, delays.reduce((sum, ms) => sum + ms, 0) / 1000);
    };
    return [await follow('W5'), ...(protocol.waits === false ? [] : [await follow('W5w')])];
  }

  /** Whole jobs: an editor each, and the pipeline's reports by the orchestrator. */
  async #whole(): Promise<Sample[]> {
    const { protocol } = this.#running;
    const samples: Sample[] = [];
    for (const [concurrency, count] of [
      [HIGH, this.#sizes.whole],
      [1, Math.ceil(this.#sizes.whole / 8)],
    ] as const) {
      await this.#orchestrator.reset('pipeline');
      const client = this.#client(concurrency);
      const createdAt = new Map<string, bigint>();
      const drafted: Arrival[] = [];
      const begin = process.hrtime.bigint();
      await inTurn(count, concurrency, async (connection) => {
        if (concurrency === 1) await this.#orchestrator.reset('pipeline');
        const send = async (call: Call): Promise<Answer> => {
          const answer = await client.send(call, connection);
          if (!isSuccess(answer))
            throw new Error(`${call.path} was answered ${answer.status}: ${answer.body}`);
          return answer;
        };
        const created = await send(protocol.create());
        const id = String(JSON.parse(created.body).id);
        createdAt.set(id, created.sentAtNs);
        await send(protocol.confirm(id));
        await send(protocol.run(id));
        if (concurrency === 1) drafted.push(...(await this.#orchestrator.drafted(1)));
      });
      if (concurrency > 1) drafted.push(...(await this.#orchestrator.drafted(count)));
      const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
      const timesMs = drafted.map(({ jobId, atNs }) => msSince(createdAt, jobId, atNs));
      samples.push(summary('W6', concurrency, timesMs, seconds));
    }
    return samples;
  }

  async #hot(): Promise<Sample[]> {
    const { protocol } = this.#running;
    const jobs = this.#jobs.slice(0, 1);
    const request = `hot-${this.#requests++}`;
    await this.deliveredRetry(jobs, request, 1);
    const [job] = jobs;
    const calls = Array.from({ length: this.#sizes.hot }, (_, index) =>
      index % 2 === 0 ? protocol.read(job?.id ?? '') : protocol.retry(job?.id ?? '', request),
    );
    const samples: Sample[] = [];
    for (const concurrency of [HIGH, 1]) {
      // As few of them one by one as everywhere.
      const count = concurrency === 1 ? this.#sizes.jobsOneByOne : this.#sizes.hot;
      samples.push(sample('W7', concurrency, await this.#drive(calls.slice(0, count), concurrency)));
    }
    await this.report('FAILED', jobs);
    return samples;
  }

  #client(concurrency: number): Client {
    const client = this.#clients[concurrency];
    if (client === undefined) throw new Error(`no client for a concurrency of ${concurrency}`);
    return client;
  }

  #drive(calls: readonly Call[], concurrency = HIGH, isFine = isSuccess): Promise<Load> {
    return drive(this.#client(concurrency), calls, concurrency, isFine);
  }
}

const dispatchIdOf = (answer: Answer | undefined): string =>
  String(JSON.parse(answer?.body ?? '{}').dispatch_id);
