// A project's own store, filled with as many jobs as are asked for: what a filter reads of it, told beside the page.
import { DurableObject } from 'cloudflare:workers';
import { ProjectStore } from '../../../src/actor/project-store.ts';
import type { Asked, Told } from './asked.ts';

/** Jobs at once. */
const PIECE = 5_000;

interface Bindings {
  PROJECT: DurableObjectNamespace<FilledProject>;
}

export class FilledProject extends DurableObject<Bindings> {
  #store: ProjectStore;
  #read = 0;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    const { sql } = ctx.storage;
    const exec = sql.exec.bind(sql);
    sql.exec = ((query: string, ...bindings: SqlStorageValue[]) => {
      const cursor = exec(query, ...bindings);
      const rows = cursor.toArray();
      this.#read += cursor.rowsRead;
      return { toArray: () => rows, one: () => rows[0], next: () => ({ done: !rows[0], value: rows[0] }) };
    }) as unknown as SqlStorage['exec'];
    this.#store = new ProjectStore(ctx.storage);
  }

  /**
   * One in a hundred has failed, of those one in a hundred by its quota; the others are done. One in a thousand has a tag, as many
   * another profile; each has an external id.
   */
  fill(jobs: number): void {
    this.#store.create({
      id: 'prj_filled',
      owner: 'own_1',
      requestDigest: null,
      name: 'Filled',
      createdAt: 1,
      erasedAt: null,
    });
    for (let from = 0; from < jobs; from += PIECE) {
      const numbers = `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${Math.min(from + PIECE, jobs) - 1})`;
      this.ctx.storage.sql.exec(
        `${numbers} INSERT INTO listed_job (status, created_at, job_id, revision, updated_at, latest_dispatch_at, model_profile,
           failure_class, failure_code, failed_stage, external_id, labels)
         SELECT iif(i % 100 = 7, 'FAILED', 'DONE'), i, printf('job_%036d', i), 9, i, i, iif(i % 1000 = 7, 'late', 'balanced'),
           iif(i % 100 = 7, iif(i % 10000 = 7, 'quota', 'transient'), NULL), iif(i % 100 = 7, 'CRASHED', NULL),
           iif(i % 100 = 7, 'TRANSCRIBING', NULL), 'talk-' || i,
           iif(i % 1000 = 3, '{"metadata":{"language":"de"},"tags":["urgent"]}', NULL) FROM n`,
      );
      for (const query of [
        `${numbers} INSERT INTO tagged_job SELECT 'urgent', i, printf('job_%036d', i) FROM n WHERE i % 1000 = 3`,
        `${numbers} INSERT INTO external_id SELECT 'talk-' || i, printf('job_%036d', i), i FROM n`,
      ]) {
        this.ctx.storage.sql.exec(query);
      }
    }
  }

  ask(asked: Asked): Told {
    this.#read = 0;
    return { found: this.#found(asked), rowsRead: this.#read };
  }

  #found({ what, filter, limit }: Asked): number {
    switch (what) {
      case 'nothing':
        return 0;
      case 'page':
        return this.#store.page(filter, null, limit).items.length;
      case 'matching':
        return this.#store.matching(filter).length;
      case 'counts':
        return Object.values(this.#store.counts().statuses).reduce((sum, jobs) => sum + jobs, 0);
      case 'counts, first':
        this.#store = new ProjectStore(this.ctx.storage);
        return this.#found({ what: 'counts', filter, limit });
      default:
        return what satisfies never;
    }
  }
}

export default {
  async fetch(request: Request, env: Bindings): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method !== 'POST') return new Response();
    const project = env.PROJECT.getByName(pathname);
    const asked = await request.json<{ fill: number } | Asked>();
    if ('fill' in asked) {
      await project.fill(asked.fill);
      return Response.json(null);
    }
    return Response.json(await project.ask(asked));
  },
};
