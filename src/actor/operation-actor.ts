// One Durable Object per bulk operation: works off a frozen list of jobs, each retried as its editor would retry it alone. What
// is decided is in domain/operation.ts. The alarm goes on with whatever a crash has cut short; as long as nothing does, each
// answer and each piece of news leads to the next job at once.
import { DurableObject } from 'cloudflare:workers';
import { requireConfig } from '../config.ts';
import { newDispatchId } from '../contract/ids.ts';
import { ownedBy } from '../domain/access.ts';
import {
  type Answer,
  afterAnswer,
  afterCommand,
  afterNews,
  afterTime,
  type DispatchNews,
  forgotten,
  hasEnded,
  type Item,
  KEPT_MS,
  MOST_JOBS,
  newOperation,
  newsOf,
  type Operation,
  type OperationChanges,
  type OperationCommand,
  type OperationOrigin,
  type Outcome,
  restAfterCalls,
  roomOf,
  type ShownOperation,
  type ShownState,
  storedStates,
  toAsk,
} from '../domain/operation.ts';
import { LONGEST_PUSH_PAUSE_MS, REPORT_GRACE_MS } from '../domain/resending.ts';
import type { Rules } from '../domain/rules.ts';
import { describeError, log } from '../log.ts';
import { jobObject, projectObject } from '../objects.ts';
import { within } from '../time-limit.ts';
import { AlarmClock } from './alarm-clock.ts';
import { type DispatchAnswer, NOT_FOUND, type OperationAnswer, type PageAnswer } from './answers.ts';
import { measureEndedOperation } from './ended.ts';
import { OperationStore } from './operation-store.ts';
import { Telling } from './telling.ts';

/** By when somebody looks whether what is under way still is. */
const WATCH_MS = 30_000;
/** How long it is waited for what becomes of a delivery: nearly all are delivered by then. */
const DELIVERY_WAIT_MS = 5_000;
/** An answer that takes longer than its wait and this does not come any more. */
const CALL_LIMIT_MS = 15_000;

const ID_TAKEN = 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH';
const UNANSWERED: Answer = { kind: 'refused', code: 'INTERNAL' };

interface Told extends ShownOperation {
  id: string;
  projectId: string;
  createdAt: number;
}

export class OperationActor extends DurableObject<Env> {
  readonly #store: OperationStore;
  readonly #alarm: AlarmClock;
  readonly #list: Telling<Told>;
  /** Who was asked and has not answered, or rests after a call that failed. */
  readonly #asked = new Set<string>();
  /** Who has said that there is nothing of this operation's. */
  readonly #untouched = new Set<string>();
  /** How often in a row a call to a job has failed. */
  readonly #failures = new Map<string, number>();
  /** When one in flight was last asked for news. */
  readonly #heardAt = new Map<string, number>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new OperationStore(ctx.storage);
    this.#alarm = new AlarmClock(ctx.storage);
    this.#list = new Telling<Told>({
      current: () => this.#told(),
      isAlike: (one, other) => JSON.stringify(one) === JSON.stringify(other),
      tell: ({ projectId, ...told }) => projectObject(env, projectId).putOperation(told),
      fields: ({ id }) => ({ operation_id: id }),
    });
    ctx.blockConcurrencyWhile(async () => {
      await this.#alarm.load();
      if (this.#alarm.standsWithin(LONGEST_PUSH_PAUSE_MS)) this.#list.owe();
    });
  }

  /** Begins with this list. A repeat changes nothing. */
  start(origin: OperationOrigin, jobIds: readonly string[]): void {
    if (this.#store.operation() === null) {
      this.#store.create(newOperation(origin, Date.now()), jobIds);
      this.#tell();
      log('info', 'operation_started', { operation_id: origin.id, count: jobIds.length });
    }
    this.#goOn();
  }

  show(owner: string): OperationAnswer {
    const operation = ownedBy(this.#store.operation(), owner);
    if (operation === null) return NOT_FOUND;
    this.#lookAfter();
    return { ok: true, operation, counts: this.#store.counts() };
  }

  /** A page of its jobs in the order of their ids, of those that are shown so, or of all. */
  items(
    owner: string,
    shown: ShownState | null,
    after: string,
    limit: number,
  ): PageAnswer<Item, Pick<Operation, 'state'>> {
    const operation = ownedBy(this.#store.operation(), owner);
    if (operation === null) return NOT_FOUND;
    const { state } = operation;
    return { ok: true, state, items: this.#store.items(storedStates(operation, shown), after, limit) };
  }

  /** The jobs that ended so, for another operation over them; none to anyone but the owner. */
  jobsThat(owner: string, outcome: Outcome): string[] {
    const found = this.items(owner, outcome, '', MOST_JOBS);
    return found.ok ? found.items.map(({ jobId }) => jobId) : [];
  }

  command(owner: string, command: OperationCommand): OperationAnswer {
    const operation = ownedBy(this.#store.operation(), owner);
    if (operation === null) return NOT_FOUND;
    const commanded = afterCommand(operation, command);
    if (commanded === null) {
      return { ok: false, rejection: { code: 'OPERATION_ENDED', state: operation.state } };
    }
    if (commanded !== operation) this.#commit({ operation: commanded, item: null }, null);
    this.#goOn();
    return { ok: true, operation: this.#store.operation() ?? commanded, counts: this.#store.counts() };
  }

  /** A job tells how its dispatch ended; at least once, in any order. */
  heard(jobId: string, news: DispatchNews): void {
    const operation = this.#store.operation();
    const item = operation && this.#store.item(jobId);
    if (!operation || !item) return;
    this.#commit(afterNews(operation, item, news, false, Date.now()), item);
    this.#goOn();
  }

  /** A job is erased: nothing of it stays but its place in the counts. */
  forget(jobId: string): void {
    const item = this.#store.operation() && this.#store.item(jobId);
    if (!item) return;
    this.#commit({ operation: null, item: forgotten(item, Date.now()) }, item);
    this.#goOn();
  }

  /** At least once, possibly late. */
  override async alarm(): Promise<void> {
    this.#alarm.rang();
    const operation = this.#store.operation();
    if (operation === null) return;
    try {
      if (Date.now() >= (operation.endedAt ?? Infinity) + KEPT_MS) return await this.#erase(operation);
      this.#goOn();
      if (this.#list.isOwed) await this.#list.tell();
      this.#arm();
    } catch (error) {
      // The platform gives up on an alarm that keeps failing.
      log('error', 'alarm_failed', { operation_id: operation.id, error: describeError(error) });
      this.#alarm.set(Date.now() + WATCH_MS);
    }
  }

  /** Alarms have been known not to come: whoever looks next sets the one that is missing. */
  #lookAfter(): void {
    if (this.#alarm.isAbsent) this.#goOn();
  }

  /** Whatever can be done now is begun; what cannot is what the alarm is set for. */
  #goOn(): void {
    this.#settle();
    const operation = this.#store.operation();
    if (operation === null) return;
    const now = Date.now();
    if (!hasEnded(operation)) {
      const waiting = this.#store.waiting(roomOf(operation, this.#store.inFlight().size));
      const { jobIds, what } = toAsk(operation, waiting, this.#known(operation));
      for (const jobId of jobIds) this.#ask(jobId, what);
      for (const [jobId, item] of this.#store.inFlight()) {
        if (now >= this.#silentUntil(item) && !this.#asked.has(jobId)) this.#ask(jobId, 'news');
      }
    }
    this.#settle();
    this.#arm();
  }

  #known({ state }: Operation): ReadonlySet<string> {
    return state === 'cancelling' ? new Set([...this.#asked, ...this.#untouched]) : this.#asked;
  }

  /** What time, and the state of the jobs, make of it. */
  #settle(): void {
    const operation = this.#store.operation();
    if (operation === null) return;
    const now = Date.now();
    const isWaiting = this.#store.waiting(1).length > 0;
    const inFlight = this.#store.inFlight().size;
    const settled = afterTime(operation, { isWaiting, inFlight, asked: this.#toHearOf(operation) }, now);
    if (settled) this.#commit({ operation: settled, item: null }, null);
  }

  /** How many may have been begun and are not known to be, or not to be. */
  #toHearOf(operation: Operation): number {
    if (operation.state !== 'cancelling') return this.#asked.size;
    const waiting = this.#store.waiting(roomOf(operation, this.#store.inFlight().size));
    return waiting.filter(({ jobId }) => !this.#untouched.has(jobId)).length;
  }

  #ask(jobId: string, what: 'retry' | 'news'): void {
    const operation = this.#store.operation();
    if (operation === null) return;
    this.#asked.add(jobId);
    this.ctx.waitUntil(
      this.#answerOf(operation, jobId, what).then(
        (answer) => this.#answered(jobId, answer),
        (error) => this.#failed(jobId, what, error),
      ),
    );
  }

  /** Null when there was none, however often it was asked for. */
  #answered(jobId: string, answer: Answer | null): void {
    this.#asked.delete(jobId);
    this.#failures.delete(jobId);
    const operation = this.#store.operation();
    const item = operation && this.#store.item(jobId);
    if (operation && item) {
      const now = Date.now();
      if (item.state === 'in_flight') this.#heardAt.set(jobId, now);
      else if (answer === null || answer.kind === 'none') this.#untouched.add(jobId);
      if (answer) this.#commit(afterAnswer(operation, item, answer, now), item);
    }
    this.#goOn();
  }

  /** Nobody knows what became of it: it is asked again after a pause, under the same id. */
  #failed(jobId: string, what: 'retry' | 'news', error: unknown): void {
    const failures = (this.#failures.get(jobId) ?? 0) + 1;
    this.#failures.set(jobId, failures);
    const { id } = this.#store.operation() ?? {};
    log('warn', 'operation_call_failed', {
      ...(id ? { operation_id: id } : {}),
      job_id: jobId,
      attempts: failures,
      error: describeError(error),
    });
    const restMs = restAfterCalls(failures);
    // Should it have been begun all the same, its news says so.
    if (restMs === null) {
      this.#answered(jobId, what === 'retry' ? UNANSWERED : null);
      return;
    }
    setTimeout(() => {
      this.#asked.delete(jobId);
      this.#goOn();
    }, restMs);
  }

  #answerOf(operation: Operation, jobId: string, what: 'retry' | 'news'): Promise<Answer> {
    const { owner } = operation;
    const clientRequestId = `${operation.id}:${jobId}`;
    if (what === 'retry') return this.#retry(operation, jobId, clientRequestId);
    const look = async (): Promise<Answer> => await jobObject(this.env, jobId).newsOf(owner, clientRequestId);
    return within(CALL_LIMIT_MS, look());
  }

  /** By the very way of a single retry, so that a repeat finds the same dispatch. */
  async #retry(operation: Operation, jobId: string, clientRequestId: string): Promise<Answer> {
    const { id: operationId, owner, actorId, correlationId, traceparent } = operation;
    const { modelProfile, discardEdits } = operation;
    const waitMs = this.#waitMs(operation);
    const retry = {
      ...{ type: 'retry' as const, owner, actorId, correlationId, traceparent, operationId },
      ...{ clientRequestId, modelProfile, discardEdits, newDispatchId: newDispatchId() },
      ...{ windowMs: null, resumeFrom: null, ifMatch: null },
    };
    const ask = async (): Promise<DispatchAnswer> => await jobObject(this.env, jobId).dispatch(retry, waitMs);
    const answer = await within(waitMs + CALL_LIMIT_MS, ask());
    const { dispatch } = answer;
    if (dispatch) {
      // An editor may have made the same id up.
      const isOwn = dispatch.operationId === operationId;
      return isOwn ? { kind: 'dispatch', news: newsOf(dispatch) } : { kind: 'refused', code: ID_TAKEN };
    }
    if (answer.ok) throw new Error('what is accepted has a dispatch');
    const { code } = answer.rejection;
    return code === 'RESOURCE_NOT_FOUND' ? { kind: 'gone' } : { kind: 'refused', code };
  }

  /** Of the one by which it is found out whether the orchestrator is back, the outcome is waited for. */
  #waitMs({ pauses }: Operation): number {
    return pauses > 0 ? this.#rules.dispatchDeadlineMs + 2 * REPORT_GRACE_MS : DELIVERY_WAIT_MS;
  }

  #commit({ operation, item }: OperationChanges, before: Item | null): void {
    const known = this.#store.operation();
    if (!operation && !item) return;
    this.#store.commit(operation, item && before ? { before, after: item } : null);
    if (item && item.state !== 'in_flight') this.#heardAt.delete(item.jobId);
    if (operation ? operation.state !== known?.state : known?.endedAt !== null) this.#tell();
    if (!operation || operation.state === known?.state) return;
    log('info', 'operation_changed', { operation_id: operation.id, operation_state: operation.state });
    if (hasEnded(operation)) measureEndedOperation(this.env, operation, this.#store.counts());
  }

  /** Until when nothing need be heard of one in flight. */
  #silentUntil({ jobId, changedAt }: Item): number {
    return Math.max(changedAt, this.#heardAt.get(jobId) ?? 0) + this.#rules.stageTimeoutMs;
  }

  #arm(): void {
    const operation = this.#store.operation();
    if (operation === null) return;
    const now = Date.now();
    const due = [this.#list.isOwed ? (this.#list.dueAt(now) ?? Infinity) : Infinity];
    if (operation.endedAt !== null) due.push(operation.endedAt + KEPT_MS);
    else {
      if (this.#asked.size > 0) due.push(now + WATCH_MS);
      if (operation.resumeAt !== null) due.push(operation.resumeAt);
      for (const item of this.#store.inFlight().values()) due.push(this.#silentUntil(item));
    }
    this.#alarm.arm(Math.min(...due), !this.#list.isOwed);
  }

  /** Its project lists where it stands. */
  #tell(): void {
    this.#list.owe();
    this.ctx.waitUntil(this.#list.tell().then(() => this.#arm()));
  }

  async #erase({ id, projectId, createdAt }: Operation): Promise<void> {
    await within(CALL_LIMIT_MS, projectObject(this.env, projectId).dropOperation({ id, createdAt }));
    await this.#store.erase();
  }

  #told(): Told | null {
    const operation = this.#store.operation();
    if (operation === null) return null;
    const { id, projectId, createdAt, state, resumeAt, startedAt, endedAt } = operation;
    const counts = endedAt === null ? null : this.#store.counts();
    return { id, projectId, createdAt, state, resumeAt, startedAt, endedAt, counts };
  }

  get #rules(): Rules {
    return requireConfig(this.env).rules;
  }
}
