// An orchestrator that honours idempotency keys, and the network between: what is sent may arrive never, late or
// unanswered. Its list of executions is the truth that the checker believes.
import type { Delivery } from '../../src/contract/messages.ts';
import type { Callback, DeliveryOutcome } from '../../src/domain/commands.ts';
import { callback, NO_ARTIFACTS } from '../domain/builders.ts';
import { type Answer, afterAnswer } from '../support/pipeline/answers.ts';
import { perform } from '../support/pipeline/perform.ts';
import {
  type ArtifactUpdates,
  CALM,
  course,
  type Report,
  type Script,
  taskOf,
} from '../support/pipeline/script.ts';
import type { Chance } from './chance.ts';
import { SIZE_BYTES } from './simulated-store.ts';
import type { Timeline } from './timeline.ts';

/** What every simulated pipeline does unless its script says otherwise. */
export const USUAL: Script = {
  ...CALM,
  stepMs: 100,
  restatesCheckpoint: true,
  heartbeats: { TRANSCRIBING: 1, GENERATING: 1 },
};

export interface Execution {
  jobId: string;
  dispatchId: string;
  startedAt: number;
  isStopped: boolean;
}

/** Applies a callback of this job; rejects when there is no answer. Answers the refusal's code, or null. */
export type Apply = (jobId: string, callback: Callback) => Promise<string | null>;

/** Every pipeline's artifacts lie in the bucket that the service knows. */
const inBucket = (uri: string | undefined): string | null => uri?.replace(/^s3:/, 'r2:') ?? null;

/** What the history keeps of a report's updates. */
function keptJson(updates: ArtifactUpdates): string | null {
  const { exports: _exports, ...refs } = updates;
  const kept = Object.entries(refs).map(([name, uri]) => [name, inBucket(uri)]);
  return kept.length === 0 ? null : JSON.stringify(Object.fromEntries(kept));
}

const STUCK_IN_NETWORK_MS = 45_000;
const ATTEMPTS = 6;

export class SimulatedOrchestrator {
  readonly executions: Execution[] = [];
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #scripts: Script[];
  readonly #apply: Apply;
  readonly #cancelled = new Set<string>();
  readonly #hangsFor: string | null;
  /** Until then it takes what it is sent at once, and answers then. */
  #answersFrom = 0;

  /** Whatever is sent for the job `hangsFor` is never answered, nor taken. */
  constructor(
    timeline: Timeline,
    chance: Chance,
    { scripts, hangsFor }: { scripts: readonly Script[]; hangsFor: string | null },
    apply: Apply,
  ) {
    this.#timeline = timeline;
    this.#hangsFor = hangsFor;
    this.#chance = chance;
    this.#scripts = scripts.toReversed();
    this.#apply = apply;
  }

  /** For so long it takes what it is sent, and answers when that is over, or right before its caller gives up. */
  slowDown(ms: number): void {
    this.#answersFrom = Math.max(this.#answersFrom, this.#timeline.now + ms);
  }

  /** Stands for src/dispatch/orchestrator.ts's `deliver`. */
  async receive(delivery: Delivery): Promise<DeliveryOutcome> {
    await this.#timeline.sleep(this.#chance.delayMs());
    const silence = async (): Promise<DeliveryOutcome> => {
      await this.#timeline.sleep(delivery.timeoutMs);
      return { kind: 'unknown', error: 'no answer', retryAfterMs: null };
    };
    if (delivery.jobId === this.#hangsFor) return silence();
    const known = this.#find(delivery.dispatchId);
    const fault = this.#chance.fault('delivery');
    switch (fault) {
      case 'refused':
        // What it took before it does not refuse.
        if (known || delivery.type === 'job.cancel') return this.#take(delivery);
        return { kind: 'refused', error: 'refused' };
      case 'unavailable':
      case 'retry-after':
        return {
          kind: 'unreachable',
          error: 'not now',
          retryAfterMs: fault === 'retry-after' ? 20_000 : null,
        };
      case 'hangs':
        return silence();
      case 'taken-but-silent':
        this.#take(delivery);
        return silence();
      case 'arrives-late':
        this.#timeline.after(delivery.timeoutMs + STUCK_IN_NETWORK_MS, () => this.#take(delivery));
        return silence();
      case 'answers-late':
        return this.#timeline.sleep(Math.max(delivery.timeoutMs - 1, 0)).then(() => this.#take(delivery));
      default:
        return this.#takeItsTime(delivery);
    }
  }

  async #takeItsTime(delivery: Delivery): Promise<DeliveryOutcome> {
    const outcome = this.#take(delivery);
    const ms = Math.min(this.#answersFrom - this.#timeline.now, delivery.timeoutMs - 1);
    if (ms > 0) await this.#timeline.sleep(ms);
    return outcome;
  }

  #find(dispatchId: string): Execution | undefined {
    return this.executions.find((execution) => execution.dispatchId === dispatchId);
  }

  #take(delivery: Delivery): DeliveryOutcome {
    const { jobId, dispatchId } = delivery;
    const known = this.#find(dispatchId);
    if (delivery.type === 'job.cancel') {
      this.#cancelled.add(dispatchId);
      if (known) known.isStopped = true;
    } else if (!known && !this.#cancelled.has(dispatchId)) {
      const execution = { jobId, dispatchId, startedAt: this.#timeline.now, isStopped: false };
      this.executions.push(execution);
      this.#run(execution, delivery);
    }
    return { kind: 'delivered', executionId: `exe_${dispatchId}` };
  }

  async #run(execution: Execution, { type, task: asked, resumeFromStatus }: Delivery): Promise<void> {
    const script = this.#scripts.pop() ?? USUAL;
    const { dispatchId } = execution;
    const resumeFrom = resumeFromStatus ?? 'UPLOADED';
    const task = taskOf({ type, formats: asked.kind === 'export' ? asked.formats : null });
    let made = 0;
    await perform(course(script, { task, resumeFrom, key: dispatchId }), script, {
      comesAbout: async (report) => {
        await this.#timeline.sleep(script.stepMs);
        return this.#callback(dispatchId, report, made++);
      },
      send: async (report) => {
        const answer = await this.#send(execution, report);
        if (script.repeatsAfterMs !== null) {
          this.#timeline.after(script.repeatsAfterMs, () => this.#send(execution, report));
        }
        return answer;
      },
    });
  }

  #callback(dispatchId: string, report: Report, index: number): Callback {
    const { status, artifact_updates: updates = {}, failure_code: failureCode } = report;
    return callback(dispatchId, status, {
      eventId: `${dispatchId}-${index}`,
      payloadDigest: `${dispatchId}-${index}`,
      occurredAt: this.#timeline.now + index,
      progressPct: report.progress_pct ?? null,
      artifacts: {
        ...NO_ARTIFACTS,
        audioUri: inBucket(updates.audio_uri),
        transcriptUri: inBucket(updates.transcript_uri),
        draftUri: inBucket(updates.draft_uri),
        sizeBytes: SIZE_BYTES,
        exports: updates.exports ?? {},
      },
      artifactsJson: keptJson(updates),
      failure:
        failureCode === undefined
          ? null
          : {
              failureCode,
              failureMessage: report.failure_message ?? null,
              failedStage: report.failed_stage ?? null,
              failureClass: null,
              retryAfterMs: null,
            },
    });
  }

  /** Null when the pipeline was stopped, or gave up asking for an answer. */
  async #send(execution: Execution, report: Callback): Promise<Answer | null> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      if (execution.isStopped) return null;
      await this.#timeline.sleep(this.#chance.delayMs());
      try {
        const errorCode = await this.#apply(execution.jobId, report);
        // Whoever stuffs a job tells how it ends all the same, and that has to be taken.
        if (errorCode === 'MANIFEST_FULL') return { status: 204, errorCode: null };
        const answer = { status: errorCode === null ? 204 : 409, errorCode };
        // Repeats of earlier reports are on their way still.
        if (afterAnswer(answer) === 'stop') execution.isStopped = true;
        return answer;
      } catch {
        await this.#timeline.sleep(1_000 * attempt);
      }
    }
    return null;
  }
}
