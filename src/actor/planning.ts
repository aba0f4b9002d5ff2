// Plans of one job, with what the store of artifacts says. That is asked first, so that what follows takes no time in which
// the job could move; meanwhile it may move, or be erased.
import { boundStore } from '../artifact-store.ts';
import { requireConfig } from '../config.ts';
import { newDispatchId } from '../contract/ids.ts';
import { traceparentOf } from '../contract/trace.ts';
import { ownedBy } from '../domain/access.ts';
import { lastDurations } from '../domain/attempts.ts';
import { dueRetry } from '../domain/automatic-retry.ts';
import type { Ask, EditArtifact, RetryDue } from '../domain/commands.ts';
import { decide } from '../domain/decide.ts';
import { asked } from '../domain/dispatching.ts';
import { type Evidence, NO_EVIDENCE } from '../domain/evidence.ts';
import type { Job } from '../domain/job.ts';
import { lookedAt, type Plan, type PlanRequest, planDispatch, refuseState } from '../domain/plan.ts';
import { profileOfBefore, refuseProfile } from '../domain/policy.ts';
import type { Rules } from '../domain/rules.ts';
import { type EditLook, NOT_FOUND, type OnePlanAnswer, type PlanAnswer } from './answers.ts';
import { evidenceOf } from './evidence.ts';
import type { JobStore } from './job-store.ts';

/** How many attempts back it is looked for how long a stage takes. */
const ATTEMPTS_LOOKED_AT = 5;

/** A command before the store of artifacts was asked. */
export type Unproven<C extends { type: string }> = C extends { evidence: Evidence } ? Omit<C, 'evidence'> : C;

/** What somebody wants to know the plan of; without a profile, of the one that the job was worked on under last. */
export type PlanAsked = Omit<PlanRequest, 'task' | 'evidence'> & { kind: 'retry' | 'redo' };

/** An edit of which nothing has been read yet. */
export type EditLookedAt = Omit<EditArtifact, 'payloadDigest' | 'evidence'>;

export class Planning {
  readonly #store: JobStore;
  readonly #env: Env;

  constructor(store: JobStore, env: Env) {
    this.#store = store;
    this.#env = env;
  }

  /** What is asked for with the evidence that its decision needs: none for a repeat, or under a profile that is refused wherever it begins. */
  async withEvidence(unproven: Unproven<Ask>): Promise<Ask> {
    if (unproven.type === 'run') return unproven;
    const command: Ask = { ...unproven, evidence: NO_EVIDENCE };
    const job = ownedBy(this.#store.job(), command.owner);
    const { request, ifMatch } = asked(command);
    const { modelProfile } = request;
    const needsNone =
      job === null ||
      // Who names another plan is told the one that there is, as a look at it would.
      (ifMatch === null &&
        modelProfile !== null &&
        refuseProfile(this.#rules.policy, modelProfile, null) !== null) ||
      (this.#store.view(command)?.subject ?? null) !== null;
    if (needsNone) return command;
    return { ...command, evidence: await this.#evidence(job, [request]) };
  }

  /** The retry by itself whose time has come, with the evidence that its decision needs; null where none has. */
  async retryDue(): Promise<RetryDue | null> {
    const job = this.#store.job();
    const request = job && dueRetry(job, this.#store.open(job), NO_EVIDENCE, Date.now());
    if (!request) return null;
    const made = { newDispatchId: newDispatchId(), traceparent: traceparentOf(undefined) };
    return { type: 'retry-due', ...made, evidence: await this.#evidence(job, [request]) };
  }

  /** An edit with what the store says of its reference; nothing for a repeat. */
  async withProof(unproven: Unproven<EditArtifact>): Promise<EditArtifact> {
    const command = { ...unproven, evidence: NO_EVIDENCE };
    const job = ownedBy(this.#store.job(), command.owner);
    if (job === null || this.#store.view(command)?.seenEdit) return command;
    const named = [{ ref: command.uri }];
    return { ...command, evidence: await evidenceOf(named, () => named, boundStore(this.#env)) };
  }

  /**
   * Whether this edit could be made if what it names were there: nothing is stored, and the store of artifacts is not asked. Under an
   * id that was used before, what it says decides, which is looked at when it is made.
   */
  lookAtEdit(edit: EditLookedAt): EditLook {
    const command = { ...edit, payloadDigest: '', evidence: NO_EVIDENCE };
    const decision = decide(this.#store.view(command), command, this.#rules, Date.now());
    if (decision.kind !== 'rejected') return { ok: true, isRepeat: false };
    const { rejection } = decision;
    if (rejection.code === 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH') return { ok: true, isRepeat: true };
    return { ok: false, rejection };
  }

  /** What a pipeline would do with this job, under the profile that is asked for and under every other. */
  async plan(before: Job, wanted: PlanAsked): Promise<PlanAnswer> {
    const { policy } = this.#rules;
    const profile = wanted.modelProfile ?? profileOfBefore(before, policy);
    const enabled = policy.profiles.filter((candidate) => candidate.enabled);
    const others = enabled.map(({ id }) => id).filter((id) => id !== profile);
    const under = (modelProfile: string) => ({ ...wanted, modelProfile, task: null, evidence: NO_EVIDENCE });
    const evidence = await this.#evidence(before, [profile, ...others].map(under));
    const job = this.#store.job();
    if (job === null) return NOT_FOUND;
    const planUnder = (id: string) => this.#planned(job, { ...under(id), evidence });
    return {
      ok: true,
      plan: planUnder(profile),
      profiles: enabled.map(({ id, title }) => ({ id, title, plan: planUnder(id) })),
      durations: lastDurations(this.#store.stageRuns(ATTEMPTS_LOOKED_AT)),
    };
  }

  /** What it would do under this profile. */
  async planUnder(before: Job, wanted: PlanAsked & { modelProfile: string }): Promise<OnePlanAnswer> {
    const request = { ...wanted, task: null, evidence: NO_EVIDENCE };
    const evidence = await this.#evidence(before, [request]);
    const job = this.#store.job();
    return job === null ? NOT_FOUND : { ok: true, plan: this.#planned(job, { ...request, evidence }) };
  }

  #planned(job: Job, request: PlanRequest): Plan {
    return planDispatch({ job, open: this.#store.open(job) }, request, this.#rules);
  }

  /** What the store is asked for first is what the first request would have kept; where nothing may be asked of a pipeline, nothing. */
  #evidence(job: Job, requests: readonly PlanRequest[]): Promise<Evidence> {
    const planned = { job, open: this.#store.open(job) };
    // Where it was asked to begin comes first; where it could, had it not been, is told to whoever cannot begin there.
    const looked = requests
      .filter(({ kind }) => refuseState(planned, kind) === null)
      .flatMap((request) => [
        ...lookedAt(request, job, this.#rules),
        ...(request.resumeFrom === null ? [] : lookedAt({ ...request, resumeFrom: null }, job, this.#rules)),
      ]);
    return evidenceOf(looked, () => this.#store.job()?.versions ?? [], boundStore(this.#env));
  }

  get #rules(): Rules {
    return requireConfig(this.#env).rules;
  }
}
