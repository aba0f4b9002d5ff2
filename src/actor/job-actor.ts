// One Durable Object per job: the only writer of that job. Every command takes one way: load, let the domain decide, commit,
// then see to what follows (effects.ts). What may be read of it is in job-reads.ts.
import type { AfterDelivery, Claim } from '../contract/messages.ts';
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
import { type JobOrigin, newJob } from '../domain/job.ts';
import { answerDispatch, answered, answerJob } from './answering.ts';
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
import type { EditLookedAt, Unproven } from './planning.ts';

export class JobActor extends JobReads {
  /**
   * Stores a new job, as its project has admitted it at that time, and lists it there. A repeat completes what was begun and
   * answers the job as it is.
   */
  async create(origin: JobOrigin, admittedAt = Date.now()): Promise<JobAnswer> {
    const known = this.effects.lookedAfter();
    const rejection = known && refuseRepeat(known, origin);
    if (rejection) return { ok: false, rejection };
    if (!known && this.store.stored()) {
      return { ok: false, rejection: { code: 'RESOURCE_ERASED', id: origin.id } };
    }
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
    return answerJob(this.store, this.#execute(command));
  }

  renewVideo(command: RenewVideo): JobAnswer {
    return answerJob(this.store, this.#execute(command));
  }

  changeLabels(asked: Omit<ChangeLabels, 'etag'>): ShownAnswer {
    const shown = this.show(asked.owner);
    if (!shown.ok) return shown;
    const answer = answerJob(this.store, this.#execute({ ...asked, etag: shown.etag.slice(1, -1) }));
    return answer.ok ? this.show(asked.owner) : answer;
  }

  cancel(command: Omit<Cancel, 'deliveryMayHaveStarted'>): JobAnswer {
    return answerJob(this.store, this.#execute({ ...command, ...this.#delivery() }));
  }

  abandon(command: Omit<Abandon, 'deliveryMayHaveStarted'>): JobAnswer {
    return answerJob(this.store, this.#execute({ ...command, ...this.#delivery() }));
  }

  /** The job goes. Answers whether nothing is left of it; what is, an alarm sees to. */
  async erase(command: Erase): Promise<ErasureAnswer> {
    const answer = answerJob(this.store, this.#execute(command));
    return answer.ok ? { ok: true, isGone: await this.effects.erase() } : answer;
  }

  protected override disowned(): void {
    this.#execute({ type: 'disown', ...this.#delivery() });
  }

  lookAtEdit(edit: EditLookedAt): EditLook {
    this.effects.lookedAfter();
    return this.planning.lookAtEdit(edit);
  }

  /** Adds a corrected version of an artifact; where the store is known to have it, it is looked for first. */
  async edit(edit: Unproven<EditArtifact>): Promise<EditAnswer> {
    const decision = this.#execute(await this.planning.withProof(edit));
    if (decision.kind === 'rejected') return { ok: false, rejection: decision.rejection };
    const { edit: version } = decision;
    if (version === undefined) throw new Error('an edit makes a version');
    return { ...answered(this.store, decision), version };
  }

  /** Dispatches a pipeline and waits up to `waitMs` for the outcome of its delivery; with 0 it answers once the dispatch is durable. */
  async dispatch(asked: Unproven<Ask>, waitMs: number): Promise<DispatchAnswer> {
    const askedAt = Date.now();
    // While a deployment is under way the caller may be a Worker of before, which says nothing of edits.
    const complete = asked.type === 'retry' ? { ...asked, discardEdits: asked.discardEdits ?? [] } : asked;
    const decision = this.#execute(await this.planning.withEvidence(complete));
    if (decision.kind === 'rejected') return { ok: false, rejection: decision.rejection };
    const { dispatch } = decision;
    if (dispatch === null) throw new Error('whatever asks for a dispatch decides about one');
    // Whether the queue took it need not be known: what it did not, an alarm sends again.
    this.ctx.waitUntil(this.effects.send([dispatch]));
    if (dispatch.state === 'PENDING' && waitMs > 0) {
      const leftMs = Math.max(waitMs - (Date.now() - askedAt), 0);
      const isKnown = await this.effects.waiting.outcomeOf(dispatch.id, leftMs);
      // The alarm may be late; a window that closed meanwhile must not be answered as open.
      if (!isKnown) this.#executeDue();
      this.store.touch();
    }
    return answerDispatch(this.store, dispatch, decision.kind === 'replayed', this.config().rules);
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
    const said = claim(job, dispatch, message, id, this.effects.leases, this.config().orchestratorTimeoutMs);
    if (said.verdict === 'deliver') this.effects.carried(dispatch);
    return said;
  }

  /** How a delivery ended. Answers when it is tried again, if it is. */
  async reportDelivery(
    dispatchId: string,
    message: MessageKind,
    outcome: DeliveryOutcome,
    claim: string | null = null,
  ): Promise<AfterDelivery> {
    if (this.effects.leases.isReported(message, dispatchId, claim)) return { verdict: 'done' };
    const deliveryMayHaveStarted = this.effects.mayBeUnreported(claim);
    const report = { dispatchId, message, outcome, deliveryMayHaveStarted };
    const decision = this.#execute({ type: 'report-delivery', ...report });
    this.effects.leases.release(message, dispatchId, claim, Date.now());
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

  #delivery() {
    return { deliveryMayHaveStarted: this.effects.mayHaveStarted() };
  }

  #executeDue(): Decision {
    return this.#execute({ type: 'deadline', deliveryMayHaveStarted: this.effects.mayBeUnreported() });
  }
}
