// A world for a bulk operation: its jobs, each with the dispatches that were really made of it, an orchestrator that comes and goes, and
// an object that remembers whom it has asked until it loses its memory.
import { EVERY_JOB } from '../../src/domain/job-filter.ts';
import {
  type Answer,
  afterAnswer,
  afterCommand,
  afterNews,
  afterTime,
  forgotten,
  type OperationChanges,
  roomOf,
  toAsk,
} from '../../src/domain/operating.ts';
import {
  type DispatchNews,
  hasEnded,
  type Item,
  newItem,
  newOperation,
  type Operation,
  type OperationOrigin,
} from '../../src/domain/operation.ts';
import { type Counts, countsOf, groupOf, move } from '../../src/domain/operation-counts.ts';

export const ORIGIN: OperationOrigin = {
  ...{
    id: 'opr_1',
    projectId: 'prj_1',
    owner: 'own_alice',
    actorId: 'alice',
    actorName: 'Alice Adams',
    correlationId: 'req_1',
  },
  ...{ traceparent: 't', requestDigest: 'd', modelProfile: 'balanced', discardEdits: [], maxInFlight: 3 },
  choice: { filter: EVERY_JOB, endedIn: null },
  createdAt: 0,
};

export type Fate = 'delivers' | 'unreachable' | 'refused' | 'refused-by-job' | 'gone';

export interface Step {
  do:
    | 'ask'
    | 'answer'
    | 'lose-answer'
    | 'crash'
    | 'report'
    | 'tell'
    | 'stale'
    | 'pause'
    | 'resume'
    | 'cancel'
    | 'time'
    | 'erase'
    | 'look';
  /** Which of those that there are. */
  which: number;
  fate: Fate;
  end: 'SETTLED' | 'FAILED' | 'CANCELLED' | 'TIMED_OUT';
}

/** A job as it is itself: the dispatches that this operation made of it, the newest last. */
export interface WorldJob {
  id: string;
  dispatches: DispatchNews[];
  isErased: boolean;
}

const isWaiting = ({ state }: Item): boolean => state === 'waiting' || state === 'waiting_again';

const isOpen = (news: DispatchNews | undefined): boolean =>
  news !== undefined && ['PENDING', 'DELIVERED', 'RUNNING'].includes(news.state);

export class World {
  now = 1_000;
  operation: Operation;
  readonly items = new Map<string, Item>();
  erased: Item[] = [];
  counts: Counts;
  readonly jobs: WorldJob[];
  /** What the object remembers: who was asked and has not answered, with what the job did. */
  readonly asked = new Map<string, { what: 'retry' | 'news'; fate: Fate | null }>();
  readonly untouched = new Set<string>();
  readonly situations = new Set<string>();
  /** News that were told once, and may be told again. */
  readonly told: { jobId: string; news: DispatchNews }[] = [];
  mostOpen = 0;

  constructor(jobs: number, maxInFlight: number) {
    this.operation = newOperation({ ...ORIGIN, maxInFlight }, this.now);
    this.jobs = Array.from({ length: jobs }, (_, n) => ({
      ...{ id: `job_${String(n).padStart(2, '0')}`, dispatches: [], isErased: false },
    }));
    for (const { id } of this.jobs) this.items.set(id, newItem(id, this.now));
    this.counts = countsOf([...this.items.values()].map(groupOf));
  }

  get waiting(): Item[] {
    return [...this.items.values()]
      .filter(isWaiting)
      .sort((a, b) => (`${a.state} ${a.jobId}` < `${b.state} ${b.jobId}` ? -1 : 1));
  }

  get inFlight(): Item[] {
    return [...this.items.values()].filter(({ state }) => state === 'in_flight');
  }

  get room(): Item[] {
    return this.waiting.slice(0, roomOf(this.operation, this.inFlight.length));
  }

  commit({ operation, item }: OperationChanges, before: Item | null): void {
    if (operation) this.operation = operation;
    if (!item || !before) return;
    this.counts = move(this.counts, before, item);
    this.items.delete(before.jobId);
    if (item.state === 'erased') this.erased.push(item);
    else this.items.set(item.jobId, item);
  }

  settle(): void {
    const hasToHear =
      this.operation.state === 'cancelling'
        ? this.room.filter(({ jobId }) => !this.untouched.has(jobId)).length
        : this.asked.size;
    const at = { isWaiting: this.waiting.length > 0, inFlight: this.inFlight.length, asked: hasToHear };
    this.commit({ operation: afterTime(this.operation, at, this.now), item: null }, null);
  }

  goOn(fate: Fate): void {
    this.settle();
    if (hasEnded(this.operation)) return;
    const passed = this.operation.state === 'cancelling' ? this.untouched : new Set<string>();
    const { jobIds, what } = toAsk(this.operation, this.room, new Set(this.asked.keys()), passed);
    for (const id of jobIds) {
      this.asked.set(id, { what, fate: null });
      this.#reach(id, fate);
    }
    this.settle();
  }

  /** The job takes the request, as a job does: once for its id. */
  #reach(id: string, fate: Fate): void {
    const job = this.jobs.find((known) => known.id === id);
    const asking = this.asked.get(id);
    if (!job || !asking) throw new Error('asked is who is in it');
    asking.fate = job.isErased ? 'gone' : fate;
    const newest = job.dispatches.at(-1);
    if (asking.what === 'news' || job.isErased || fate === 'refused-by-job' || fate === 'gone') return;
    if (newest && newest.state !== 'UNDELIVERABLE') return;
    this.now += 1;
    job.dispatches.push({
      ...{ id: `${id}/${job.dispatches.length}`, failureCode: null },
      ...{ state: 'PENDING', isDelivered: false, wasRefused: false, retryAfterAt: null },
    });
    this.mostOpen = Math.max(this.mostOpen, this.jobs.filter((one) => isOpen(one.dispatches.at(-1))).length);
  }

  /** What becomes of the delivery of one that is pending. */
  #deliver(job: WorldJob, fate: Fate): void {
    const newest = job.dispatches.at(-1);
    if (newest?.state !== 'PENDING') return;
    if (fate === 'unreachable' || fate === 'refused') {
      Object.assign(newest, { state: 'UNDELIVERABLE', wasRefused: fate === 'refused' });
      this.situations.add(`a dispatch was withdrawn: ${fate}`);
    } else Object.assign(newest, { state: 'DELIVERED', isDelivered: true });
  }

  answerOf(job: WorldJob, what: 'retry' | 'news', fate: Fate | null): Answer {
    if (job.isErased) return { kind: 'gone' };
    const newest = job.dispatches.at(-1);
    // A job that refuses has made no dispatch; one that made one is asked under the same id, and answers with it.
    if (newest && (newest.state !== 'UNDELIVERABLE' || fate !== 'refused-by-job')) {
      return { kind: 'dispatch', news: { ...newest } };
    }
    return what === 'news' ? { kind: 'none' } : { kind: 'refused', code: 'JOB_ALREADY_RUNNING' };
  }

  step({ do: act, which, fate, end }: Step): void {
    this.now += 1_000;
    const pick = <T>(all: readonly T[]): T | undefined => all[which % Math.max(all.length, 1)];
    switch (act) {
      case 'ask':
        this.goOn(fate);
        return;
      case 'answer': {
        const [id, asking] = pick([...this.asked]) ?? [];
        const job = this.jobs.find((known) => known.id === id);
        if (!id || !asking || !job) return;
        this.#deliver(job, fate);
        this.asked.delete(id);
        const item = this.items.get(id);
        if (!item) return;
        const answer = this.answerOf(job, asking.what, asking.fate);
        if (answer.kind === 'none' && isWaiting(item)) this.untouched.add(id);
        this.situations.add(`an answer: ${answer.kind}`);
        this.commit(afterAnswer(this.operation, item, answer, this.now), item);
        this.goOn(fate);
        return;
      }
      case 'lose-answer': {
        const [id] = pick([...this.asked]) ?? [];
        if (id) this.asked.delete(id);
        return;
      }
      case 'crash':
        this.asked.clear();
        this.untouched.clear();
        this.situations.add(`a crash while ${this.operation.state}`);
        return;
      case 'report': {
        const job = pick(this.jobs.filter((one) => isOpen(one.dispatches.at(-1))));
        const newest = job?.dispatches.at(-1);
        if (!newest) return;
        const failureCode = end === 'FAILED' || end === 'TIMED_OUT' ? 'NO_AUDIO' : null;
        Object.assign(newest, { state: end, isDelivered: true, failureCode });
        return;
      }
      case 'tell': {
        const job = pick(this.jobs.filter(({ dispatches, isErased }) => !isErased && dispatches.length > 0));
        const news = job?.dispatches.at(-1);
        if (job && news && !isOpen(news)) this.#hear(job.id, { ...news });
        this.goOn(fate);
        return;
      }
      case 'stale': {
        const before = pick(this.told);
        if (before) this.#hear(before.jobId, before.news);
        return;
      }
      case 'pause':
      case 'resume':
      case 'cancel': {
        const commanded = afterCommand(this.operation, act);
        if (commanded) this.operation = commanded;
        this.situations.add(`${act}: ${commanded === null ? 'refused' : 'taken'}`);
        this.goOn(fate);
        return;
      }
      case 'time':
        this.now += 400_000;
        this.goOn(fate);
        return;
      case 'erase': {
        const job = pick(
          this.jobs.filter(({ dispatches, isErased }) => !isErased && !isOpen(dispatches.at(-1))),
        );
        if (!job) return;
        job.isErased = true;
        const item = this.items.get(job.id);
        if (item) this.commit({ operation: null, item: forgotten(item, this.now) }, item);
        this.goOn(fate);
        return;
      }
      case 'look': {
        const item = pick(this.inFlight);
        const job = this.jobs.find(({ id }) => id === item?.jobId);
        if (!item || !job) return;
        this.commit(afterAnswer(this.operation, item, this.answerOf(job, 'news', null), this.now), item);
        this.goOn(fate);
        return;
      }
      default:
        act satisfies never;
    }
  }

  #hear(jobId: string, news: DispatchNews): void {
    this.told.push({ jobId, news });
    const item = this.items.get(jobId);
    if (item) this.commit(afterNews(this.operation, item, news, false, this.now), item);
  }

  /** Nothing fails any more, and nobody interferes. */
  finish(): void {
    if (this.operation.state === 'paused') this.step({ ...CALM, do: 'resume' });
    for (let rounds = 0; !hasEnded(this.operation); rounds += 1) {
      if (rounds > 1_000) throw new Error(`it never ends: ${JSON.stringify(this.operation)}`);
      this.step({ ...CALM, do: 'time' });
      while (this.asked.size > 0) this.step({ ...CALM, do: 'answer' });
      for (const job of this.jobs) {
        this.#deliver(job, 'delivers');
        const newest = job.dispatches.at(-1);
        if (newest && isOpen(newest)) Object.assign(newest, { state: 'SETTLED', isDelivered: true });
        if (newest && !job.isErased) this.#hear(job.id, { ...newest });
      }
    }
    for (const { id, dispatches, isErased } of this.jobs) {
      const newest = dispatches.at(-1);
      if (newest && !isErased) this.#hear(id, { ...newest });
    }
  }
}

export const CALM: Omit<Step, 'do'> = { which: 0, fate: 'delivers', end: 'SETTLED' };

/** What its own history says became of a job in an operation that is over. */
export function historySays({ dispatches }: WorldJob): string {
  const newest = dispatches.at(-1);
  if (!newest) return 'waiting';
  const says: Partial<Record<DispatchNews['state'], string>> = {
    ...{ SETTLED: 'succeeded', FAILED: 'failed', TIMED_OUT: 'failed', CANCELLED: 'cancelled' },
  };
  return says[newest.state] ?? 'withdrawn';
}
