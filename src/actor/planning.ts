// Plans of one job, with what the store of artifacts says. That is asked first, so that what follows takes no time in which
// the job could move.
import { requireConfig } from '../config.ts';
import { ownedBy } from '../domain/access.ts';
import { lastDurations } from '../domain/attempts.ts';
import type { Retry } from '../domain/commands.ts';
import { type Evidence, NO_EVIDENCE } from '../domain/evidence.ts';
import type { Job } from '../domain/job.ts';
import type { ResumeStatus } from '../domain/lifecycle.ts';
import { candidates } from '../domain/lineage.ts';
import { type Plan, planDispatch } from '../domain/plan.ts';
import { enginesOf, profileOfBefore, refuseProfile, withEngines } from '../domain/policy.ts';
import type { PlanAnswer } from './answers.ts';
import { type ArtifactStore, evidenceOf } from './evidence.ts';
import type { JobStore } from './job-store.ts';

/** How many attempts back it is looked for how long a stage takes. */
const ATTEMPTS_LOOKED_AT = 5;

const FURTHEST = 'DRAFT_READY';

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

  /** The retry with the evidence that its decision needs: none for a repeat, or under a profile that is refused wherever it begins. */
  async withEvidence(asked: Omit<Retry, 'evidence'>): Promise<Retry> {
    const command = { ...asked, evidence: NO_EVIDENCE };
    const job = ownedBy(this.#store.job(), asked.owner);
    const { policy } = requireConfig(this.#env).rules;
    const needsNone =
      job === null ||
      // Who names another plan is told the one that there is, as a look at it would.
      (asked.ifMatch === null && refuseProfile(policy, asked.modelProfile, null) !== null) ||
      (this.#store.view(command)?.subject ?? null) !== null;
    if (needsNone) return command;
    return { ...command, evidence: await this.#evidence(job, [asked.modelProfile], asked.resumeFrom) };
  }

  /** What a retry would do, under the profile that is asked for and under every other. There is a job. */
  async plan({ modelProfile, resumeFrom }: PlanAsked): Promise<Extract<PlanAnswer, { ok: true }>> {
    const { policy } = requireConfig(this.#env).rules;
    const before = this.#job();
    const profile = modelProfile ?? profileOfBefore(before, policy);
    const enabled = policy.profiles.filter((candidate) => candidate.enabled);
    const others = enabled.map(({ id }) => id).filter((id) => id !== profile);
    const evidence = await this.#evidence(before, [profile, ...others], resumeFrom);
    const planUnder = (id: string) => this.#planned(id, resumeFrom, evidence);
    return {
      ok: true,
      plan: planUnder(profile),
      profiles: enabled.map(({ id, title }) => ({ id, title, plan: planUnder(id) })),
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

  /** What the store is asked for first is what the first profile would have kept; of a job that cannot be retried nothing. */
  #evidence(job: Job, profiles: readonly string[], resumeFrom: ResumeStatus | null): Promise<Evidence> {
    const { policy } = requireConfig(this.#env).rules;
    const versions = withEngines(job.versions, policy);
    const isRetried = job.status === 'FAILED' && job.openDispatchId === null;
    const under = (id: string, upTo: ResumeStatus) =>
      candidates(versions, { engines: enginesOf(policy, id), upTo });
    // Where it was asked to begin comes first; where it could, had it not been, is told to whoever cannot begin there.
    const asked = profiles.flatMap((id) => [
      ...under(id, resumeFrom ?? FURTHEST),
      ...(resumeFrom === null ? [] : under(id, FURTHEST)),
    ]);
    return evidenceOf(isRetried ? asked : [], versions, this.#artifactStore());
  }

  #artifactStore(): ArtifactStore | null {
    const { ARTIFACTS: bucket } = this.#env as { ARTIFACTS?: R2Bucket };
    const name = requireConfig(this.#env).artifactsBucket;
    return bucket && name !== null ? { bucket, name } : null;
  }
}
