// One Durable Object per project: its name and owner, and the list of its jobs. Decides nothing about a job, which is the truth
// of itself and pushes here what the list shows of it.
import { DurableObject } from 'cloudflare:workers';
import { ownedBy } from '../domain/access.ts';
import { refuseRepeat } from '../domain/creation.ts';
import { TOMBSTONE_KEPT_MS } from '../domain/erasure.ts';
import type { Job } from '../domain/job.ts';
import type { Status } from '../domain/lifecycle.ts';
import type { JobSummary, Position, Project } from '../domain/project.ts';
import { describeError, log } from '../log.ts';
import { workspaceObject } from '../objects.ts';
import { AlarmClock } from './alarm-clock.ts';
import { type ErasureAnswer, NOT_FOUND, type ProjectAnswer, type Refused } from './answers.ts';
import { Gathered } from './gathered.ts';
import { ProjectStore } from './project-store.ts';
import { Telling } from './telling.ts';

/** What was erased is looked through no more often than this. */
const PRUNE_EVERY_MS = 86_400_000;

export class ProjectActor extends DurableObject<Env> {
  readonly #store: ProjectStore;
  readonly #alarm: AlarmClock;
  readonly #list: Telling<Project>;
  readonly #summaries: Gathered<JobSummary>;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new ProjectStore(ctx.storage);
    this.#alarm = new AlarmClock(ctx.storage);
    this.#summaries = new Gathered((summaries) => this.#store.putSummaries(summaries));
    this.#list = new Telling<Project>({
      current: () => this.#store.stored(),
      isAlike: (one, other) => one.name === other.name && one.erasedAt === other.erasedAt,
      tell: (project) => {
        const workspace = workspaceObject(env, project.owner);
        return project.erasedAt === null ? workspace.putProject(project) : workspace.eraseProject(project);
      },
      fields: ({ id }) => ({ project_id: id }),
    });
    ctx.blockConcurrencyWhile(() => this.#alarm.load());
  }

  /** Stores a new project and lists it in its owner's workspace. A repeat completes what was begun and answers the project as it is. */
  async create(origin: Omit<Project, 'createdAt' | 'erasedAt'>): Promise<ProjectAnswer> {
    const known = this.#store.project();
    const rejection = known && refuseRepeat(known, origin);
    if (rejection) return { ok: false, rejection };
    if (!known && this.#store.stored())
      return { ok: false, rejection: { code: 'RESOURCE_ERASED', id: origin.id } };
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
    this.#lookAfter();
    return ownedBy(this.#store.project(), owner);
  }

  /** Whether a job of this id may be created here. */
  admit(owner: string, { id }: Pick<Job, 'id'>): { ok: true } | Refused {
    if (this.show(owner) === null) return NOT_FOUND;
    return this.#store.isGone(id) ? { ok: false, rejection: { code: 'RESOURCE_ERASED', id } } : { ok: true };
  }

  /** A page of its jobs, newest first, of one status or of all; null when the owner has no such project. */
  jobs(owner: string, status: Status | null, before: Position | null, limit: number): JobSummary[] | null {
    const project = this.show(owner);
    return project && this.#store.summaries(project.id, status, before, limit);
  }

  /** A job's push: an older revision never replaces a newer one. What hears that it is gone is no job of this project any more. */
  async putSummary(summary: JobSummary): Promise<'listed' | 'gone'> {
    this.#lookAfter();
    await this.#summaries.put(summary);
    return this.#store.isGone(summary.id) ? 'gone' : 'listed';
  }

  /** A job goes: nothing of it is left here, and no push of before brings it back. */
  eraseJob(job: Pick<Job, 'id' | 'projectId' | 'createdAt' | 'externalId'>): void {
    this.#lookAfter();
    if (this.#store.project() === null) return;
    const now = Date.now();
    this.#store.eraseJob(job, now);
    this.#alarm.arm(now + TOMBSTONE_KEPT_MS, false);
  }

  /** The project goes, if it has no jobs. Answers whether its workspace knows that; if not, an alarm sees to it. */
  async erase(owner: string, actorId: string): Promise<ErasureAnswer> {
    const project = this.show(owner);
    if (project === null) return NOT_FOUND;
    const jobs = this.#store.countJobs();
    if (jobs > 0) return { ok: false, rejection: { code: 'PROJECT_NOT_EMPTY', jobs } };
    this.#store.bury(project, Date.now());
    log('info', 'project_erased', { project_id: project.id, actor_id: actorId });
    this.#arm();
    await this.#list.tellSoon();
    return { ok: true, isGone: this.#list.isTold };
  }

  /** The workspace did not answer before, or there is something to be forgotten. */
  override async alarm(): Promise<void> {
    this.#alarm.rang();
    await this.#list.tell();
    const now = Date.now();
    const stored = this.#store.stored();
    if (stored === null) return;
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

  /** Alarms have been known not to come: whoever touches the project next sets the one that is missing. */
  #lookAfter(): void {
    if (this.#alarm.isLost) this.#arm();
  }

  #arm(pruneAt = Infinity): void {
    const now = Date.now();
    const erasedAt = this.#store.stored()?.erasedAt ?? null;
    const forgetAt = erasedAt === null ? Infinity : erasedAt + TOMBSTONE_KEPT_MS;
    this.#alarm.arm(Math.min(this.#list.dueAt(now) ?? Infinity, pruneAt, forgetAt), false);
  }
}
