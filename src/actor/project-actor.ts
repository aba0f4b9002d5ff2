// One Durable Object per project: its name and owner, and the list of its jobs. Decides nothing about a job, which is the truth
// of itself and pushes here what the list shows of it.
import { DurableObject } from 'cloudflare:workers';
import { ownedBy } from '../domain/access.ts';
import { refuseRepeat } from '../domain/creation.ts';
import type { Status } from '../domain/lifecycle.ts';
import type { JobSummary, Position, Project } from '../domain/project.ts';
import { workspaceObject } from '../objects.ts';
import { AlarmClock } from './alarm-clock.ts';
import type { ProjectAnswer } from './answers.ts';
import { Gathered } from './gathered.ts';
import { ProjectStore } from './project-store.ts';
import { Telling } from './telling.ts';

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
      current: () => this.#store.project(),
      isAlike: (one, other) => one.name === other.name,
      tell: (project) => workspaceObject(env, project.owner).putProject(project),
      fields: ({ id }) => ({ project_id: id }),
    });
    ctx.blockConcurrencyWhile(() => this.#alarm.load());
  }

  /** Stores a new project and lists it in its owner's workspace. A repeat completes what was begun and answers the project as it is. */
  async create(origin: Omit<Project, 'createdAt'>): Promise<ProjectAnswer> {
    const known = this.#store.project();
    const rejection = known && refuseRepeat(known, origin);
    if (rejection) return { ok: false, rejection };
    const project = known ?? { ...origin, createdAt: Date.now() };
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

  /** A page of its jobs, newest first, of one status or of all; null when the owner has no such project. */
  jobs(owner: string, status: Status | null, before: Position | null, limit: number): JobSummary[] | null {
    this.#lookAfter();
    const project = ownedBy(this.#store.project(), owner);
    return project && this.#store.summaries(project.id, status, before, limit);
  }

  /** A job's push: an older revision never replaces a newer one. */
  putSummary(summary: JobSummary): Promise<void> {
    this.#lookAfter();
    return this.#summaries.put(summary);
  }

  /** The workspace did not answer before. */
  override async alarm(): Promise<void> {
    this.#alarm.rang();
    await this.#list.tell();
    this.#arm();
  }

  /** Alarms have been known not to come: whoever touches the project next sets the one that is missing. */
  #lookAfter(): void {
    if (this.#alarm.isLost) this.#arm();
  }

  #arm(): void {
    this.#alarm.arm(this.#list.dueAt(Date.now()) ?? Infinity, false);
  }
}
