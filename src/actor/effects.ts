// What follows from a commit of a job, outside of it: messages on the queue, what its project and an operation have to know,
// those who wait, and the alarm that sees to whatever of that fails. All of it follows from what was stored, so a crash at any point loses nothing.
import { CLOSED } from '../contract/events.ts';
import { ACTS } from '../domain/acts.ts';
import type { Command } from '../domain/commands.ts';
import type { Decision, JobView } from '../domain/decision.ts';
import { type Dispatch, isOpen } from '../domain/dispatch.ts';
import type { Job } from '../domain/job.ts';
import { type DispatchNews, newsOf } from '../domain/operation.ts';
import { isShownAlike, type JobSummary, summaryOf } from '../domain/project.ts';
import { LONGEST_PUSH_PAUSE_MS } from '../domain/resending.ts';
import type { Rules } from '../domain/rules.ts';
import { nextWakeUp } from '../domain/timeouts.ts';
import { describeError, log } from '../log.ts';
import { within } from '../time-limit.ts';
import { AlarmClock } from './alarm-clock.ts';
import { Erasing } from './erasing.ts';
import type { JobStore } from './job-store.ts';
import { Leases } from './leases.ts';
import { type Enqueue, Outbox } from './outbox.ts';
import { ANSWER_WAIT_MS, Telling, Tellings } from './telling.ts';
import type { Viewers } from './viewers.ts';
import { Waiting } from './waiting.ts';

/** When an alarm that failed is set again: what is wrong may be mended, and the job still waits. */
const AFTER_FAILURE_MS = 30_000;

interface Surroundings {
  enqueue: Enqueue;
  /** To its project. */
  list(summary: JobSummary): Promise<unknown>;
  /** To the operation that asked for the dispatch. */
  report(operationId: string, jobId: string, news: DispatchNews): Promise<unknown>;
  /** Whoever else has something of a job that is erased lets go of it. */
  forget(job: Job): Promise<unknown>;
  /** Throws where the service is not set up. */
  rules(): Rules;
  viewers: Pick<Viewers<unknown>, 'changed' | 'endsAt' | 'closeEnded' | 'closeAll'>;
}

export class JobEffects {
  readonly leases = new Leases();
  readonly waiting = new Waiting();
  readonly #ctx: DurableObjectState;
  readonly #store: JobStore;
  readonly #rules: () => Rules;
  readonly #alarm: AlarmClock;
  readonly #outbox: Outbox;
  readonly #list: Telling<JobSummary>;
  readonly #news: Telling<OperationsNews>;
  readonly #tellings: Tellings;
  readonly #erasing: Erasing;
  readonly #viewers: Surroundings['viewers'];
  /** Whether this instance has looked for an alarm where one has to stand. */
  #isLookedAfter = false;

  constructor(
    ctx: DurableObjectState,
    store: JobStore,
    { enqueue, list, report, forget, rules, viewers }: Surroundings,
  ) {
    this.#ctx = ctx;
    this.#store = store;
    this.#rules = rules;
    this.#viewers = viewers;
    this.#alarm = new AlarmClock(ctx.storage);
    this.#outbox = new Outbox(enqueue, this.leases);
    this.#list = new Telling<JobSummary>({
      current: () => {
        const job = store.job();
        return job && summaryOf(job, store.open(job));
      },
      isAlike: isShownAlike,
      tell: list,
      fields: ({ id }) => ({ job_id: id }),
    });
    this.#news = new Telling<OperationsNews>({
      current: () => newsFor(store.job(), store.newest()),
      isAlike: (one, other) => JSON.stringify(one) === JSON.stringify(other),
      tell: ({ operationId, jobId, news }) => report(operationId, jobId, news),
      fields: ({ operationId, jobId }) => ({ job_id: jobId, operation_id: operationId }),
    });
    this.#tellings = new Tellings(this.#list, this.#news);
    this.#erasing = new Erasing(store, forget, () => {
      this.#alarm.rang();
      this.#list.forget();
      this.#news.forget();
    });
  }

  /** Before anything else: when the alarm stands. One that stands soon may have been set for the list. */
  async load(): Promise<void> {
    await this.#alarm.load();
    if (this.#alarm.standsWithin(LONGEST_PUSH_PAUSE_MS)) this.#tellings.owe();
  }

  /** The job, for whoever touches it: alarms have been known not to come, and the next touch sets the one that is missing. */
  lookedAfter(): Job | null {
    if (!this.#isLookedAfter || this.#alarm.isLost) {
      this.#isLookedAfter = true;
      if (this.#alarm.isAbsent) this.#arm({ tells: this.#tellings.isOwed });
    }
    return this.#store.job();
  }

  /** Right after the commit of what a command decided on `before`. */
  follow(
    before: JobView,
    { job, changes, refusal }: Extract<Decision, { kind: 'accepted' }>,
    { type }: Command,
  ): void {
    this.#viewers.changed();
    const { opened, updated = [] } = changes;
    if (refusal) log('warn', 'automatic_retry_refused', { job_id: job.id, error_code: refusal.code });
    if (opened) this.leases.made(opened.id);
    const hasMoved = !isShownAlike(summaryOf(before.job, before.open), summaryOf(job, this.#store.open(job)));
    if (hasMoved) this.#list.owe();
    const hasNews = updated.some((dispatch) => dispatch.operationId !== null && !isOpen(dispatch));
    if (hasNews) this.#news.owe();
    // A report is answered after the list and an operation have heard of it, and repeated when it was not answered; a delivery has its
    // resend alarm until then, and so has what asks for one. An editor may not repeat.
    const isRepeated = type === 'callback' || type === 'report-delivery';
    const tells = (hasMoved || hasNews) && !isRepeated;
    this.#arm({ tells: tells && !opened });
    const touched = [...(opened ? [opened] : []), ...updated];
    for (const dispatch of touched) {
      if (!isOpen(dispatch)) this.#logEnded(dispatch);
      if (dispatch.state !== 'PENDING') this.waiting.wake(dispatch.id);
    }
    // What was opened just now is told with its delivery (`carried`), or with the outcome of that: there will be one in a moment.
    if (tells && !opened) this.#ctx.waitUntil(this.#tellings.tell());
    if (job.erasure) this.#goesNow();
    // After a delivery its message is sent again by whoever was told of the outcome, and how long the pause is.
    if (type === 'report-delivery') return;
    const notices = touched.filter(({ cancelNotice }) => cancelNotice?.state === 'PENDING');
    if (notices.length > 0) this.#ctx.waitUntil(this.send(notices));
  }

  #goesNow(): void {
    this.#viewers.closeAll(CLOSED.erased);
    this.#ctx.waitUntil(this.#erasing.goOn());
  }

  /** Resolves when nothing is left of a job that is being erased, with true, or when an alarm will see to it. */
  async erase(): Promise<boolean> {
    await within(ANSWER_WAIT_MS, this.#erasing.goOn()).catch(() => {});
    this.#arm();
    return this.#store.stored() === null;
  }

  /** Somebody has come to look on: the alarm sees to it that they do so no longer than they may. */
  watched(): void {
    this.#arm({ tells: this.#list.isOwed });
  }

  /**
   * A message is about to be delivered: whoever has to know of its dispatch hears of it meanwhile, so that the commit of the outcome
   * can move the alarm at once. Not where the job moves with that outcome, of which they hear anyway.
   */
  carried({ kind }: Dispatch): void {
    if (this.#tellings.isOwed && !ACTS[kind].beginsOnDelivery) this.#ctx.waitUntil(this.#tellings.tell());
  }

  /** Puts on the queue what of these nobody carries, after a pause. What it does not take now is sent by an alarm. */
  async send(dispatches: readonly Dispatch[], pauseMs = 0): Promise<void> {
    const job = this.#store.stored();
    if (job && !(await this.#outbox.send(job, dispatches, Date.now(), pauseMs))) this.#arm();
  }

  /**
   * Resolves when the project lists the job as it is, and an operation has its news, or when an alarm will see to it. Until then none is needed: a report
   * that got no answer is repeated, a delivery still has the alarm of its resending, and of a creation that got no answer
   * nobody knows.
   */
  async list(): Promise<void> {
    if (this.#tellings.isTold) return;
    await this.#tellings.tellSoon();
    this.#arm();
  }

  /** As `list`, for what may have changed what is listed: a status, a dispatch's end, or either where its report got no answer before. */
  async listAfter(decision: Decision): Promise<void> {
    if (decision.kind === 'rejected') return;
    if (decision.kind === 'accepted') {
      const { transitions = [], updated = [] } = decision.changes;
      if (transitions.length === 0 && updated.every(isOpen) && !this.#tellings.isOwed) return;
    }
    await this.list();
  }

  /**
   * The alarm has come: what is due is decided by `decideDue`, after the store of artifacts was asked by `retryDue`, what nobody
   * carries is sent, and the next one is set.
   */
  async rang({ decideDue, retryDue }: { decideDue(): unknown; retryDue(): Promise<unknown> }): Promise<void> {
    this.#alarm.rang();
    this.#isLookedAfter = true;
    try {
      if (this.#store.stored() === null) return;
      this.#viewers.closeEnded();
      decideDue();
      // Whoever carries a message now may lose it: that is found when the lease is over.
      const lookAt = this.#outbox.carriedUntil(this.#undelivered(), Date.now());
      // Before anything is waited for: as long as the next alarm does not stand, no deadline can come.
      this.#arm({ tells: false, lookAt });
      await retryDue();
      await this.send(this.#undelivered());
      await this.#tellings.tell();
      await this.#erasing.goOn();
      this.#arm({ lookAt });
    } catch (error) {
      // The platform gives up on an alarm that keeps failing.
      log('error', 'alarm_failed', { error: describeError(error) });
      this.#alarm.set(Date.now() + AFTER_FAILURE_MS);
    }
  }

  /** Sets the alarm for whatever is due next, by what is stored and by what only this instance knows. */
  #arm({ tells = true, lookAt = Infinity } = {}): void {
    const job = this.#store.stored();
    if (job === null) return;
    const now = Date.now();
    const wakeUp = nextWakeUp(job, this.#store.open(job), this.#store.notices(), this.#rules(), now);
    const sendAt = this.#outbox.dueAt(this.#undelivered(), now);
    const listAt = tells ? this.#tellings.dueAt(now) : null;
    const times = [wakeUp, sendAt, listAt, this.#erasing.dueAt(now)].map((at) => at ?? Infinity);
    this.#alarm.arm(Math.min(...times, lookAt, this.#viewers.endsAt), !this.#tellings.isOwed);
  }

  /** Whether the orchestrator may have seen the open dispatch. */
  mayHaveStarted(): boolean {
    const open = this.#open();
    return open !== null && this.leases.mayHaveStarted(open);
  }

  /** Whether an attempt to deliver the open dispatch may have been made that nobody reported, beside the one under this claim. */
  mayBeUnreported(claim: string | null = null): boolean {
    const open = this.#open();
    return open !== null && this.leases.mayBeUnreported('dispatch', open.id, claim);
  }

  #open(): Dispatch | null {
    const job = this.#store.stored();
    return job && this.#store.open(job);
  }

  /** The dispatches of which a message may still have to be delivered. */
  #undelivered(): Dispatch[] {
    const open = this.#open();
    return [...(open ? [open] : []), ...this.#store.notices()];
  }

  /** How a dispatch began and was delivered is in the lines of the request and of the delivery. */
  #logEnded({ id, state, deliveryAttempts }: Dispatch): void {
    const job_id = this.#store.stored()?.id ?? '';
    log('info', 'dispatch_ended', {
      job_id,
      dispatch_id: id,
      dispatch_state: state,
      attempts: deliveryAttempts,
    });
  }
}

/** What an operation has to know of a job. */
interface OperationsNews {
  operationId: string;
  jobId: string;
  news: DispatchNews;
}

/** How the newest dispatch ended, for the operation that asked for it; what came before it the operation asks for itself. */
function newsFor(job: Job | null, newest: Dispatch | null): OperationsNews | null {
  if (!job || !newest || newest.operationId === null || isOpen(newest)) return null;
  return { operationId: newest.operationId, jobId: job.id, news: newsOf(newest) };
}
