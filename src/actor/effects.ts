// What follows from a commit of a job, outside of it: messages on the queue, what its project and an operation have to know,
// those who wait, and the alarm that sees to whatever of that fails. All of it follows from what was stored, so a crash at any point loses nothing.
import type { Command } from '../domain/commands.ts';
import type { Decision, JobView } from '../domain/decision.ts';
import { type Dispatch, isOpen } from '../domain/dispatch.ts';
import type { Job } from '../domain/job.ts';
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
import { ANSWER_WAIT_MS, Telling } from './telling.ts';
import { Waiting } from './waiting.ts';

/** When an alarm that failed is set again: what is wrong may be mended, and the job still waits. */
const AFTER_FAILURE_MS = 30_000;

interface Surroundings {
  enqueue: Enqueue;
  tell(summary: JobSummary): Promise<unknown>;
  /** Whoever else has something of a job that is erased lets go of it. */
  forget(job: Job): Promise<unknown>;
  /** Throws where the service is not set up. */
  rules(): Rules;
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
  readonly #erasing: Erasing;
  /** Whether this instance has looked for an alarm where one has to stand. */
  #isLookedAfter = false;

  constructor(ctx: DurableObjectState, store: JobStore, { enqueue, tell, forget, rules }: Surroundings) {
    this.#ctx = ctx;
    this.#store = store;
    this.#rules = rules;
    this.#alarm = new AlarmClock(ctx.storage);
    this.#outbox = new Outbox(enqueue, this.leases);
    this.#list = new Telling<JobSummary>({
      current: () => {
        const job = store.job();
        return job && summaryOf(job, store.open(job));
      },
      isAlike: isShownAlike,
      tell,
      fields: ({ id }) => ({ job_id: id }),
    });
    this.#erasing = new Erasing(store, forget, () => {
      this.#alarm.rang();
      this.#list.forget();
    });
  }

  /** Before anything else: when the alarm stands. One that stands soon may have been set for the list. */
  async load(): Promise<void> {
    await this.#alarm.load();
    if (this.#alarm.standsWithin(LONGEST_PUSH_PAUSE_MS)) this.#list.owe();
  }

  /** The job, for whoever touches it: alarms have been known not to come, and the next touch sets the one that is missing. */
  lookedAfter(): Job | null {
    if (!this.#isLookedAfter || this.#alarm.isLost) {
      this.#isLookedAfter = true;
      if (this.#alarm.isAbsent) this.#arm({ tells: this.#list.isOwed });
    }
    return this.#store.job();
  }

  /** Right after the commit of what a command decided on `before`. */
  follow(
    before: JobView,
    { job, changes }: Extract<Decision, { kind: 'accepted' }>,
    { type }: Command,
  ): void {
    const { opened, updated = [] } = changes;
    if (opened) this.leases.made(opened.id);
    const hasMoved = !isShownAlike(summaryOf(before.job, before.open), summaryOf(job, this.#store.open(job)));
    if (hasMoved) this.#list.owe();
    // A report is answered after the list has heard of it, and repeated when it was not answered; a delivery has its
    // resend alarm until then, and so has what asks for one. An editor may not repeat.
    const isRepeated = type === 'callback' || type === 'report-delivery';
    const tells = hasMoved && !isRepeated;
    this.#arm({ tells: tells && !opened });
    const touched = [...(opened ? [opened] : []), ...updated];
    for (const dispatch of touched) {
      if (!isOpen(dispatch)) this.#logEnded(dispatch);
      if (dispatch.state !== 'PENDING') this.waiting.wake(dispatch.id);
    }
    if (tells) this.#ctx.waitUntil(this.#list.tell());
    if (job.erasure) this.#ctx.waitUntil(this.#erasing.goOn());
    // After a delivery its message is sent again by whoever was told of the outcome, and how long the pause is.
    if (type === 'report-delivery') return;
    const notices = touched.filter(({ cancelNotice }) => cancelNotice?.state === 'PENDING');
    if (notices.length > 0) this.#ctx.waitUntil(this.send(notices));
  }

  /** Resolves when nothing is left of a job that is being erased, with true, or when an alarm will see to it. */
  async erase(): Promise<boolean> {
    await within(ANSWER_WAIT_MS, this.#erasing.goOn()).catch(() => {});
    this.#arm();
    return this.#store.stored() === null;
  }

  /** Puts on the queue what of these nobody carries, after a pause. What it does not take now is sent by an alarm. */
  async send(dispatches: readonly Dispatch[], pauseMs = 0): Promise<void> {
    const job = this.#store.stored();
    if (job && !(await this.#outbox.send(job, dispatches, Date.now(), pauseMs))) this.#arm();
  }

  /**
   * Resolves when the project lists the job as it is, or when an alarm will see to it. Until then none is needed: a report
   * that got no answer is repeated, a delivery still has the alarm of its resending, and of a creation that got no answer
   * nobody knows.
   */
  async list(): Promise<void> {
    if (this.#list.isTold) return;
    await this.#list.tellSoon();
    this.#arm();
  }

  /** As `list`, for what may have changed what is listed: a status, a dispatch's end, or either where its report got no answer before. */
  async listAfter(decision: Decision): Promise<void> {
    if (decision.kind === 'rejected') return;
    if (decision.kind === 'accepted') {
      const { transitions = [], updated = [] } = decision.changes;
      if (transitions.length === 0 && updated.every(isOpen) && !this.#list.isOwed) return;
    }
    await this.list();
  }

  /**
   * The alarm has come: what is due is decided by `decideDue`, what nobody carries is sent, what is to be retried by itself is by
   * `retryDue`, and the next one is set.
   */
  async rang({ decideDue, retryDue }: { decideDue(): unknown; retryDue(): Promise<unknown> }): Promise<void> {
    this.#alarm.rang();
    this.#isLookedAfter = true;
    try {
      if (this.#store.stored() === null) return;
      decideDue();
      const undelivered = this.#undelivered();
      // Whoever carries a message now may lose it: that is found when the lease is over.
      const lookAt = this.#outbox.carriedUntil(undelivered, Date.now());
      // Before anything is waited for: as long as the next alarm does not stand, no deadline can come.
      this.#arm({ tells: false, lookAt });
      await this.send(undelivered);
      await retryDue();
      await this.#list.tell();
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
    const listAt = tells ? this.#list.dueAt(now) : null;
    const goOnAt = this.#erasing.dueAt(now);
    const times = [wakeUp, sendAt, listAt, goOnAt].map((at) => at ?? Infinity);
    const due = Math.min(...times, lookAt);
    this.#alarm.arm(due, !this.#list.isOwed);
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
