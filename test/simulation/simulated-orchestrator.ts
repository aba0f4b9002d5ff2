// An orchestrator that honours idempotency keys, and the network between: what is sent may arrive never, late or
// unanswered. Its list of executions is the truth that the checker believes.
import type { Delivery } from '../../src/contract/messages.ts';
import type { Callback, DeliveryOutcome } from '../../src/domain/commands.ts';
import type { ReportableStatus } from '../../src/domain/lifecycle.ts';
import { callback, NO_ARTIFACTS } from '../domain/builders.ts';
import type { Chance } from './chance.ts';
import type { Timeline } from './timeline.ts';

export interface PipelinePlan {
  stepMs: number;
  failsAt: ReportableStatus | null;
  diesAt: ReportableStatus | null;
  /** Every report is sent twice, the second time after this. */
  repeatsAfterMs: number | null;
  swapsPairs: boolean;
  goesOnToExport: boolean;
}

export interface Execution {
  dispatchId: string;
  startedAt: number;
  isStopped: boolean;
}

/** Applies a callback; rejects when there is no answer. Answers the refusal's code, or null. */
export type Report = (callback: Callback) => Promise<string | null>;

const PATH: ReportableStatus[] = [
  ...(['AUDIO_EXTRACTING', 'AUDIO_READY', 'TRANSCRIBING', 'TRANSCRIBING', 'TRANSCRIPT_READY'] as const),
  ...(['GENERATING', 'GENERATING', 'DRAFT_READY', 'EXPORTING', 'DONE'] as const),
];
const STUCK_IN_NETWORK_MS = 45_000;
const ATTEMPTS = 6;

export class SimulatedOrchestrator {
  readonly executions: Execution[] = [];
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #plans: PipelinePlan[];
  readonly #report: Report;
  readonly #cancelled = new Set<string>();

  constructor(timeline: Timeline, chance: Chance, plans: readonly PipelinePlan[], report: Report) {
    this.#timeline = timeline;
    this.#chance = chance;
    this.#plans = plans.toReversed();
    this.#report = report;
  }

  /** Stands for src/dispatch/orchestrator.ts's `deliver`. */
  async receive(delivery: Delivery): Promise<DeliveryOutcome> {
    await this.#timeline.sleep(this.#chance.delayMs());
    const silence = async (): Promise<DeliveryOutcome> => {
      await this.#timeline.sleep(delivery.timeoutMs);
      return { kind: 'unknown', error: 'no answer', retryAfterMs: null };
    };
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
        return this.#take(delivery);
    }
  }

  #find(dispatchId: string): Execution | undefined {
    return this.executions.find((execution) => execution.dispatchId === dispatchId);
  }

  #take(delivery: Delivery): DeliveryOutcome {
    const { dispatchId } = delivery;
    const known = this.#find(dispatchId);
    if (delivery.type === 'job.cancel') {
      this.#cancelled.add(dispatchId);
      if (known) known.isStopped = true;
    } else if (!known && !this.#cancelled.has(dispatchId)) {
      const execution = { dispatchId, startedAt: this.#timeline.now, isStopped: false };
      this.executions.push(execution);
      this.#run(execution, delivery);
    }
    return { kind: 'delivered', executionId: `exe_${dispatchId}` };
  }

  async #run(execution: Execution, { resumeFromStatus }: Delivery): Promise<void> {
    const plan = this.#plans.pop() ?? CALM;
    const start =
      resumeFromStatus === null || resumeFromStatus === 'UPLOADED' ? 0 : PATH.indexOf(resumeFromStatus);
    const end = plan.goesOnToExport ? PATH.length : PATH.indexOf('DRAFT_READY') + 1;
    let pair: Callback[] = [];
    for (const [index, status] of PATH.slice(start, end).entries()) {
      const sent = status === plan.failsAt ? 'FAILED' : status;
      if (status === plan.diesAt) return;
      await this.#timeline.sleep(plan.stepMs);
      pair.push(this.#callback(execution, sent, index));
      if (plan.swapsPairs && pair.length < 2 && sent !== 'FAILED' && start + index < end - 1) continue;
      const goesOn = await this.#send(execution, plan, pair.reverse());
      if (!goesOn || sent === 'FAILED') return;
      pair = [];
    }
  }

  #callback({ dispatchId }: Execution, status: ReportableStatus, index: number): Callback {
    const uri = `s3://artifacts/${dispatchId}/${index}`;
    return callback(dispatchId, status, {
      eventId: `${dispatchId}-${index}`,
      payloadDigest: `${dispatchId}-${index}`,
      occurredAt: this.#timeline.now + index,
      artifacts: {
        ...NO_ARTIFACTS,
        audioUri: status === 'AUDIO_READY' ? uri : null,
        transcriptUri: status === 'TRANSCRIPT_READY' ? uri : null,
        draftUri: status === 'DRAFT_READY' ? uri : null,
      },
    });
  }

  /** Whether the pipeline may go on. What came too early is sent again after its predecessor. */
  async #send(execution: Execution, plan: PipelinePlan, pair: Callback[]): Promise<boolean> {
    for (const report of [...pair, ...(pair.length > 1 ? pair.slice(0, 1) : [])]) {
      const code = await this.#sendOne(execution, report);
      if (plan.repeatsAfterMs !== null) {
        this.#timeline.after(plan.repeatsAfterMs, () => this.#sendOne(execution, report));
      }
      if (code === null || (pair.length > 1 && code !== 'stop')) continue;
      return false;
    }
    return true;
  }

  /** Null when it was taken, "dropped" when only this report was refused, "stop" when the pipeline is to end. */
  async #sendOne(execution: Execution, report: Callback): Promise<'dropped' | 'stop' | null> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      if (execution.isStopped) return 'stop';
      await this.#timeline.sleep(this.#chance.delayMs());
      try {
        const code = await this.#report(report);
        if (code === null) return null;
        if (code === 'CALLBACK_OUT_OF_ORDER' || code === 'FSM_TRANSITION_INVALID') return 'dropped';
        execution.isStopped = true;
        return 'stop';
      } catch {
        await this.#timeline.sleep(1_000 * attempt);
      }
    }
    return 'stop';
  }
}

const CALM: PipelinePlan = {
  stepMs: 100,
  failsAt: null,
  diesAt: null,
  repeatsAfterMs: null,
  swapsPairs: false,
  goesOnToExport: false,
};
