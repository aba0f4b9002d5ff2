// One Durable Object per owner: the owner's projects, and an index of their jobs for listing. Decides nothing about a job.
import { DurableObject } from 'cloudflare:workers';
import type { Status } from '../domain/lifecycle.ts';
import { type JobSummary, type Position, type Project, WorkspaceStore } from './workspace-store.ts';

export class WorkspaceActor extends DurableObject<Env> {
  readonly #store = new WorkspaceStore(this.ctx.storage);
  readonly #arrived: JobSummary[] = [];
  #storing: Promise<void> | null = null;

  createProject(id: string, name: string): Project {
    const project = { id, name, createdAt: Date.now() };
    this.#store.addProject(project);
    return project;
  }

  project(id: string): Project | null {
    return this.#store.project(id);
  }

  projects(before: Position | null, limit: number): Project[] {
    return this.#store.projects(before, limit);
  }

  /** Null when the owner has no such project. */
  jobs(
    projectId: string,
    status: Status | null,
    before: Position | null,
    limit: number,
  ): JobSummary[] | null {
    if (this.#store.project(projectId) === null) return null;
    return this.#store.summaries(projectId, status, before, limit);
  }

  /**
   * A job's push: an older revision never replaces a newer one. Pushes that arrive together are stored together, in one
   * commit; each is answered after its own.
   */
  putSummary(summary: JobSummary): Promise<void> {
    this.#arrived.push(summary);
    this.#storing ??= new Promise((resolve, reject) => {
      setTimeout(() => {
        this.#storing = null;
        try {
          resolve(this.#store.putSummaries(this.#arrived.splice(0)));
        } catch (error) {
          reject(error);
        }
      }, 0);
    });
    return this.#storing;
  }
}
