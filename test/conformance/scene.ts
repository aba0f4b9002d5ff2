// What the checks have in common: making jobs, sending dispatches, waiting for reports. What a job and its pipeline
// must not do throws a Finding.
import { setTimeout } from 'node:timers/promises';
import { Finding } from './finding.ts';
import { JobUnderTest, type Message, type Report } from './job-under-test.ts';
import { type KitOptions, OPTIONAL } from './options.ts';
import type { Receiver } from './receiver.ts';
import { type Forgery, send, type Taken } from './sender.ts';

const BUSY_PAUSE_MS = 100;

export class Scene {
  readonly options: KitOptions;
  readonly #receiver: Receiver;
  readonly #baseUrl: string;
  readonly #jobs: JobUnderTest[] = [];
  /** What Retake takes, though its author will be sorry for it. */
  readonly warnings: Finding[] = [];

  constructor(options: KitOptions, receiver: Receiver, baseUrl: string) {
    this.options = options;
    this.#receiver = receiver;
    this.#baseUrl = baseUrl;
  }

  /** A job whose video is uploaded, ready to run. */
  newJob(videoUri = this.options.videoUri): JobUnderTest {
    const { modelProfile } = this.options;
    const { tokenKeys } = this.#receiver;
    const job = new JobUnderTest({ videoUri, modelProfile, baseUrl: this.#baseUrl, tokenKeys });
    this.#jobs.push(job);
    this.#receiver.expect(job);
    return job;
  }

  warn(warning: Finding): void {
    this.warnings.push(warning);
  }

  send(message: Message, forgery?: Forgery): Promise<Taken> {
    return send(message, this.options, forgery);
  }

  /** Sends it, and again as long as the answer is that another request with its key is still being handled. */
  async sendPatiently(message: Message): Promise<Taken> {
    const deadline = performance.now() + this.options.timeoutMs;
    for (;;) {
      const taken = await this.send(message);
      const isBusy = taken.status === 409 || taken.status === 423;
      if (!isBusy || performance.now() >= deadline) return taken;
      await setTimeout(BUSY_PAUSE_MS);
    }
  }

  /** Sends it and insists on a 2xx. */
  async dispatch(message: Message): Promise<Taken> {
    const taken = await this.send(message);
    if (isAccepted(taken)) return taken;
    refuseOptional(message, taken);
    throw new Finding(
      `a signed ${message.type} ${describe(taken)}`,
      taken.status === null
        ? 'Is the URL right, is the orchestrator running, and does it answer before its pipeline has ended?'
        : 'Is the URL right, its path too? Answer 2xx when webhook-signature is right: the HMAC of "<webhook-id>.<webhook-timestamp>.<raw body>".',
    );
  }

  /** Insists on another report than the first `seen`. */
  async reportAfter(
    job: JobUnderTest,
    seen: number,
    fix = 'POST to the callback_url of the dispatch. Can it be reached? See --listen and --callback-base-url.',
  ): Promise<Report> {
    const { timeoutMs } = this.options;
    await job.until(() => job.reports.length > seen || job.flaw !== null, timeoutMs);
    this.refuseFlaws(job);
    const report = job.reports[seen];
    if (report) return report;
    const which = seen === 0 ? 'no report' : 'no further report';
    throw new Finding(`${which} came within ${inSeconds(timeoutMs)}`, fix);
  }

  /** Insists that the pipeline comes to rest, without a flaw in any report and without failing. */
  async comesToRest(job: JobUnderTest, fix?: string): Promise<void> {
    const { timeoutMs } = this.options;
    await job.until(() => job.isOver || job.flaw !== null, timeoutMs);
    this.refuseFlaws(job, fix);
    if (!job.isOver) {
      throw new Finding(
        `the pipeline had not ended after ${inSeconds(timeoutMs)}, with the job at ${job.status}`,
        'Report DRAFT_READY when the draft is there, or FAILED when it cannot be made. --timeout sets the limit.',
      );
    }
    const failed = job.reports.find(({ body }) => body?.status === 'FAILED')?.body;
    if (!failed) return;
    throw new Finding(
      `the pipeline failed with ${failed.failure_code}`,
      'Give the kit a video that this orchestrator can read: --video.',
    );
  }

  /** Throws what Retake would have refused, with another remedy where the check knows better. */
  refuseFlaws(job: JobUnderTest, fix?: string): void {
    const { flaw } = job;
    if (flaw) throw fix === undefined ? flaw : new Finding(flaw.message, fix);
  }

  /** Listens until a pipeline that is alive would have reported, or until it has so often; returns what came. */
  async listen(job: JobUnderTest, seen: number, often = 1): Promise<Report[]> {
    await job.until(() => job.reports.length >= seen + often, this.options.heartbeatMs);
    return job.reports.slice(seen);
  }

  /** Cancels what a check has left running, so that it works no further for nobody. */
  async clear(): Promise<void> {
    const notices = this.#jobs.flatMap((job) => job.abandon() ?? []);
    await Promise.all(notices.map((notice) => this.send(notice)));
  }
}

export const isAccepted = ({ status }: Taken): boolean => status !== null && status >= 200 && status < 300;

/** For good: such an answer is not asked for again. */
export const isRefused = ({ status }: Taken): boolean =>
  status !== null && status >= 400 && status < 500 && ![408, 425, 429].includes(status);

/** Throws where this was refused as one that may be done without. */
export function refuseOptional({ type }: Message, taken: Taken): void {
  const optional = OPTIONAL.find((name) => type === `job.${name}`);
  if (optional === undefined || !isRefused(taken)) return;
  throw new Finding(
    `a signed ${type} ${describe(taken)}`,
    `Take it as spec/dispatch.md says. Where there is to be no ${optional}, go on refusing it (Retake answers 502 then, and nothing changes), and say so to the kit: --without ${optional}.`,
  );
}

/** "was answered 404", "got no answer". */
export const describe = ({ status }: Taken): string =>
  status === null ? 'got no answer' : `was answered ${status}`;

export const inSeconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;
