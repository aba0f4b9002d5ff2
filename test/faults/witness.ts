// What is seen over HTTP of one job while it is lived through: every request of an editor and every report of a pipeline,
// with its answer. Its clock counts what it sees, since machines' clocks tell too little of what came first.
import type { Call, Ending, Report } from '../rules/case.ts';
import { type SentBody, toReport, toReportAnswer } from '../rules/outside.ts';
import { ActingJob, ActingPipeline } from '../support/workerd/acting.ts';
import type { Reply } from '../support/workerd/harness.ts';

export class Witness {
  readonly calls: Call[] = [];
  readonly reports: Report[] = [];
  /** Where the editor said that the video is, the newest last. */
  readonly videoUris: string[] = [];
  #seen = 0;

  /** What an editor asks; null when there was no answer. */
  async asks(
    { operation, request, prefer }: Pick<Call, 'operation' | 'request' | 'prefer'>,
    send: () => Promise<Reply>,
  ): Promise<Reply | null> {
    const sentAt = this.#tick();
    const reply = await send().catch(() => null);
    const ending = reply === null ? UNANSWERED : toEnding(reply, operation);
    this.calls.push({ operation, request, prefer, sentAt, endedAt: this.#tick(), ending });
    return reply;
  }

  /** The same job, of whose pipelines every report is seen. */
  watched(job: ActingJob): ActingJob {
    return new WatchedJob(job, this);
  }

  async reported(dispatchId: string, body: SentBody, send: () => Promise<Reply>): Promise<Reply> {
    const sentAfter = this.#tick();
    const seen = (status: number | null, errorCode: string | null) =>
      this.reports.push(
        toReport(dispatchId, body, {
          sentAfter,
          answeredAt: this.#tick(),
          answer: toReportAnswer(status, errorCode),
        }),
      );
    try {
      const reply = await send();
      seen(reply.status, reply.body?.error_code ?? null);
      return reply;
    } catch (error) {
      seen(null, null);
      throw error;
    }
  }

  #tick(): number {
    this.#seen += 1;
    return this.#seen;
  }
}

class WatchedJob extends ActingJob {
  readonly #witness: Witness;

  constructor({ id, projectId, token }: ActingJob, witness: Witness) {
    super(id, projectId, token);
    this.#witness = witness;
  }

  override async pipeline(dispatchId: string): Promise<ActingPipeline> {
    const { jobId, token } = await super.pipeline(dispatchId);
    return new WatchedPipeline({ jobId, dispatchId, token }, this.#witness);
  }
}

class WatchedPipeline extends ActingPipeline {
  readonly #witness: Witness;

  constructor(
    { jobId, dispatchId, token }: Pick<ActingPipeline, 'jobId' | 'dispatchId' | 'token'>,
    witness: Witness,
  ) {
    super(jobId, dispatchId, token);
    this.#witness = witness;
  }

  override send(body: unknown): Promise<Reply> {
    return this.#witness.reported(this.dispatchId, body as SentBody, () => super.send(body));
  }
}

/** The service is in this very process, so that nothing but itself leaves a request unanswered. */
const UNANSWERED: Ending = { kind: 'unanswered', metFault: false };

/** What is answered with the job itself. */
const JOB_SHOWN: readonly Call['operation'][] = ['read', 'cancel', 'abandon'];

function toEnding({ status, body }: Reply, operation: Call['operation']): Ending {
  const named = body?.dispatch_id ?? null;
  if (status >= 300) {
    const { error_code: code = null, details } = body ?? {};
    return { kind: 'refused', status, code, dispatchId: named ?? details?.dispatch_id ?? null };
  }
  const dispatch = named !== null && {
    ...{ id: named, state: body.dispatch_state, replayed: body.replayed },
    ...{ resumeFrom: body.resume_from_status ?? null, ref: body.checkpoint_ref ?? null },
  };
  const job = operation === 'renew' ? body.job : JOB_SHOWN.includes(operation) ? body : null;
  return { kind: 'done', status, dispatch: dispatch || null, revision: job?.revision ?? null };
}
