// One Durable Object per job: the only writer of that job. Every command takes one way: load, let the domain decide, commit,
// then see to what follows (effects.ts). What may be read of it is in job-reads.ts.
import type { AfterDelivery, Claim } from '../contract/messages.ts';
import { toNextActions } from '../contract/next-actions.ts';
import type {
  Abandon,
  Ask,
  Callback,
  Cancel,
  ChangeLabels,
  Command,
  ConfirmUpload,
  DeliveryOutcome,
  EditArtifact,
  Erase,
  MessageKind,
  RenewVideo,
} from '../domain/commands.ts';
import { isOverdue, refuseRepeat } from '../domain/creation.ts';
import { decide } from '../domain/decide.ts';
import type { Decision } from '../domain/decision.ts';
import type { Dispatch } from '../domain/dispatch.ts';
import { refuseDispatch } from '../domain/dispatching.ts';
import { NO_EVIDENCE } from '../domain/evidence.ts';
import { type JobOrigin, newJob } from '../domain/job.ts';
import {
  type CallbackAnswer,
  type DispatchAnswer,
  type EditAnswer,
  type EditLook,
  type ErasureAnswer,
  type JobAnswer,
  NOT_FOUND,
  type ShownAnswer,
} from './answers.ts';
import { claim, pauseAfter } from './deliveries.ts';
import { measureEnded } from './ended.ts';
import { JobReads } from './job-reads.ts';
import type { Unproven } from './planning.ts';

export class JobActor extends JobReads {
  /**
   * Stores a new job, as its project has admitted it at that time, and lists it there. A repeat completes what was begun and
   * answers the job as it is.
   */
  async create(origin: JobOrigin, admittedAt = Date.now()): Promise<JobAnswer> {
    const known = this.effects.lookedAfter();
    const rejection = known && refuseRepeat(known, origin);
    if (rejection) return { ok: false, rejection };
    if (!known && this.store.stored())
      return { ok: false, rejection: { code: 'RESOURCE_ERASED', id: origin.id } };
    const job = known ?? newJob(origin, admittedAt);
    if (!known) {
      if (isOverdue(origin, admittedAt, Date.now())) throw new Error('the admission is too old to be used');
      this.store.create(job);
    }
    await this.effects.list();
    if (this.store.job() === null) {
      // Its project, or what had this id before, was erased meanwhile.
      await this.effects.erase();
      return NOT_FOUND;
    }
    return { ok: true, job, open: this.store.open(job), replayed: known !== null };
  }

  confirmUpload(command: ConfirmUpload): JobAnswer {
    return this.#answerJob(this.#execute(command));
  }

  renewVideo(command: RenewVideo): JobAnswer {
    return this.#answerJob(this.#execute(command));
  }

  changeLabels(asked: Omit<ChangeLabels, 'etag'>): ShownAnswer {
    const shown = this.show(asked.owner);
    if (!shown.ok) return shown;
    const decision = this.#execute({ ...asked, etag: shown.etag.slice(1, -1) });
    return decision.kind === 'rejected'
      ? { ok: false, rejection: decision.rejection }
      : this.show(asked.owner);
  }

  cancel(command: Omit<Cancel, 'deliveryMayHaveStarted'>): JobAnswer {
    const deliveryMayHaveStarted = this.effects.mayHaveStarted();
    return this.#answerJob(this.#execute({ ...command, deliveryMayHaveStarted }));
  }

  abandon(command: Omit<Abandon, 'deliveryMayHaveStarted'>): JobAnswer {
    const deliveryMayHaveStarted = this.effects.mayHaveStarted();
    return this.#answerJob(this.#execute({ ...command, deliveryMayHaveStarted }));
  }

  /** The job goes. Answers whether nothing is left of it; what is, an alarm sees to. */
  async erase(command: Erase): Promise<ErasureAnswer> {
    const decision = this.#execute(command);
    if (decision.kind === 'rejected') return { ok: false, rejection: decision.rejection };
    return { ok: true, isGone: await this.effects.erase() };
  }

  protected override disowned(): void {
    this.#execute({ type: 'disown', deliveryMayHaveStarted: this.effects.mayHaveStarted() });
  }

  /**
   * Whether this edit could be made if what it names were there: nothing is stored, and the store of artifacts is not asked. Under an
   * id that was used before, what it says decides, which is looked at when it is made.
   */
  lookAtEdit(edit: Omit<EditArtifact, 'payloadDigest' | 'evidence'>): EditLook {
    this.effects.lookedAfter();
    const command = { ...edit, payloadDigest: '', evidence: NO_EVIDENCE };
    const decision = decide(this.store.view(command), command, this.config().rules, Date.now());
    if (decision.kind !== 'rejected') return { ok: true, isRepeat: false };
    const { rejection } = decision;
    if (rejection.code === 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH') return { ok: true, isRepeat: true };
    return { ok: false, rejection };
  }

  /** Adds a corrected version of an artifact; where the store is known to have it, it is looked for first. */
  async edit(edit: Unproven<EditArtifact>): Promise<EditAnswer> {
    const decision = this.#execute(await this.planning.withProof(edit));
    if (decision.kind === 'rejected') return { ok: false, rejection: decision.rejection };
    const { edit: version } = decision;
    if (version === undefined) throw new Error('an edit makes a version');
    return { ...this.#answered(decision), version };
  }

  /**
   * Dispatches a pipeline and waits up to `waitMs` for the outcome of the delivery. With 0 it answers as soon as the
   * dispatch is durable: whether the queue took it need not be known, since an alarm sends again what it did not.
   */
  async dispatch(asked: Unproven<Ask>, waitMs: number): Promise<DispatchAnswer> {
    const askedAt = Date.now();
    // While a deployment is under way the caller may be a Worker of before, which says nothing of edits.
    const complete = asked.type === 'retry' ? { ...asked, discardEdits: asked.discardEdits ?? [] } : asked;
    const decision = this.#execute(await this.planning.withEvidence(complete));
    if (decision.kind === 'rejected') return { ok: false, rejection: decision.rejection };
    const { dispatch } = decision;
    if (dispatch === null) throw new Error('whatever asks for a dispatch decides about one');
    this.ctx.waitUntil(this.effects.send([dispatch]));
    if (dispatch.state === 'PENDING' && waitMs > 0) {
      const leftMs = Math.max(waitMs - (Date.now() - askedAt), 0);
      const isKnown = await this.effects.waiting.outcomeOf(dispatch.id, leftMs);
      // The alarm may be late; a window that closed meanwhile must not be answered as open.
      if (!isKnown) this.#executeDue();
      this.store.touch();
    }
    return this.#answerDispatch(dispatch, decision.kind === 'replayed');
  }

  async applyCallback(command: Callback): Promise<CallbackAnswer> {
    const decision = this.#execute(command);
    await this.effects.listAfter(decision);
    if (decision.kind === 'rejected') return { ok: false, rejection: decision.rejection };
    const { id, status, latestCallback } = decision.job;
    return { ok: true, job: { id, status, latestCallback }, replayed: decision.kind === 'replayed' };
  }

  /** Whether a message that the queue brought is still wanted, and if so what to deliver. Who gets no answer asks again. */
  claim(dispatchId: string, message: MessageKind, id: string = crypto.randomUUID()): Claim {
    const found = this.effects.lookedAfter();
    // A pipeline is told to stop although its job is being erased.
    const job = message === 'cancel' ? this.store.stored() : found;
    const dispatch = job && this.store.dispatch(dispatchId);
    if (!dispatch) return { verdict: 'drop' };
    return claim(job, dispatch, message, id, this.effects.leases, this.config().orchestratorTimeoutMs);
  }

  /** How a delivery ended. Answers when it is tried again, if it is. */
  async reportDelivery(
    dispatchId: string,
    message: MessageKind,
    outcome: DeliveryOutcome,
    claim: string | null = null,
  ): Promise<AfterDelivery> {
    const { leases } = this.effects;
    if (leases.isReported(message, dispatchId, claim)) return { verdict: 'done' };
    const deliveryMayHaveStarted = this.effects.mayBeUnreported(claim);
    const report = { dispatchId, message, outcome, deliveryMayHaveStarted };
    const decision = this.#execute({ type: 'report-delivery', ...report });
    leases.release(message, dispatchId, claim, Date.now());
    if (decision.kind === 'rejected' || decision.dispatch === null) return { verdict: 'done' };
    const delayMs = pauseAfter(decision.dispatch, message, outcome);
    await this.effects.send([decision.dispatch], delayMs ?? 0);
    await this.effects.listAfter(decision);
    return delayMs === null ? { verdict: 'done' } : { verdict: 'retry', delayMs };
  }

  /** At least once, possibly late. */
  override alarm(): Promise<void> {
    const retryDue = async () => {
      const command = await this.planning.retryDue();
      if (command) this.#execute(command);
    };
    return this.effects.rang({ decideDue: () => this.#executeDue(), retryDue });
  }

  /** Load, decide and commit, with nothing in between; whatever has to happen outside follows from what was stored. */
  #execute(command: Command): Decision {
    this.effects.lookedAfter();
    const view = this.store.view(command);
    const now = Date.now();
    const decision = decide(view, command, this.config().rules, now);
    if (decision.kind !== 'accepted') return decision;
    this.store.commit(decision.changes);
    if (view) this.effects.follow(view, decision, command);
    measureEnded(this.env, view, decision, now);
    return decision;
  }

  #executeDue(): Decision {
    return this.#execute({ type: 'deadline', deliveryMayHaveStarted: this.effects.mayBeUnreported() });
  }

  #answerDispatch(decided: Dispatch, replayed: boolean): DispatchAnswer {
    const now = this.store.job();
    if (now === null) return NOT_FOUND;
    const dispatch = this.store.dispatch(decided.id) ?? decided;
    const rejection = refuseDispatch(now, dispatch);
    if (rejection) return { ok: false, rejection, dispatch };
    const open = this.store.open(now);
    // Another run does nothing; a retry that was accepted before is not told what else to do.
    const isTold = replayed && dispatch.kind === 'run';
    const actions = isTold ? toNextActions(now, open, this.config().rules) : [];
    return { ok: true, job: { id: now.id, status: now.status }, dispatch, replayed, nextActions: actions };
  }

  #answerJob(decision: Decision): JobAnswer {
    if (decision.kind === 'rejected') return { ok: false, rejection: decision.rejection };
    return this.#answered(decision);
  }

  #answered({ kind, job }: Exclude<Decision, { kind: 'rejected' }>) {
    return { ok: true as const, job, open: this.store.open(job), replayed: kind === 'replayed' };
  }
}
