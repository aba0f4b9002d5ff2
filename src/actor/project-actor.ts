// One Durable Object per project: its name and owner, and the list of its jobs. Decides nothing about a job, which is the truth
// of itself and pushes here what the list shows of it.
import { DurableObject } from 'cloudflare:workers';
import { CLOSED, toMessage, viewerAskOf } from '../contract/events.ts';
import { ownedBy } from '../domain/access.ts';
import type { EditorCommand } from '../domain/commands.ts';
import { refuseExternalId, refuseRepeat } from '../domain/creation.ts';
import { TOMBSTONE_KEPT_MS } from '../domain/erasure.ts';
import type { Job } from '../domain/job.ts';
import { type JobCounts, jobsIn } from '../domain/job-counts.ts';
import type { JobFilter } from '../domain/job-filter.ts';
import type { JobChoice, ShownOperation } from '../domain/operation.ts';
import type { JobSummary, Position, Project } from '../domain/project.ts';
import { describeError, log } from '../log.ts';
import { jobObject, workspaceObject } from '../objects.ts';
import { AlarmClock } from './alarm-clock.ts';
import {
  type Admission,
  type BegunAnswer,
  type ErasureAnswer,
  type EventsAnswer,
  NOT_FOUND,
  type ProjectAnswer,
  type Refused,
} from './answers.ts';
import { Gathered } from './gathered.ts';
import { NOTHING_TOLD, ProjectEvents, type ProjectTold } from './project-events.ts';
import { type BulkAsked, ProjectOperations } from './project-operations.ts';
import { type JobPage, ProjectStore } from './project-store.ts';
import { Telling, Tellings } from './telling.ts';
import { Viewers } from './viewers.ts';

/** What was erased is looked through no more often than this. */
const PRUNE_EVERY_MS = 86_400_000;

export class ProjectActor extends DurableObject<Env> {
  readonly #store: ProjectStore;
  readonly #alarm: AlarmClock;
  readonly #list: Telling<Project>;
  readonly #operations: ProjectOperations;
  readonly #tellings: Tellings;
  readonly #summaries: Gathered<JobSummary, ReadonlySet<string>>;
  readonly #events: ProjectEvents;
  readonly #viewers: Viewers<ProjectTold>;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new ProjectStore(ctx.storage);
    this.#alarm = new AlarmClock(ctx.storage);
    this.#events = new ProjectEvents(this.#store);
    this.#viewers = new Viewers(ctx, this.#events);
    this.#summaries = new Gathered((summaries) => {
      const gone = this.#store.putSummaries(summaries);
      this.#viewers.changed(() => this.#events.changed(summaries));
      return gone;
    });
    this.#list = new Telling<Project>({
      current: () => this.#store.stored(),
      isAlike: (one, other) => one.name === other.name && one.erasedAt === other.erasedAt,
      tell: (project) => {
        const workspace = workspaceObject(env, project.owner);
        return project.erasedAt === null ? workspace.putProject(project) : workspace.eraseProject(project);
      },
      fields: ({ id }) => ({ project_id: id }),
    });
    this.#operations = new ProjectOperations(this.#store, env);
    this.#tellings = new Tellings(this.#list, this.#operations.beginning);
    ctx.blockConcurrencyWhile(() => this.#alarm.load());
  }

  /** Stores a new project and lists it in its owner's workspace. A repeat completes what was begun and answers the project as it is. */
  async create(origin: Omit<Project, 'createdAt' | 'erasedAt'>): Promise<ProjectAnswer> {
    const known = this.#store.project();
    const rejection = known && refuseRepeat(known, origin);
    if (rejection) return { ok: false, rejection };
    if (!known && this.#store.stored()) return erasedBefore(origin.id);
    const project = known ?? { ...origin, createdAt: Date.now(), erasedAt: null };
    if (!known) this.#store.create(project);
    if (!this.#list.isTold) {
      await this.#list.tellSoon();
      this.#arm();
    }
    return { ok: true, project, replayed: known !== null };
  }

  /** Null when the owner has no such project. */
  show(owner: string): Project | null {
    return this.#ownedBy(owner);
  }

  /**
   * Lets a job be created in it, as of when: one with an external id alone has it from now on, whether or not it comes to be.
   */
  async admit(owner: string, asked: { jobId: string; externalId: string | null }): Promise<Admission> {
    const { jobId, externalId } = asked;
    const refused = this.#refuseJob(owner, jobId);
    if (refused) return refused;
    if (externalId === null) return { ok: true, at: Date.now() };
    const before = this.#store.holder(externalId);
    const isInDoubt = before !== null && before.jobId !== jobId && !before.isListed;
    const said = isInDoubt ? { externalId: await jobObject(this.env, before.jobId).externalId() } : null;
    // While that was asked, somebody else may have been admitted, or the project erased.
    const refusedSince = isInDoubt ? this.#refuseJob(owner, jobId) : null;
    if (refusedSince) return refusedSince;
    const holder = this.#store.holder(externalId);
    const says = holder?.jobId === before?.jobId && holder?.at === before?.at ? said : null;
    const now = Date.now();
    const rejection = refuseExternalId(externalId, jobId, holder, says, now);
    if (rejection) return { ok: false, rejection };
    if (holder?.jobId === jobId && holder.isListed) return { ok: true, at: holder.at };
    this.#store.reserve(externalId, jobId, now);
    return { ok: true, at: now };
  }

  /** A page of its jobs, newest first; null when the owner has no such project. */
  jobs(owner: string, filter: JobFilter, before: Position | null, limit: number): JobPage | null {
    return this.#ownedBy(owner) && this.#store.page(filter, before, limit);
  }

  /** How many of its jobs are where; null when the owner has no such project. */
  counts(owner: string): JobCounts | null {
    return this.#ownedBy(owner) && this.#store.counts();
  }

  /** What a viewer would be told who comes now. */
  events(owner: string): EventsAnswer {
    if (!this.show(owner)) return NOT_FOUND;
    const { records } = this.#events.owed(NOTHING_TOLD, Date.now());
    return { ok: true, body: `{"records":${toMessage(records)}}` };
  }

  /** A viewer comes: by the only way on which a socket crosses. */
  override fetch(request: Request): Response {
    const ask = viewerAskOf(request);
    if (!this.show(ask.owner)) return new Response(null, { status: 404 });
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

  /** A job's push: an older revision never replaces a newer one. What hears that it is gone is no job of this project any more. */
  async putSummary(summary: JobSummary): Promise<'listed' | 'gone'> {
    this.#lookAfter();
    const gone = await this.#summaries.put(summary);
    return gone.has(summary.id) ? 'gone' : 'listed';
  }

  /** A job goes: nothing of it is left here, nor in the operations over it, and no push of before brings it back. */
  async eraseJob(job: Pick<Job, 'id' | 'projectId' | 'createdAt' | 'externalId'>): Promise<void> {
    this.#lookAfter();
    if (this.#store.project() === null) return;
    const now = Date.now();
    this.#store.eraseJob(job, now);
    this.#alarm.arm(now + TOMBSTONE_KEPT_MS, false);
    this.#viewers.changed(() => this.#events.erased(job.id));
    await this.#operations.forget(job.id);
  }

  /** The project goes, if it has no jobs. Answers whether its workspace knows that; if not, an alarm sees to it. */
  async erase({ owner, actorId, correlationId }: EditorCommand): Promise<ErasureAnswer> {
    const project = this.#ownedBy(owner);
    if (project === null) return NOT_FOUND;
    const jobs = jobsIn(this.#store.counts());
    if (jobs > 0) return { ok: false, rejection: { code: 'PROJECT_NOT_EMPTY', jobs } };
    this.#store.bury(project, Date.now());
    log('info', 'project_erased', {
      project_id: project.id,
      actor_id: actorId,
      correlation_id: correlationId,
    });
    this.#viewers.closeAll(CLOSED.erased);
    this.#arm();
    await this.#list.tellSoon();
    return { ok: true, isGone: this.#list.isTold };
  }

  /** How many jobs are meant, and a page of them, newest first; null when the owner has no such project. */
  async chosen(owner: string, choice: JobChoice, before: Position | null, limit: number) {
    if (!this.#ownedBy(owner)) return null;
    return this.#operations.page(owner, choice, before, limit);
  }

  /** Freezes the list of the jobs that are meant, and begins an operation over them. A repeat finds the same. */
  async retryJobs(asked: BulkAsked): Promise<BegunAnswer> {
    if (!this.#ownedBy(asked.owner)) return NOT_FOUND;
    const answer = await this.#operations.begin(asked);
    if (!answer.ok || this.#operations.beginning.isTold) return answer;
    // Whatever comes between, an alarm sees to it that it begins.
    this.#arm();
    await this.#operations.beginning.tell();
    return answer;
  }

  /** A page of the operations over its jobs, newest first; null when the owner has no such project. */
  operations(owner: string, before: Position | null, limit: number) {
    return this.#ownedBy(owner) && this.#store.operations.page(before, limit);
  }

  /** An operation's push. */
  putOperation({ id, createdAt, ...shown }: Position & ShownOperation): void {
    this.#lookAfter();
    if (this.#store.project() === null) return;
    this.#operations.put({ id, createdAt }, shown);
    this.#viewers.changed(() => this.#events.operationMoved(id));
  }

  /** It is kept no longer. */
  dropOperation(operation: Position): void {
    if (this.#store.project()) this.#store.operations.drop(operation);
  }

  /** The workspace, or an operation, did not answer before; a viewer may look no longer; or there is something to be forgotten. */
  override async alarm(): Promise<void> {
    this.#alarm.rang();
    const stored = this.#store.stored();
    if (stored === null) return;
    this.#viewers.closeEnded();
    await this.#tellings.tell();
    const now = Date.now();
    const isForgotten = stored.erasedAt !== null && now >= stored.erasedAt + TOMBSTONE_KEPT_MS;
    if (isForgotten && this.#list.isTold) return this.#clear(now);
    const pruneAt = this.#store.prune(now);
    this.#arm(pruneAt === null ? Infinity : Math.max(pruneAt, now + PRUNE_EVERY_MS));
  }

  async #clear(now: number): Promise<void> {
    try {
      await this.#store.clear();
    } catch (error) {
      // The platform gives up on an alarm that keeps failing.
      log('error', 'alarm_failed', { error: describeError(error) });
      this.#alarm.set(now + PRUNE_EVERY_MS);
    }
  }

  /** Why no job of this id may be created here; null when it may. */
  #refuseJob(owner: string, jobId: string): Refused | null {
    if (this.#ownedBy(owner) === null) return NOT_FOUND;
    return this.#store.isGone(jobId) ? erasedBefore(jobId) : null;
  }

  #ownedBy(owner: string): Project | null {
    this.#lookAfter();
    return ownedBy(this.#store.project(), owner);
  }

  /** Alarms have been known not to come: whoever touches the project next sets the one that is missing. */
  #lookAfter(): void {
    if (this.#alarm.isLost) this.#arm();
  }

  #arm(pruneAt = Infinity): void {
    const toldAt = this.#tellings.dueAt(Date.now()) ?? Infinity;
    const erasedAt = this.#store.stored()?.erasedAt ?? null;
    const forgetAt = erasedAt === null ? Infinity : erasedAt + TOMBSTONE_KEPT_MS;
    this.#alarm.arm(Math.min(toldAt, this.#viewers.endsAt, pruneAt, forgetAt), false);
  }
}

const erasedBefore = (id: string): Refused => ({ ok: false, rejection: { code: 'RESOURCE_ERASED', id } });
