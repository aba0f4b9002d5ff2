// What is seen over HTTP of one job while it is lived through: every request of an editor and every report of a pipeline,
// with its answer. Its clock counts what it sees, since machines' clocks tell too little of what came first.
import type { Call, Ending, ListedVersion, Report } from '../rules/case.ts';
import { type SentBody, type ShownVersion, toReport, toReportAnswer, toVersion } from '../rules/outside.ts';
import { ActingJob, ActingPipeline } from '../support/workerd/acting.ts';
import type { Reply } from '../support/workerd/harness.ts';

export class Witness {
  readonly calls: Call[] = [];
  readonly reports: Report[] = [];
  /** Every version as somebody was shown it. */
  readonly seen: ListedVersion[] = [];
  /** Where the editor said that the video is, the newest last. */
  readonly videoUris: string[] = [];
  #seen = 0;

  /** What an editor asks; null when there was no answer. */
  async asks(
    asking: Pick<Call, 'operation' | 'request' | 'prefer'> & Partial<Pick<Call, 'edit' | 'exports'>>,
    send: () => Promise<Reply>,
  ): Promise<Reply | null> {
    const sentAt = this.#tick();
    const reply = await send().catch(() => null);
    const ending = reply === null ? UNANSWERED : toEnding(reply, asking.operation);
    this.calls.push({ ...asking, sentAt, endedAt: this.#tick(), ending });
    if (ending.kind === 'done' && ending.edit) this.seen.push(ending.edit.version);
    return reply;
  }

  /** Somebody looks at the list of versions. */
  saw(versions: readonly ShownVersion[]): void {
    this.seen.push(...versions.map(toVersion));
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
  const shown = JOB_SHOWN.includes(operation) ? body : null;
  const job = operation === 'renew' || operation === 'edit' ? body.job : shown;
  return {
    ...{ kind: 'done', status, dispatch: dispatch || null, revision: job?.revision ?? null },
    ...(operation === 'edit' ? { edit: { version: toVersion(body.version), replayed: body.replayed } } : {}),
  };
}
