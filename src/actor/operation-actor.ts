// One Durable Object per bulk operation: works off a frozen list of jobs, each retried as its editor would retry it alone. What
// is decided is in domain/operating.ts, whom it asks next in heard.ts, the calls themselves in asking.ts. The alarm goes on with
// whatever a crash has cut short; as long as nothing does, each answer and each piece of news leads to the next job at once.
import { DurableObject } from 'cloudflare:workers';
import { requireConfig } from '../config.ts';
import { CLOSED, toMessage, viewerAskOf } from '../contract/events.ts';
import { ownedBy } from '../domain/access.ts';
import type { EditorCommand } from '../domain/commands.ts';
import {
  type Answer,
  afterAnswer,
  afterCommand,
  afterNews,
  afterTime,
  forgotten,
  type OperationChanges,
  type OperationCommand,
} from '../domain/operating.ts';
import {
  type DispatchNews,
  type ExternalIds,
  hasEnded,
  type Item,
  KEPT_MS,
  type ListedItem,
  MOST_JOBS,
  newOperation,
  type Operation,
  type OperationOrigin,
  type Outcome,
  type ShownState,
  storedStates,
} from '../domain/operation.ts';
import { LONGEST_PUSH_PAUSE_MS } from '../domain/resending.ts';
import type { Rules } from '../domain/rules.ts';
import { describeError, log } from '../log.ts';
import { projectObject } from '../objects.ts';
import { within } from '../time-limit.ts';
import { AlarmClock } from './alarm-clock.ts';
import { type EventsAnswer, NOT_FOUND, type OperationAnswer, type PageAnswer } from './answers.ts';
import { Asking } from './asking.ts';
import { measureEndedOperation } from './ended.ts';
import { Heard } from './heard.ts';
import { NOTHING_TOLD, OperationEvents, type OperationTold } from './operation-events.ts';
import { OperationStore } from './operation-store.ts';
import { type OperationListed, tellingProject } from './operation-telling.ts';
import type { Telling } from './telling.ts';
import { Viewers } from './viewers.ts';

/** By when somebody looks whether what is under way still is. */
const WATCH_MS = 30_000;
/** The project answers sooner, or does not any more. */
const PROJECT_LIMIT_MS = 10_000;

export class OperationActor extends DurableObject<Env> {
  readonly #store: OperationStore;
  readonly #alarm: AlarmClock;
  readonly #list: Telling<OperationListed>;
  readonly #asking: Asking;
  readonly #events: OperationEvents;
  readonly #viewers: Viewers<OperationTold>;
  readonly #heard: Heard;
  /** Whether its project has not been told where it stands now. */
  #hasNews = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new OperationStore(ctx.storage);
    this.#alarm = new AlarmClock(ctx.storage);
    this.#events = new OperationEvents(this.#store);
    this.#viewers = new Viewers(ctx, this.#events);
    this.#asking = new Asking({
      env,
      rules: () => this.#rules,
      waitUntil: (asking) => ctx.waitUntil(asking),
      answered: (jobId, answer) => this.#answered(jobId, answer),
      rested: () => this.#goOn(),
    });
    this.#heard = new Heard(this.#store, this.#asking, () => this.#rules);
    this.#list = tellingProject(this.#store, env);
    ctx.blockConcurrencyWhile(async () => {
      await this.#alarm.load();
      if (this.#alarm.standsWithin(LONGEST_PUSH_PAUSE_MS)) this.#list.owe();
    });
  }

  /** Begins with this list. A repeat changes nothing. A project of before does not say how the jobs are called. */
  start(origin: OperationOrigin, jobIds: readonly string[], externalIds: ExternalIds = {}): void {
    if (this.#store.operation() === null) {
      this.#store.create(newOperation(origin, Date.now()), jobIds, externalIds);
      this.#hasNews = true;
      log('info', 'operation_started', { operation_id: origin.id, count: jobIds.length });
    }
    this.#goOnAnew();
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
  ): PageAnswer<ListedItem, Pick<Operation, 'state'>> {
    const operation = ownedBy(this.#store.operation(), owner);
    if (operation === null) return NOT_FOUND;
    const items = this.#store.items(storedStates(operation, shown), after, limit);
    return { ok: true, state: operation.state, items };
  }

  /** The jobs that ended so, for another operation over them; none to anyone but the owner. */
  jobsThat(owner: string, outcome: Outcome): string[] {
    const operation = ownedBy(this.#store.operation(), owner);
    if (operation === null) return [];
    return this.#store.items(storedStates(operation, outcome), '', MOST_JOBS).map(({ jobId }) => jobId);
  }

  command(by: EditorCommand, command: OperationCommand): OperationAnswer {
    const operation = ownedBy(this.#store.operation(), by.owner);
    if (operation === null) return NOT_FOUND;
    const commanded = afterCommand(operation, command);
    if (commanded === null) {
      return { ok: false, rejection: { code: 'OPERATION_ENDED', state: operation.state } };
    }
    if (commanded !== operation) this.#commit({ operation: commanded, item: null }, null, by);
    this.#goOnAnew();
    return { ok: true, operation: this.#store.operation() ?? commanded, counts: this.#store.counts() };
  }

  /** A job tells how its dispatch ended; at least once, in any order. */
  heard(jobId: string, news: DispatchNews): void {
    const operation = this.#store.operation();
    const item = operation && this.#store.item(jobId);
    if (!operation || !item) return;
    this.#commit(afterNews(operation, item, news, false, Date.now()), item);
    this.#goOnAnew();
  }

  /** A job is erased: nothing of it stays but its place in the counts. */
  forget(jobId: string): void {
    const item = this.#store.operation() && this.#store.item(jobId);
    if (!item) return;
    this.#commit({ operation: null, item: forgotten(item, Date.now()) }, item);
    this.#goOn();
  }

  /** What a viewer would be told who comes now. */
  events(owner: string): EventsAnswer {
    if (!this.show(owner).ok) return NOT_FOUND;
    const { records } = this.#events.owed(NOTHING_TOLD, Date.now());
    return { ok: true, body: `{"records":${toMessage(records)}}` };
  }

  /** A viewer comes: by the only way on which a socket crosses. */
  override fetch(request: Request): Response {
    const ask = viewerAskOf(request);
    if (ownedBy(this.#store.operation(), ask.owner) === null) return new Response(null, { status: 404 });
    this.#lookAfter();
    const answer = this.#viewers.accept(ask, NOTHING_TOLD);
    this.#arm();
    return answer;
  }

  /** Pings are answered before they come here. */
  override webSocketMessage(socket: WebSocket): void {
    this.#viewers.refuse(socket);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#viewers.left(socket);
  }

  /** At least once, possibly late. */
  override async alarm(): Promise<void> {
    this.#alarm.rang();
    const operation = this.#store.operation();
    if (operation === null) return;
    this.#viewers.closeEnded();
    try {
      if (Date.now() >= (operation.endedAt ?? Infinity) + KEPT_MS) return await this.#erase(operation);
      this.#goOnAnew();
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

  /** On account of an event. */
  #goOnAnew(): void {
    this.#asking.begin();
    this.#goOn();
  }

  /** Whatever can be done now is begun; what cannot is what the alarm is set for. */
  #goOn(): void {
    this.#settle();
    const operation = this.#store.operation();
    if (operation === null) return;
    const questions = hasEnded(operation)
      ? []
      : this.#heard.questions(operation, Date.now()).slice(0, this.#asking.left);
    // Before anything leaves here: what a crash cuts short from then on is gone on with by the alarm.
    this.#arm(questions.length > 0);
    for (const [jobId, what] of questions) this.#asking.ask(operation, jobId, what);
    if (this.#hasNews) this.#tell();
    if (this.#asking.left === 0) this.#arm();
  }

  /** What time, and the state of the jobs, make of it. */
  #settle(): void {
    const operation = this.#store.operation();
    if (operation === null) return;
    const isWaiting = this.#store.waiting(1).length > 0;
    const inFlight = this.#store.inFlight().size;
    const asked = this.#heard.toHearOf(operation);
    const settled = afterTime(operation, { isWaiting, inFlight, asked }, Date.now());
    if (settled) this.#commit({ operation: settled, item: null }, null);
  }

  #answered(jobId: string, answer: Answer | null): void {
    const operation = this.#store.operation();
    const item = operation && this.#store.item(jobId);
    if (operation && item) {
      const now = Date.now();
      this.#heard.answered(item, answer, now);
      if (answer) this.#commit(afterAnswer(operation, item, answer, now), item);
    }
    this.#goOn();
  }

  #commit({ operation, item }: OperationChanges, before: Item | null, by: EditorCommand | null = null): void {
    const known = this.#store.operation();
    if (!operation && !item) return;
    this.#store.commit(operation, item && before ? { before, after: item } : null);
    this.#viewers.changed();
    if (item) this.#heard.moved(item);
    const hasMoved = operation?.state !== known?.state || operation?.resumeAt !== known?.resumeAt;
    if (operation ? hasMoved : known?.endedAt !== null) this.#hasNews = true;
    if (!operation || operation.state === known?.state) return;
    log('info', 'operation_changed', {
      operation_id: operation.id,
      operation_state: operation.state,
      ...(by ? { actor_id: by.actorId, correlation_id: by.correlationId } : {}),
    });
    if (hasEnded(operation)) measureEndedOperation(this.env, operation, this.#store.counts());
  }

  #arm(isAsking = false): void {
    const operation = this.#store.operation();
    if (operation === null) return;
    const now = Date.now();
    const due = [this.#list.isOwed ? (this.#list.dueAt(now) ?? Infinity) : Infinity, this.#viewers.endsAt];
    if (this.#hasNews) due.push(now + WATCH_MS);
    if (operation.endedAt !== null) due.push(operation.endedAt + KEPT_MS);
    else {
      const { asked, resting } = this.#asking;
      if (isAsking || asked.size + resting.size > 0) due.push(now + WATCH_MS);
      if (this.#asking.left === 0) due.push(now);
      if (operation.resumeAt !== null) due.push(operation.resumeAt);
      for (const item of this.#store.inFlight().values()) due.push(this.#heard.silentUntil(item));
    }
    this.#alarm.arm(Math.min(...due), !this.#list.isOwed && !this.#hasNews);
  }

  /** Its project lists where it stands. */
  #tell(): void {
    this.#hasNews = false;
    this.#list.owe();
    this.ctx.waitUntil(this.#list.tell().then(() => this.#arm()));
  }

  async #erase({ id, projectId, createdAt }: Operation): Promise<void> {
    await within(PROJECT_LIMIT_MS, projectObject(this.env, projectId).dropOperation({ id, createdAt }));
    await this.#store.erase();
    this.#viewers.closeAll(CLOSED.erased);
    this.#list.forget();
    this.#heard.forget();
  }

  get #rules(): Rules {
    return requireConfig(this.env).rules;
  }
}
