// Operations over a project's jobs: which jobs somebody means, the list of them frozen, and the operation begun with it. From then
// on it is the truth of itself, and pushes here what a list of operations shows.
import { requireConfig } from '../config.ts';
import {
  type JobChoice,
  type ListedOperation,
  MOST_JOBS,
  type OperationOrigin,
  type ShownOperation,
} from '../domain/operation.ts';
import { refuseProfile } from '../domain/policy.ts';
import type { Position } from '../domain/project.ts';
import type { Rejection } from '../domain/rejection.ts';
import { operationObject } from '../objects.ts';
import type { BegunAnswer } from './answers.ts';
import type { NamedJob, ProjectStore } from './project-store.ts';
import { Telling } from './telling.ts';

export interface BulkAsked extends Omit<OperationOrigin, 'choice' | 'createdAt'> {
  clientRequestId: string;
  choice: JobChoice;
  /** How many jobs the caller has seen; null for any number. */
  expected: number | null;
}

export class ProjectOperations {
  readonly #store: ProjectStore;
  readonly #env: Env;
  /** Those that are not known to have begun, the oldest first; null until they are looked for. */
  #unheardOf: ListedOperation[] | null = null;
  /** Begins one after the other. */
  readonly beginning: Telling<ListedOperation>;

  constructor(store: ProjectStore, env: Env) {
    this.#store = store;
    this.#env = env;
    this.beginning = new Telling<ListedOperation>({
      current: () => this.#toBegin()[0] ?? null,
      // When one is gone another may be begun under its id.
      isAlike: (one, other) => one.id === other.id && one.createdAt === other.createdAt,
      tell: async (listed) => {
        const { total: _, shown: _none, ...origin } = listed;
        const jobIds = store.operations.jobIds(listed);
        await operationObject(env, listed.id).start(origin, jobIds, store.externalIds(jobIds));
        this.#hasBegun(listed.id);
      },
      fields: ({ id }) => ({ operation_id: id }),
    });
  }

  async page(owner: string, choice: JobChoice, before: Position | null, limit: number) {
    const found = await this.#chosen(owner, choice);
    const isBehind = ({ createdAt, id }: Position) =>
      before === null || createdAt < before.createdAt || (createdAt === before.createdAt && id < before.id);
    return { found: found.length, items: found.filter(isBehind).slice(0, limit) };
  }

  async begin({ clientRequestId, choice, expected, ...asked }: BulkAsked): Promise<BegunAnswer> {
    const before = this.#begun(asked, clientRequestId);
    if (before) return before;
    const { policy } = requireConfig(this.#env).rules;
    const refusal = refuseProfile(policy, asked.modelProfile, null);
    if (refusal) return { ok: false, rejection: refusal };
    const jobIds = (await this.#chosen(asked.owner, choice)).map(({ id }) => id);
    // The same request may have come twice at once.
    const meanwhile = this.#begun(asked, clientRequestId);
    if (meanwhile) return meanwhile;
    const rejection = refuseNumber(jobIds.length, expected);
    if (rejection) return { ok: false, rejection };
    const { jobIds: _, ...named } = choice;
    const listed = { ...asked, choice: named, createdAt: Date.now(), total: jobIds.length, shown: null };
    this.#store.operations.add(listed, jobIds);
    this.#unheardOf?.push(listed);
    return { ok: true, listed, replayed: false };
  }

  put(operation: Position, shown: ShownOperation): void {
    this.#store.operations.show(operation, shown);
    this.#hasBegun(operation.id);
  }

  /** A job is erased: no operation over it says anything of it any more. Throws where one could not be reached. */
  async forget(jobId: string): Promise<void> {
    for (const listed of this.#store.operations.having(jobId)) {
      // What has not begun would begin with the list as it was.
      await this.beginning.tell();
      if (!this.beginning.isTold) throw new Error('an operation has not begun');
      await operationObject(this.#env, listed.id).forget(jobId);
      this.#store.operations.strike(listed, jobId);
    }
  }

  /** What the same request has begun, or why this is another. */
  #begun({ id, requestDigest }: { id: string; requestDigest: string }, clientRequestId: string) {
    const listed = this.#store.operations.byId(id);
    if (listed === null) return null;
    if (listed.requestDigest === requestDigest) return { ok: true as const, listed, replayed: true };
    const code = 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH' as const;
    return { ok: false as const, rejection: { code, clientRequestId, dispatchId: null } };
  }

  async #chosen(owner: string, { filter, jobIds, endedIn }: JobChoice): Promise<NamedJob[]> {
    const ended =
      endedIn === null
        ? null
        : await operationObject(this.#env, endedIn.operationId).jobsThat(owner, endedIn.outcome);
    const sets = [jobIds, ended].flatMap((ids) => (ids === null ? [] : [new Set(ids)]));
    const found = this.#store.matching(filter);
    return sets.length === 0 ? found : found.filter(({ id }) => sets.every((ids) => ids.has(id)));
  }

  #toBegin(): ListedOperation[] {
    this.#unheardOf ??= this.#store.project() ? this.#store.operations.unheardOf() : [];
    return this.#unheardOf;
  }

  #hasBegun(id: string): void {
    this.#unheardOf = this.#toBegin().filter((listed) => listed.id !== id);
  }
}

function refuseNumber(found: number, expected: number | null): Rejection | null {
  if (found > MOST_JOBS) return { code: 'TOO_MANY_JOBS', found, most: MOST_JOBS };
  return expected === null || expected === found ? null : { code: 'JOBS_CHANGED', expected, found };
}
