// One Durable Object per job: the only writer of that job. Loads, lets the domain decide, commits, flushes;
// and keeps what must not be stored: who waits for an outcome, and who carries a message.
import { DurableObject } from 'cloudflare:workers';
import { type Config, requireConfig } from '../config.ts';
import type { AfterDelivery, Claim } from '../contract/messages.ts';
import { toETag, toJobResource } from '../contract/resources.ts';
import type {
  Callback,
  Cancel,
  Command,
  ConfirmUpload,
  DeliveryOutcome,
  MessageKind,
  Retry,
  Run,
} from '../domain/commands.ts';
import { decide } from '../domain/decide.ts';
import type { Decision } from '../domain/decision.ts';
import { type Dispatch, isOpen } from '../domain/dispatch.ts';
import { refuseDispatch } from '../domain/dispatching.ts';
import type { Transition } from '../domain/history.ts';
import { type Job, newJob } from '../domain/job.ts';
import type { Rejection } from '../domain/rejection.ts';
import { backoffMs, fitsWindow, RESEND_AFTER_MS } from '../domain/resending.ts';
import { nextWakeUp } from '../domain/timeouts.ts';
import { describeError, log } from '../log.ts';
import { JobStore } from './job-store.ts';
import { Leases } from './leases.ts';
import { Outbox } from './outbox.ts';
import type { Position } from './workspace-store.ts';

/** A cancel waits for the delivery that it would otherwise overtake. */
const CANCEL_AFTER_DELIVERY_MS = 1_000;

/** Whatever goes wrong in an alarm, it does not come back in a tight loop. */
const SHORTEST_ALARM_MS = 1_000;
const AFTER_FAILURE_MS = 30_000;

/** No report waits longer for the workspace than this: it must not depend on it. */
const LISTING_WAIT_MS = 1_000;

export type Refused = { ok: false; rejection: Rejection };
export type JobAnswer = { ok: true; job: Job; open: Dispatch | null; replayed: boolean } | Refused;
/** No more of the job crosses than the caller is told: each copy costs. */
export type DispatchAnswer =
  | { ok: true; job: Pick<Job, 'id' | 'status'>; dispatch: Dispatch; replayed: boolean }
  | Refused;
export type CallbackAnswer =
  | { ok: true; job: Pick<Job, 'id' | 'status' | 'latestCallback'>; replayed: boolean }
  | Refused;
/** The job as it is shown (`job` in contract/resources.ts), as JSON, and its validator. */
export type ShownAnswer = { ok: true; body: string; etag: string } | Refused;
export type PageAnswer<T> = { ok: true; job: Job; items: T[] } | Refused;

const NOT_FOUND: Refused = { ok: false, rejection: { code: 'RESOURCE_NOT_FOUND' } };

export class JobActor extends DurableObject<Env> {
  readonly #store: JobStore;
  readonly #leases = new Leases();
  readonly #outbox: Outbox;
  readonly #waiting = new Map<string, Set<() => void>>();
  #alarmAt: number | null = null;
  #shown: { job: Job; open: Dispatch | null; answer: ShownAnswer } | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new JobStore(ctx.storage);
    this.#outbox = new Outbox(
      {
        send: (message) => env.DISPATCHES.send(message),
        push: (owner, summary) => env.WORKSPACE.getByName(owner).putSummary(summary),
      },
      this.#leases,
    );
    ctx.blockConcurrencyWhile(async () => {
      this.#alarmAt = await ctx.storage.getAlarm();
    });
  }

  /** Not in the constructor: an object whose service is not set up has to keep its alarm all the same. */
  get #config(): Config {
    return requireConfig(this.env);
  }

  /** Stores a new job and lists it in its workspace. A repeat with the same ids answers the job as it is. */
  async create(ids: Pick<Job, 'id' | 'projectId' | 'owner'>): Promise<JobAnswer> {
    const known = this.#store.job();
    if (known && known.owner !== ids.owner) return NOT_FOUND;
    const job = known ?? newJob(ids, Date.now());
    if (!known) this.#store.create(job);
    await this.#listed();
    return { ok: true, job, open: null, replayed: known !== null };
  }

  /** Many look at a job between two changes of it: what they see is made once. */
  show(owner: string): ShownAnswer {
    const job = this.#store.job();
    if (job?.owner !== owner) return NOT_FOUND;
    const open = this.#store.open(job);
    if (this.#shown?.job !== job || this.#shown.open !== open) {
      const answer = {
        ok: true as const,
        body: JSON.stringify(toJobResource(job, open)),
        etag: toETag(job, open),
      };
      this.#shown = { job, open, answer };
    }
    return this.#shown.answer;
  }

  confirmUpload(command: ConfirmUpload): JobAnswer {
    return this.#answerJob(this.#execute(command));
  }

  cancel(command: Omit<Cancel, 'deliveryMayHaveStarted'>): JobAnswer {
    const job = this.#store.job();
    const open = job && this.#store.open(job);
    const deliveryMayHaveStarted = open !== null && this.#leases.mayHaveStarted(open);
    return this.#answerJob(this.#execute({ ...command, deliveryMayHaveStarted }));
  }

  /**
   * Dispatches a pipeline and waits up to `waitMs` for the outcome of the delivery. With 0 it answers as soon as the
   * dispatch is durable: whether the queue took it need not be known, since an alarm sends again what it did not.
   */
  async dispatch(command: Run | Retry, waitMs: number): Promise<DispatchAnswer> {
    const decision = this.#execute(command);
    if (decision.kind === 'rejected') return { ok: false, rejection: decision.rejection };
    const { job, dispatch } = decision;
    if (dispatch === null) throw new Error('a run or retry decides about a dispatch');
    this.ctx.waitUntil(this.#send(job.id, [dispatch]));
    if (dispatch.state === 'PENDING' && waitMs > 0) await this.#outcomeOf(dispatch.id, waitMs);
    return this.#answerDispatch(job, dispatch, decision.kind === 'replayed');
  }

  async applyCallback(command: Callback): Promise<CallbackAnswer> {
    const decision = this.#execute(command);
    if (mayHaveMoved(decision)) await this.#listed();
    if (decision.kind === 'rejected') return { ok: false, rejection: decision.rejection };
    const { id, status, latestCallback } = decision.job;
    return { ok: true, job: { id, status, latestCallback }, replayed: decision.kind === 'replayed' };
  }

  /** A page of the dispatch history, newest first, of at most `limit`. */
  dispatches(owner: string, before: Position | null, limit: number): PageAnswer<Dispatch> {
    const job = this.#store.job();
    if (job?.owner !== owner) return NOT_FOUND;
    return { ok: true, job, items: this.#store.dispatches(before, limit) };
  }

  /** A page of the audit trail, oldest first, of at most `limit`. */
  transitions(owner: string, after: number, limit: number): PageAnswer<Transition & { seq: number }> {
    const job = this.#store.job();
    if (job?.owner !== owner) return NOT_FOUND;
    return { ok: true, job, items: this.#store.transitions(after, limit) };
  }

  /** Whether a message that the queue brought is still wanted, and if so what to deliver. */
  claim(dispatchId: string, message: MessageKind): Claim {
    const job = this.#store.job();
    const dispatch = job && this.#store.dispatch(dispatchId);
    if (!dispatch || job.manifest.videoUri === null) return { verdict: 'drop' };
    const until = message === 'cancel' ? noticeUntil(dispatch) : pendingUntil(dispatch);
    const now = Date.now();
    if (until === null || !fitsWindow(now, until)) return { verdict: 'drop' };
    if (message === 'cancel' && this.#leases.isBeingDelivered('dispatch', dispatchId, now)) {
      return { verdict: 'later', delayMs: CANCEL_AFTER_DELIVERY_MS };
    }
    const timeoutMs = Math.min(this.#config.orchestratorTimeoutMs, until - now);
    const claim = this.#leases.claim(message, dispatchId, now, timeoutMs);
    if (claim === null) return { verdict: 'drop' };
    return {
      verdict: 'deliver',
      delivery: {
        type: message === 'cancel' ? 'job.cancel' : `job.${dispatch.kind}`,
        dispatchId,
        jobId: job.id,
        projectId: job.projectId,
        videoUri: job.manifest.videoUri,
        modelProfile: dispatch.modelProfile,
        resumeFromStatus: dispatch.resumeFromStatus,
        checkpointRef: dispatch.checkpointRef,
        executionId: dispatch.executionId,
        traceparent: dispatch.traceparent,
        timeoutMs,
        claim,
      },
    };
  }

  /** How a delivery ended. Answers whether the queue should bring the message again, and when. */
  async reportDelivery(
    dispatchId: string,
    message: MessageKind,
    outcome: DeliveryOutcome,
    claim: string | null = null,
  ): Promise<AfterDelivery> {
    const isCarrier = this.#leases.release(message, dispatchId, claim);
    const decision = this.#execute({ type: 'report-delivery', dispatchId, message, outcome });
    if (decision.kind === 'rejected' || decision.dispatch === null) return { verdict: 'done' };
    const attempts = attemptsOf(decision.dispatch, message);
    if (attempts !== null && (outcome.kind === 'unreachable' || outcome.kind === 'unknown')) {
      const delayMs = Math.ceil(backoffMs(attempts, outcome.retryAfterMs) / 1000) * 1000;
      // Another copy of the message is on its way by now.
      if (!isCarrier) return { verdict: 'done' };
      this.#leases.paused(message, dispatchId, Date.now() + delayMs);
      return { verdict: 'retry', delayMs };
    }
    await this.#send(decision.job.id, [decision.dispatch]);
    if (mayHaveMoved(decision)) await this.#listed();
    return { verdict: 'done' };
  }

  /** At least once, possibly late: does what is due, sends what nobody carries, and sets itself again. */
  override async alarm(): Promise<void> {
    this.#alarmAt = null;
    if (this.#store.job() === null) return;
    try {
      this.#execute({ type: 'deadline' });
      const job = this.#store.job();
      const undelivered = job ? this.#undelivered(job) : [];
      // Whoever carries a message now may lose it: that is found when the lease is over.
      const lookAt = this.#outbox.carriedUntil(undelivered, Date.now());
      if (job) await this.#send(job.id, undelivered);
      await this.#outbox.push(() => this.#store.job());
      const current = this.#store.job();
      if (current) this.#arm(current, { lookAt });
    } catch (error) {
      // The platform gives up on an alarm that keeps failing. What is wrong may be mended, and the job still waits.
      log('error', 'alarm_failed', { error: describeError(error) });
      this.#setAlarm(Date.now() + AFTER_FAILURE_MS);
    }
  }

  /** Load, decide and commit, with nothing in between; whatever has to happen outside follows from what was stored. */
  #execute(command: Command): Decision {
    const decision = decide(this.#store.view(command), command, this.#config.rules, Date.now());
    if (decision.kind !== 'accepted') return decision;
    this.#store.commit(decision.changes);
    this.#flush(decision, command);
    return decision;
  }

  #flush({ job, changes }: Extract<Decision, { kind: 'accepted' }>, { type }: Command): void {
    if (changes.opened) this.#leases.made(changes.opened.id);
    const touched = [...(changes.opened ? [changes.opened] : []), ...(changes.updated ?? [])];
    // A callback is answered after the workspace has heard of it, and repeated when it was not answered; a delivery has
    // its resend alarm until then. An editor may not repeat. And what changes no status changes nothing that is listed.
    const isRepeated = type === 'callback' || type === 'report-delivery';
    const moves = Boolean(changes.transitions?.length);
    this.#arm(job, { pushes: moves && !isRepeated });
    for (const dispatch of touched) {
      // How it began and was delivered is in the lines of the request and of the delivery.
      if (!isOpen(dispatch)) {
        log('info', 'dispatch_ended', {
          job_id: job.id,
          dispatch_id: dispatch.id,
          dispatch_state: dispatch.state,
          attempts: dispatch.deliveryAttempts,
        });
      }
      if (dispatch.state !== 'PENDING') this.#wake(dispatch.id);
    }
    if (moves && !isRepeated) {
      this.ctx.waitUntil(this.#outbox.push(() => this.#store.job()));
    }
    const notices = touched.filter(({ cancelNotice }) => cancelNotice?.state === 'PENDING');
    if (notices.length > 0) this.ctx.waitUntil(this.#send(job.id, notices));
  }

  /** The dispatches of which a message may still have to be delivered. */
  #undelivered(job: Job): Dispatch[] {
    const open = this.#store.open(job);
    return [...(open ? [open] : []), ...this.#store.notices()];
  }

  /** What the queue does not take now is sent by an alarm. */
  async #send(jobId: string, dispatches: readonly Dispatch[]): Promise<void> {
    if (await this.#outbox.send(jobId, dispatches, Date.now())) return;
    const job = this.#store.job();
    if (job) this.#arm(job);
  }

  /**
   * Resolves when the workspace lists the job as it is, or when an alarm will see to it. Until then none is needed: a
   * callback that got no answer is repeated, a delivery still has the alarm of its resending, and of a creation that
   * got no answer nobody knows.
   */
  async #listed(): Promise<void> {
    const before = this.#store.job();
    if (before === null || this.#outbox.isListed(before)) return;
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LISTING_WAIT_MS);
    await Promise.race([this.#outbox.push(() => this.#store.job()), enough]);
    clearTimeout(timer);
    const job = this.#store.job();
    if (job) this.#arm(job);
  }

  /**
   * Moves the alarm to an earlier time; to a later one only when it is about to come for nothing: then moving it costs
   * no more than the alarm would, and saves it. Any other that comes too early finds nothing due and is set again.
   */
  #arm(job: Job, { pushes = true, lookAt = Infinity } = {}): void {
    const now = Date.now();
    const wakeUp = nextWakeUp(job, this.#store.open(job), this.#store.notices(), this.#config.rules, now);
    const sendAt = this.#outbox.sendDueAt(this.#undelivered(job), now);
    const pushAt = pushes ? this.#outbox.pushDueAt(job, now) : null;
    const due = Math.min(wakeUp ?? Infinity, sendAt ?? Infinity, pushAt ?? Infinity, lookAt);
    if (due === Infinity) return;
    const at = Math.max(due, now + SHORTEST_ALARM_MS);
    const soon = now + RESEND_AFTER_MS.most;
    const comesForNothing =
      this.#alarmAt !== null && this.#alarmAt <= soon && at > soon && this.#outbox.isListed(job);
    if (this.#alarmAt === null || at < this.#alarmAt || comesForNothing) this.#setAlarm(at);
  }

  #setAlarm(at: number): void {
    this.#alarmAt = at;
    this.ctx.storage.setAlarm(at);
  }

  /** Resolves when the dispatch is no longer pending, or when the wait is over. */
  #outcomeOf(dispatchId: string, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(dispatchId) ?? new Set();
      this.#waiting.set(dispatchId, waiting);
      const wake = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(dispatchId);
        // The alarm may be late; a window that closed meanwhile must not be answered as open.
        this.#execute({ type: 'deadline' });
        resolve();
      }, waitMs);
      waiting.add(wake);
    });
  }

  #wake(dispatchId: string): void {
    for (const wake of this.#waiting.get(dispatchId) ?? []) wake();
    this.#waiting.delete(dispatchId);
  }

  #answerDispatch(job: Job, decided: Dispatch, replayed: boolean): DispatchAnswer {
    const now = this.#store.job() ?? job;
    const dispatch = this.#store.dispatch(decided.id) ?? decided;
    const rejection = refuseDispatch(now, dispatch);
    if (rejection) return { ok: false, rejection };
    return { ok: true, job: { id: now.id, status: now.status }, dispatch, replayed };
  }

  #answerJob(decision: Decision): JobAnswer {
    if (decision.kind === 'rejected') return { ok: false, rejection: decision.rejection };
    const { job } = decision;
    return { ok: true, job, open: this.#store.open(job), replayed: decision.kind === 'replayed' };
  }
}

/** Whether the workspace may have to hear of it: of a change of status, or of one whose report got no answer before. */
const mayHaveMoved = (decision: Decision): boolean =>
  decision.kind === 'accepted' ? Boolean(decision.changes.transitions?.length) : decision.kind === 'replayed';

const pendingUntil = ({ state, deliverUntil }: Dispatch): number | null =>
  state === 'PENDING' ? deliverUntil : null;

const noticeUntil = ({ cancelNotice }: Dispatch): number | null =>
  cancelNotice?.state === 'PENDING' ? cancelNotice.until : null;

/** The failed attempts so far of a message that still has to be delivered; null once it has not. */
function attemptsOf(dispatch: Dispatch, message: MessageKind): number | null {
  if (message === 'dispatch') return dispatch.state === 'PENDING' ? dispatch.deliveryAttempts : null;
  return dispatch.cancelNotice?.state === 'PENDING' ? dispatch.cancelNotice.attempts : null;
}
