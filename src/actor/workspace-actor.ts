// One Durable Object per owner: the list of the owner's projects, and which sessions that open it were ended. Each project is the
// truth of itself and pushes its name here.
import { DurableObject } from 'cloudflare:workers';
import type { Position, Project } from '../domain/project.ts';
import { type ListedProject, WorkspaceStore } from './workspace-store.ts';

export class WorkspaceActor extends DurableObject<Env> {
  readonly #store = new WorkspaceStore(this.ctx.storage);

  /** A page of the projects, newest first. */
  projects(before: Position | null, limit: number): ListedProject[] {
    return this.#store.projects(before, limit);
  }

  /** A project's push. */
  putProject(project: Project): void {
    this.#store.putProject(project);
  }

  /** A project is no more. */
  eraseProject(project: Position): void {
    this.#store.eraseProject(project, Date.now());
  }

  /** Of somebody who signs out: it would have gone on until then. */
  endSession(id: string, until: number): void {
    this.#store.endSession(id, until, Date.now());
  }

  hasEnded(id: string): boolean {
    return this.#store.hasEnded(id);
  }
}
