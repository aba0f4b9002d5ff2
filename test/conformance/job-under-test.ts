// One job of the kit's: the product's own pure core decides about every report, in memory, and what was reported is
// kept for the checks. How reports come in over HTTP is receiver.ts's.
import { type StatusCallback, toCallbackCommand } from '../../src/contract/callback.ts';
import { signCallbackToken } from '../../src/contract/callback-token.ts';
import type { ErrorCode } from '../../src/contract/errors.ts';
import { MEDIA_SCHEMES } from '../../src/contract/media.ts';
import { toExportTask } from '../../src/contract/plans.ts';
import type { Dispatch } from '../../src/domain/dispatch.ts';
import type { ArtifactVersion } from '../../src/domain/job.ts';
import {
  type CheckpointStatus,
  checkpointOf,
  type EditableStage,
  type ResumeStatus,
  type StageName,
  type Status,
} from '../../src/domain/lifecycle.ts';
import type { Rejection } from '../../src/domain/rejection.ts';
import { callback, cancel, confirmUpload, delivered, retry, run } from '../domain/builders.ts';
import { MemoryJob, RULES } from '../domain/memory-job.ts';
import { newId } from '../support/ids.ts';
import { Pulse } from '../support/orchestrator/pulse.ts';
import { Finding } from './finding.ts';

/** How a report is answered; a code stands for the problem that the product has for it. `drop` ends the connection instead. */
export type Answer = { status: number; errorCode?: ErrorCode } | 'drop';

/** One POST to the callback URL. */
export interface Report {
  /** Null when the token proves none. */
  dispatchId: string | null;
  /** Null when the body is no report; the flaw says why. */
  body: StatusCallback | null;
  /** What that was parsed from. */
  sent: unknown;
  /** Tells payloads apart; null without a body. */
  digest: string | null;
  /** Null while the answer is being held back. */
  answer: Answer | null;
  /** Why Retake would refuse it; null when it would not. */
  flaw: Finding | null;
}

/** A check answers in place of the product: before it has decided, or by holding back what it decided. */
export type Responder = (report: Report, decide: () => Answer) => Answer | Promise<Answer>;

export interface JobSettings {
  videoUri: string;
  modelProfile: string;
  baseUrl: string;
  tokenKeys: readonly string[];
}

/** The fields of a message, as spec/dispatch.md lists them for its type, and what goes with it as headers. */
export type Message = Readonly<Record<string, unknown>> &
  Readonly<{ type: string; dispatch_id: string } & Context>;
/** Of all but a cancel. */
export type Work = Message & Readonly<{ keep: readonly Kept[] }>;
/** What a draft is to be exported to, and with what. */
export type Order = Readonly<{
  formats: readonly string[];
  params: Readonly<Record<string, unknown>> | null;
}>;
/** One finished artifact, which is not to be made again. */
export interface Kept {
  stage: StageName;
  version: number | null;
  ref: string;
}
/** What an editor may call a job by: any text of one line, and even none for a value. */
const LABELS = {
  external_id: 'Vortrag № 7 „Schnitt“ / Теst',
  metadata: { language: 'de', 'speaker’s name': 'Ä. "O\'Neil" \\ 中', note: '' },
  tags: ['conference', 'bitte bald 🙂'],
};
export interface Context {
  traceparent: string;
  correlationId: string;
}

export class JobUnderTest {
  readonly id = newId('job');
  readonly reports: Report[] = [];
  respond: Responder = (_report, decide) => decide();
  readonly #projectId = newId('prj');
  readonly #model = new MemoryJob();
  readonly #pulse = new Pulse();
  readonly #settings: JobSettings;
  #newest: Message | null = null;

  constructor(settings: JobSettings) {
    this.#settings = settings;
    this.#model.execute(confirmUpload({ videoUri: settings.videoUri }), Date.now());
  }

  get status(): Status {
    return this.#model.job.status;
  }

  /** Whether the dispatch made last has ended, be it well or badly. */
  get isOver(): boolean {
    return this.#model.open === null;
  }

  /** The first thing in the reports that Retake refuses. */
  get flaw(): Finding | null {
    return this.reports.find(({ flaw }) => flaw !== null)?.flaw ?? null;
  }

  /** By format: what Retake has taken of what was reported. */
  get exports(): Readonly<Record<string, string>> {
    return this.#model.job.manifest.exports;
  }

  /** What a retry could resume from at this point. */
  checkpoint(status: CheckpointStatus): ArtifactVersion | null {
    const { versions } = this.#model.job;
    return versions.findLast(({ stage, isComplete }) => checkpointOf(stage) === status && isComplete) ?? null;
  }

  /** The editor's run: the message that Retake would send. */
  run(): Promise<Work> {
    return this.#open(run(newId('dsp'), newContext()));
  }

  /** The editor's retry of a failed job, from where the product resumes it or from where the editor wants it. */
  retry(resumeFrom: ResumeStatus | null = null): Promise<Work> {
    return this.#open(retry(newId('dsp'), { ...newContext(), resumeFrom }));
  }

  /** The editor's redo of a draft that is there, from where the product resumes it or from where the editor wants it. */
  redo(resumeFrom: ResumeStatus | null = null): Promise<Work> {
    return this.#open({ ...retry(newId('dsp'), { ...newContext(), resumeFrom }), type: 'redo' });
  }

  /** The editor's export of a draft that is there. */
  export({ formats, params }: Order): Promise<Work> {
    const task = { kind: 'export', formats, params: params && JSON.stringify(params) } as const;
    return this.#open({ ...retry(newId('dsp'), newContext()), type: 'export', task });
  }

  /** The editor's own version of an artifact. */
  correct(stage: EditableStage, uri: string): void {
    const { version = 0 } = this.checkpoint(checkpointOf(stage)) ?? {};
    const { owner, actorId, correlationId, evidence } = retry('dsp');
    const decision = this.#model.execute(
      {
        ...{ type: 'edit-artifact', owner, actorId, correlationId, evidence, stage, uri, edits: version },
        ...{ clientRequestId: uri, payloadDigest: uri, digest: null, sizeBytes: null },
      },
      Date.now(),
    );
    if (decision.kind !== 'accepted') throw new Error(`the ${stage} can not be corrected here`);
  }

  /** The editor's cancel, and the notice of it. */
  cancel({ dispatch_id, traceparent, correlationId }: Message, executionId: string | null): Message {
    this.#model.execute(cancel(), Date.now());
    return {
      type: 'job.cancel',
      dispatch_id,
      job_id: this.id,
      project_id: this.#projectId,
      execution_id: executionId,
      traceparent,
      correlationId,
    };
  }

  /**
   * As if the pipeline had been silent for longer than Retake waits: the job fails, the pipeline is fenced off. One that
   * was never heard had been delivered; one that has its draft had gone on to export it.
   */
  timeOut(): void {
    const { open, job } = this.#model;
    if (open?.state === 'PENDING') this.#model.execute(delivered(open.id), Date.now());
    if (job.status === 'DRAFT_READY' && job.latestCallback) {
      const { dispatchId, occurredAt } = job.latestCallback;
      this.#model.execute(callback(dispatchId, 'EXPORTING', { occurredAt }), Date.now());
    }
    this.#model.execute(
      { type: 'deadline', deliveryMayHaveStarted: false },
      Date.now() + RULES.stageTimeoutMs + 1,
    );
  }

  /** Ends what is still open; the notice of it, or null when there is nothing to end. */
  abandon(): Message | null {
    this.respond = (_report, decide) => decide();
    return this.#newest && !this.isOver ? this.cancel(this.#newest, null) : null;
  }

  /** Records the report and says how to answer it. */
  async take(report: Report): Promise<Answer> {
    const { body, sent, dispatchId } = report;
    const received = dispatchId && { dispatchId, sent, at: Date.now(), mediaSchemes: MEDIA_SCHEMES };
    const { command } = (body && received && (await toCallbackCommand(body, received))) || { command: null };
    if (command) report.digest = command.payloadDigest;
    this.reports.push(report);
    this.#pulse.beat();
    const decide = (): Answer => {
      // The receiver has found the flaw already, and the status that goes with it.
      if (!command) return report.answer ?? { status: 400 };
      const decision = this.#model.execute(command, Date.now());
      if (decision.kind === 'accepted') return { status: 204 };
      if (decision.kind === 'replayed') return { status: 200 };
      const { rejection } = decision;
      report.flaw = toFinding(command.status, rejection);
      return { status: rejection.code === 'RESOURCE_NOT_FOUND' ? 404 : 409, errorCode: rejection.code };
    };
    const answer = await this.respond(report, decide);
    report.answer = answer;
    this.#pulse.beat();
    return answer;
  }

  /** True as soon as the condition holds, false at the timeout. */
  until(holds: () => boolean, timeoutMs: number): Promise<boolean> {
    return this.#pulse.until(holds, timeoutMs, new AbortController().signal);
  }

  async #open(command: Parameters<MemoryJob['execute']>[0]): Promise<Work> {
    const decision = this.#model.execute(command, Date.now());
    if (decision.kind !== 'accepted' || !decision.dispatch)
      throw new Error(`${command.type} is not possible here`);
    const message = await this.#toMessage(decision.dispatch);
    this.#newest = message;
    return message;
  }

  async #toMessage(dispatch: Dispatch): Promise<Work> {
    const { videoUri, modelProfile, baseUrl, tokenKeys } = this.#settings;
    return {
      type: `job.${dispatch.kind}`,
      dispatch_id: dispatch.id,
      job_id: this.id,
      project_id: this.#projectId,
      owner: { issuer: 'https://issuer.example', claim: 'sub', value: 'conformance' },
      ...LABELS,
      operation_id: null,
      video_uri: videoUri,
      callback_url: `${baseUrl}/internal/jobs/${this.id}/status`,
      callback_token: await signCallbackToken(this.id, dispatch.id, tokenKeys),
      model_profile: modelProfile,
      engines: dispatch.engines,
      keep: keptBy(dispatch),
      ...(dispatch.resumeFromStatus === null
        ? {}
        : { resume_from_status: dispatch.resumeFromStatus, checkpoint_ref: dispatch.checkpointRef }),
      ...toExportTask(dispatch.task),
      traceparent: dispatch.traceparent,
      correlationId: dispatch.correlationId,
    };
  }
}

const keptBy = ({ plan }: Dispatch): Kept[] =>
  (plan?.stages ?? []).flatMap((stage) =>
    stage.action === 'keep' && stage.ref !== null
      ? [{ stage: stage.stage, version: stage.version, ref: stage.ref }]
      : [],
  );

function toFinding(status: Status, rejection: Rejection): Finding {
  switch (rejection.code) {
    case 'EVENT_ID_PAYLOAD_MISMATCH':
      return new Finding(
        `two different reports bear one event_id (the second is ${status})`,
        'Give each report a new event_id; only the same body may come again under the same id.',
      );
    case 'CALLBACK_OUT_OF_ORDER':
      return new Finding(
        `${status} came after a report of what follows it, with an earlier occurred_at`,
        'Send reports one after another, each after the answer to the one before.',
      );
    case 'FSM_TRANSITION_INVALID':
    case 'FSM_TERMINAL_IMMUTABLE': {
      const next = rejection.allowedNextStatuses.join(', ') || 'nothing';
      return new Finding(
        `${status} came while the job was at ${rejection.currentStatus}, from where ${next} may follow`,
        'Report each status in the order of spec/job-lifecycle.md, one report after another, from one pipeline.',
      );
    }
    case 'MANIFEST_FULL':
      return new Finding(
        `the exports that came with ${status} do not fit into a job any more`,
        `A job keeps ${rejection.maxExports} exports: report those that an editor needs, under names that stay.`,
      );
    case 'REPORTS_EXHAUSTED':
      return new Finding(
        `${status} was the pipeline's report after ${rejection.maxReports} others`,
        'Report less often: a sign of life is needed per stage timeout, not per step.',
      );
    default:
      return new Finding(
        `${status} was refused with ${rejection.code}`,
        'Report under the callback_token of the dispatch that is being executed, while it is.',
      );
  }
}

/** W3C Trace Context, version 00, sampled; and the id of the request that would have asked for it. */
function newContext(): Context {
  const hex = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex');
  return { traceparent: `00-${hex(16)}-${hex(8)}-01`, correlationId: crypto.randomUUID() };
}
