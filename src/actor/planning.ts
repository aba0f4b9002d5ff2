// Plans of one job, with what the store of artifacts says. That is asked first, so that what follows takes no time in which
// the job could move.
import { requireConfig } from '../config.ts';
import { ownedBy } from '../domain/access.ts';
import { lastDurations } from '../domain/attempts.ts';
import type { Retry } from '../domain/commands.ts';
import type { Evidence } from '../domain/evidence.ts';
import type { ArtifactVersion, Job } from '../domain/job.ts';
import type { ResumeStatus } from '../domain/lifecycle.ts';
import { candidates } from '../domain/lineage.ts';
import { type Plan, planDispatch } from '../domain/plan.ts';
import { enginesOf, profileOfBefore, withEngines } from '../domain/policy.ts';
import type { PlanAnswer } from './answers.ts';
import { type ArtifactStore, evidenceOf } from './evidence.ts';
import type { JobStore } from './job-store.ts';

/** How many attempts back it is looked for how long a stage takes. */
const ATTEMPTS_LOOKED_AT = 5;

export interface PlanAsked {
  /** Null for the profile under which the job failed, else the policy's default. */
  modelProfile: string | null;
  resumeFrom: ResumeStatus | null;
}

export class Planning {
  readonly #store: JobStore;
  readonly #env: Env;

  constructor(store: JobStore, env: Env) {
    this.#store = store;
    this.#env = env;
  }

  /** The retry with the evidence that its decision needs: none where it is not going to be accepted. */
  async withEvidence(asked: Omit<Retry, 'evidence'>): Promise<Retry> {
    const job = ownedBy(this.#store.job(), asked.owner);
    const evidence = await this.#evidence(
      job ? this.#candidates(job, [asked.modelProfile], asked.resumeFrom) : [],
    );
    return { ...asked, evidence };
  }

  /** What a retry would do, under the profile that is asked for and under every other. There is a job. */
  async plan({ modelProfile, resumeFrom }: PlanAsked): Promise<Extract<PlanAnswer, { ok: true }>> {
    const { policy } = requireConfig(this.#env).rules;
    const before = this.#job();
    const profile = modelProfile ?? profileOfBefore(before, policy);
    const enabled = policy.profiles.filter((candidate) => candidate.enabled);
    const others = enabled.map(({ id }) => id).filter((id) => id !== profile);
    const evidence = await this.#evidence(this.#candidates(before, [profile, ...others], resumeFrom));
    const planUnder = (id: string, from: ResumeStatus | null) => this.#planned(id, from, evidence);
    return {
      ok: true,
      plan: planUnder(profile, resumeFrom),
      profiles: enabled.map(({ id, title }) => ({ id, title, plan: planUnder(id, resumeFrom) })),
      durations: lastDurations(this.#store.stageRuns(ATTEMPTS_LOOKED_AT)),
    };
  }

  #planned(modelProfile: string, resumeFrom: ResumeStatus | null, evidence: Evidence): Plan {
    const job = this.#job();
    const request = { kind: 'retry' as const, modelProfile, resumeFrom, evidence };
    return planDispatch({ job, open: this.#store.open(job) }, request, requireConfig(this.#env).rules);
  }

  #job(): Job {
    const job = this.#store.job();
    if (job === null) throw new Error('only what is there is planned for');
    return job;
  }

  /** Of a job that cannot be retried there are none. The first profile's come first. */
  #candidates(job: Job, profiles: readonly string[], resumeFrom: ResumeStatus | null): ArtifactVersion[] {
    if (job.status !== 'FAILED' || job.openDispatchId !== null) return [];
    const { policy } = requireConfig(this.#env).rules;
    const upTo = resumeFrom ?? 'DRAFT_READY';
    const versions = withEngines(job.versions, policy);
    return profiles.flatMap((id) => candidates(versions, { engines: enginesOf(policy, id), upTo }));
  }

  #evidence(versions: readonly ArtifactVersion[]): Promise<Evidence> {
    return evidenceOf(versions, this.#artifactStore());
  }

  #artifactStore(): ArtifactStore | null {
    const { ARTIFACTS: bucket } = this.#env as { ARTIFACTS?: R2Bucket };
    const name = requireConfig(this.#env).artifactsBucket;
    return bucket && name !== null ? { bucket, name } : null;
  }
}
