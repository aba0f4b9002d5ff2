// Jobs in Redis. A command is read, judged here and written by one script, which does nothing if the job has changed
// since it was read; then the command is judged again. A dispatch is stored by that same script together with its
// place in the outbox, so that no crash comes between the two.
import { randomUUID } from 'node:crypto';
import type { Redis, Result } from 'ioredis';
import { type Answer, type Jobs, refused } from '../peers/front.ts';
import {
  acceptDispatch,
  applyReport,
  confirmUpload,
  createJob,
  type Delivery,
  type DispatchAnswer,
  type DispatchRequest,
  type DispatchType,
  deliveryOf,
  type Job,
  NOT_FOUND,
  type Report,
  type Transition,
} from '../peers/job.ts';

/** KEYS: job, events, audit, requests, dispatch, outbox. ARGV: what was read, then what `Write` holds; '' for nothing. */
const WRITE = `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[2])
  if ARGV[3] ~= '' then redis.call('SADD', KEYS[2], ARGV[3]) end
  if ARGV[4] ~= '' then redis.call('RPUSH', KEYS[3], ARGV[4]) end
  if ARGV[5] ~= '' then redis.call('HSET', KEYS[4], ARGV[5], ARGV[6]) end
  if ARGV[7] ~= '' then
    redis.call('SET', KEYS[5], ARGV[8])
    redis.call('ZADD', KEYS[6], ARGV[9], ARGV[7])
  end
  return 1`;

/** Ids of the dispatches that the orchestrator is not known to have, by when they were accepted (Unix ms). */
const OUTBOX = 'outbox';

interface Write {
  job: Job;
  eventId?: string;
  transition?: Transition | null;
  /** A retry, and what it was answered. */
  request?: { id: string; answer: DispatchAnswer };
  delivery?: Delivery;
}

interface Decision {
  answer: Answer;
  write?: Write;
}

type Deliver = (delivery: Delivery, waits: boolean) => Promise<void>;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    writeJob(...keysAndArguments: string[]): Result<number, Context>;
  }
}

export class RedisJobs implements Jobs {
  readonly #redis: Redis;
  readonly #url: string;
  readonly #deliver: Deliver;

  constructor(redis: Redis, url: string, deliver: Deliver) {
    redis.defineCommand('writeJob', { numberOfKeys: 6, lua: WRITE });
    this.#redis = redis;
    this.#url = url;
    this.#deliver = deliver;
  }

  async create(): Promise<Answer> {
    const job = createJob(randomUUID());
    await this.#redis.set(keyOf(job.id), JSON.stringify(job), 'NX');
    return { status: 201, body: job };
  }

  confirm(jobId: string, videoUri: string): Promise<Answer> {
    const nothing = () => Promise.resolve(null);
    return this.#change(jobId, nothing, (job) => {
      const change = confirmUpload(job, videoUri, new Date().toISOString());
      return 'refused' in change
        ? { answer: refused(change) }
        : { answer: { status: 200, body: change.job }, write: change };
    });
  }

  async dispatch(
    jobId: string,
    type: DispatchType,
    request: DispatchRequest,
    waits: boolean,
  ): Promise<Answer> {
    const { client_request_id: id } = request;
    const earlier = () =>
      id === undefined ? Promise.resolve(null) : this.#redis.hget(`${keyOf(jobId)}:requests`, id);
    let accepted: Delivery | undefined;
    const answer = await this.#change(jobId, earlier, (job, answered) => {
      if (answered !== null) {
        return { answer: { status: 200, body: { ...JSON.parse(answered), replayed: true } } };
      }
      const acceptance = acceptDispatch(job, type, request, randomUUID());
      if ('refused' in acceptance) return { answer: refused(acceptance) };
      accepted = deliveryOf(acceptance.job, acceptance.dispatch, `${this.#url}/jobs/${jobId}/status`);
      return {
        answer: { status: 202, body: acceptance.answer },
        write: {
          job: acceptance.job,
          delivery: accepted,
          ...(id === undefined ? {} : { request: { id, answer: acceptance.answer } }),
        },
      };
    });
    if (answer.status !== 202 || accepted === undefined) return answer;
    const delivered = this.#deliver(accepted, waits);
    // Without waiting, a failure is of no consequence: what is in the outbox is delivered again.
    if (waits) await delivered;
    else delivered.catch((error: unknown) => console.error(error));
    return answer;
  }

  report(jobId: string, report: Report): Promise<Answer> {
    const isKnown = () => this.#redis.sismember(`${keyOf(jobId)}:events`, report.event_id);
    return this.#change(jobId, isKnown, (job, known) => {
      if (known === 1) return { answer: { status: 200, body: { replayed: true } } };
      const change = applyReport(job, report);
      return 'refused' in change
        ? { answer: refused(change) }
        : { answer: { status: 204 }, write: { ...change, eventId: report.event_id } };
    });
  }

  async read(jobId: string): Promise<Answer> {
    const stored = await this.#redis.get(keyOf(jobId));
    return stored === null ? refused(NOT_FOUND) : { status: 200, body: JSON.parse(stored) };
  }

  /** The orchestrator has it. */
  async delivered(dispatchId: string): Promise<void> {
    await this.#redis.zrem(OUTBOX, dispatchId);
  }

  /** What was accepted at least so long ago and is still in the outbox. */
  async overdue(ageMs: number): Promise<Delivery[]> {
    const ids = await this.#redis.zrange(OUTBOX, 0, Date.now() - ageMs, 'BYSCORE', 'LIMIT', 0, 100);
    const stored = await Promise.all(ids.map((id) => this.#redis.get(`dispatch:${id}`)));
    return stored.flatMap((delivery) => (delivery === null ? [] : [JSON.parse(delivery) as Delivery]));
  }

  /** `lookUp` is asked together with the job, and both again when the job has changed before the write. */
  async #change<T>(
    jobId: string,
    lookUp: () => Promise<T>,
    decide: (job: Job, found: T) => Decision,
  ): Promise<Answer> {
    for (;;) {
      const [stored, found] = await Promise.all([this.#redis.get(keyOf(jobId)), lookUp()]);
      if (stored === null) return refused(NOT_FOUND);
      const { answer, write } = decide(JSON.parse(stored) as Job, found);
      if (write === undefined || (await this.#write(stored, write))) return answer;
    }
  }

  async #write(read: string, { job, eventId, transition, request, delivery }: Write): Promise<boolean> {
    const key = keyOf(job.id);
    const written = await this.#redis.writeJob(
      ...[key, `${key}:events`, `${key}:audit`, `${key}:requests`],
      ...[`dispatch:${delivery?.dispatch_id ?? ''}`, OUTBOX],
      ...[read, JSON.stringify(job), eventId ?? '', transition ? JSON.stringify(transition) : ''],
      ...[request?.id ?? '', request ? JSON.stringify(request.answer) : ''],
      ...[delivery?.dispatch_id ?? '', delivery ? JSON.stringify(delivery) : '', String(Date.now())],
    );
    return written === 1;
  }
}

const keyOf = (jobId: string): string => `job:${jobId}`;
