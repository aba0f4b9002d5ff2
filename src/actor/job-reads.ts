// What may be read of a job, by its owner alone, and what both sides of its object are made of. The commands are in
// job-actor.ts.
import { DurableObject } from 'cloudflare:workers';
import { boundStore, deleteBelow, editsOf } from '../artifact-store.ts';
import { type Config, requireConfig } from '../config.ts';
import { toMessage, viewerAskOf } from '../contract/events.ts';
import { ownedBy } from '../domain/access.ts';
import type { Attempt } from '../domain/attempts.ts';
import type { Dispatch } from '../domain/dispatch.ts';
import type { ArtifactVersion, Job } from '../domain/job.ts';
import type { StageName } from '../domain/lifecycle.ts';
import { isOverwritten } from '../domain/lineage.ts';
import type { Answer } from '../domain/operating.ts';
import { newsOf } from '../domain/operation.ts';
import type { Position } from '../domain/project.ts';
import { operationObject, projectObject } from '../objects.ts';
import {
  type EventsAnswer,
  NOT_FOUND,
  type OnePlanAnswer,
  type PageAnswer,
  type PlanAnswer,
  type Refused,
  type ShownAnswer,
} from './answers.ts';
import { JobEffects } from './effects.ts';
import type { PlacedVersion, ShownTransition } from './history-store.ts';
import { JobEvents, type JobTold } from './job-events.ts';
import { JobStore } from './job-store.ts';
import { type PlanAsked, Planning } from './planning.ts';
import { ShownJob } from './shown-job.ts';
import { Viewers } from './viewers.ts';

export abstract class JobReads extends DurableObject<Env> {
  protected readonly store: JobStore;
  protected readonly effects: JobEffects;
  protected readonly planning: Planning;
  protected readonly viewers: Viewers<JobTold>;
  readonly #shown = new ShownJob();
  readonly #events: JobEvents;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.store = new JobStore(ctx.storage);
    this.planning = new Planning(this.store, env);
    this.#events = new JobEvents(this.store, this.#shown, () => this.config().rules);
    this.viewers = new Viewers(ctx, this.#events);
    this.effects = new JobEffects(ctx, this.store, {
      enqueue: (message, pause) => env.DISPATCHES.send(message, pause),
      list: async (summary) => {
        const answer = await projectObject(env, summary.projectId).putSummary(summary);
        if (answer === 'gone') this.disowned();
      },
      report: (operationId, jobId, news) => operationObject(env, operationId).heard(jobId, news),
      forget: async (job) => {
        await projectObject(env, job.projectId).eraseJob(job);
        const artifacts = boundStore(env);
        if (artifacts) await deleteBelow(artifacts, editsOf(job.id));
      },
      rules: () => this.config().rules,
      viewers: this.viewers,
    });
    ctx.blockConcurrencyWhile(() => this.effects.load());
  }

  /** The project has no room for this job any more. */
  protected abstract disowned(): void;

  /** Not in the constructor: an object whose service is not set up has to keep its alarm all the same. */
  protected readonly config = (): Config => requireConfig(this.env);

  show(owner: string): ShownAnswer {
    return this.#ifOwned(owner, (job) => this.#shown.of(job, this.store.open(job), this.config().rules));
  }

  /** Which external id it was created with, for its project alone; undefined where there is no such job. */
  externalId(): string | null | undefined {
    return this.effects.lookedAfter()?.externalId;
  }

  /** A page of the dispatch history, newest first, of at most `limit`. */
  dispatches(owner: string, before: Position | null, limit: number): PageAnswer<Dispatch> {
    return this.#ifOwned(owner, () => ({ ok: true, items: this.store.dispatches(before, limit) }));
  }

  /** The same page, each with what became of it. */
  attempts(owner: string, before: Position | null, limit: number): PageAnswer<Attempt> {
    return this.#ifOwned(owner, () => ({ ok: true, items: this.store.attempts(before, limit) }));
  }

  /** A page of all versions of the artifacts, oldest first, of at most `limit`. */
  artifacts(
    owner: string,
    after: PlacedVersion['place'] | null,
    limit: number,
  ): PageAnswer<PlacedVersion, Pick<Job, 'versions'>> {
    return this.#ifOwned(owner, ({ versions }) => ({
      ok: true,
      versions,
      items: this.store.versions(after, limit),
    }));
  }

  /** Whether a version bears this reference, however old. */
  knows(owner: string, ref: string): { ok: true; isArtifact: boolean } | Refused {
    return this.#ifOwned(owner, () => ({ ok: true, isArtifact: this.store.referenced([ref]).has(ref) }));
  }

  /** One version of an artifact, and whether a later one was written in its place. */
  artifact(
    owner: string,
    stage: StageName,
    number: number,
  ): { ok: true; version: ArtifactVersion; isOverwritten: boolean } | Refused {
    return this.#ifOwned(owner, ({ versions }) => {
      const version = this.store.version(stage, number);
      return version ? { ok: true, version, isOverwritten: isOverwritten(version, versions) } : NOT_FOUND;
    });
  }

  /** Those of these references that no version bears, however old; none of them to anyone but the owner. */
  unreferenced(owner: string, refs: readonly string[]): string[] {
    const job = ownedBy(this.effects.lookedAfter(), owner);
    if (job === null) return [];
    const known = this.store.referenced(refs);
    return refs.filter((ref) => !known.has(ref));
  }

  /** What a retry or redo would do now; a Worker of before asks for a retry alone, and says nothing of edits. */
  async plan(owner: string, asked: Partial<PlanAsked>): Promise<PlanAnswer> {
    const wanted = { kind: 'retry' as const, modelProfile: null, resumeFrom: null, discardEdits: [] };
    return await this.#ifOwned(owner, (job) => this.planning.plan(job, { ...wanted, ...asked }));
  }

  /** The same under the profile that is named, and no other. */
  async planUnder(owner: string, asked: PlanAsked & { modelProfile: string }): Promise<OnePlanAnswer> {
    return await this.#ifOwned(owner, (job) => this.planning.planUnder(job, asked));
  }

  /** What became of the retry that an operation asked for under this id. */
  newsOf(owner: string, clientRequestId: string): Answer {
    const job = ownedBy(this.effects.lookedAfter(), owner);
    if (job === null) return { kind: 'gone' };
    const dispatch = this.store.retryBy(clientRequestId);
    return dispatch ? { kind: 'dispatch', news: newsOf(dispatch) } : { kind: 'none' };
  }

  /** A page of the audit trail, oldest first, of at most `limit`. */
  transitions(
    owner: string,
    after: number,
    limit: number,
  ): PageAnswer<ShownTransition, Pick<Job, 'id' | 'projectId'>> {
    return this.#ifOwned(owner, ({ id, projectId }) => ({
      ok: true,
      id,
      projectId,
      items: this.store.transitions(after, limit),
    }));
  }

  /** What a viewer would be told now, and how to ask for what comes after. */
  events(owner: string, after: number | null): EventsAnswer {
    return this.#ifOwned(owner, () => {
      const { records, told } = this.#events.owed(this.#events.from(after), Date.now());
      return { ok: true, body: `{"records":${toMessage(records)},"after":${told.seq}}` };
    });
  }

  /** A viewer comes: by the only way on which a socket crosses. */
  override fetch(request: Request): Response {
    const ask = viewerAskOf(request);
    if (ownedBy(this.effects.lookedAfter(), ask.owner) === null) return new Response(null, { status: 404 });
    const answer = this.viewers.accept(ask, this.#events.from(ask.after));
    this.effects.watched();
    return answer;
  }

  /** Pings are answered before they come here. */
  override webSocketMessage(socket: WebSocket): void {
    this.viewers.refuse(socket);
  }

  override webSocketClose(socket: WebSocket): void {
    this.viewers.left(socket);
  }

  #ifOwned<T>(owner: string, answer: (job: Job) => T): T | Refused {
    const job = ownedBy(this.effects.lookedAfter(), owner);
    return job ? answer(job) : NOT_FOUND;
  }
}
