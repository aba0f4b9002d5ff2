// One editor's requests over HTTP, each written down with what became of it. A request that fails is a record here and
// no exception: chaos is expected.
import { setTimeout as sleep } from 'node:timers/promises';
import type { AskedEdit, Exporting } from '../rules/case.ts';
import { toVersion } from '../rules/outside.ts';
import { fetchAlone } from '../support/own-connection.ts';
import { between, type Random } from './chaos-plans.ts';
import type { Call, Ending, Operation } from './chaos-records.ts';

/** Longer than any wait of the service, and than a restart of it. */
const PATIENCE_MS = 60_000;

export interface Ask {
  operation: Operation;
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  jobId?: string;
  requestKey?: string;
  prefer?: string | null;
  /** What the body says of where the video is. */
  videoUri?: string;
  /** Of an edit and of an export: what the body asks for. */
  edit?: AskedEdit;
  exports?: Exporting;
  body?: unknown;
  /** Closes the connection after this where there has been no answer. */
  giveUpAfterMs?: number;
}

// biome-ignore lint/suspicious/noExplicitAny: callers look into bodies of every form
export type Body = any;
/** By how much everybody pauses longer: a machine on which all of this is slow would come to nothing but waiting. */
export type Pace = { factor: number };
/** How much was achieved so far: jobs that somebody is done with, and dispatches that the service says it has delivered. */
export type Done = { jobs: number; deliveries: number };
export type Answered = { call: Call; body: Body };
/** Where an answer shows the job itself. */
const SHOWN_BY: Readonly<Partial<Record<Operation, (body: Body) => Body>>> = {
  read: (body) => body,
  cancel: (body) => body,
  abandon: (body) => body,
  renew: ({ job }) => job,
  edit: ({ job }) => job,
};
type Got = { ending: Ending; status: number; body: Body };

export class ChaosClient {
  readonly #url: string;
  readonly #token: string;
  readonly #calls: Call[];
  readonly #ended: AbortSignal;
  readonly #pace: Pace;

  /** `ended` makes what still insists give up. */
  constructor(
    url: string,
    token: string,
    { calls, pace, ended }: { calls: Call[]; pace: Pace; ended: AbortSignal },
  ) {
    this.#url = url;
    this.#token = token;
    this.#calls = calls;
    this.#ended = ended;
    this.#pace = pace;
  }

  /** The same request again until the service itself has answered it. */
  async insist(ask: Ask, random: Random): Promise<Answered> {
    const { giveUpAfterMs: _, ...patient } = ask;
    for (let next = ask; ; next = patient) {
      const answered = await this.send(next);
      const { ending, status } = answered.call;
      if (ending === 'answered' && (status < 500 || status === 502)) return answered;
      await sleep(between(random, 300, 1_500) * this.#pace.factor, undefined, { signal: this.#ended });
    }
  }

  async send(ask: Ask): Promise<Answered> {
    const sentAt = Date.now();
    const got = await this.#fetch(ask);
    return { call: this.#record(ask, { sentAt, ...got }), body: got.body };
  }

  async #fetch(ask: Ask): Promise<Got> {
    try {
      const response = await fetchAlone(`${this.#url}${ask.path}`, {
        method: ask.method,
        redirect: 'manual',
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(ask.prefer ? { prefer: ask.prefer } : {}),
          ...(ask.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        signal: AbortSignal.timeout(ask.giveUpAfterMs ?? PATIENCE_MS),
        ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
      });
      const text = await response.text();
      // Every answer of the service bears its request id; what the local runtime says in its stead does not.
      const isOurs = response.headers.has('x-request-id');
      const body = isOurs && text !== '' ? JSON.parse(text) : text.slice(0, 200);
      return { ending: isOurs ? 'answered' : 'foreign', status: response.status, body };
    } catch (error) {
      if (ask.giveUpAfterMs !== undefined && error instanceof Error && error.name === 'TimeoutError')
        return { ending: 'forgotten', status: 0, body: null };
      return { ending: 'cut', status: 0, body: error instanceof Error ? String(error.cause ?? error) : null };
    }
  }

  #record(ask: Ask, got: Got & { sentAt: number }): Call {
    const { operation, jobId, requestKey, prefer, videoUri } = ask;
    const endedAt = Date.now();
    const ours: Body = got.ending === 'answered' ? got.body : {};
    const ok = got.status > 0 && got.status < 300;
    const shown = SHOWN_BY[operation]?.(ours) ?? {};
    const call: Call = {
      operation,
      jobId: jobId ?? (operation === 'create' && ok ? (ours.id ?? null) : null),
      requestKey: requestKey ?? null,
      prefer: prefer ?? null,
      videoUri: videoUri ?? null,
      sentAt: got.sentAt,
      endedAt,
      ending: got.ending,
      status: got.status,
      errorCode: ours.error_code ?? (got.ending === 'answered' ? null : String(got.body)),
      metKill: false,
      dispatchId: ours.dispatch_id ?? ours.details?.dispatch_id ?? null,
      dispatchState: ours.dispatch_state ?? null,
      replayed: ours.replayed ?? null,
      resumeFrom: ours.resume_from_status ?? null,
      checkpointRef: ours.checkpoint_ref ?? null,
      revision: ok ? (shown.revision ?? null) : null,
      edit: ask.edit ?? null,
      edited: ok && ask.edit ? { version: toVersion(ours.version), replayed: ours.replayed } : null,
      exports: ask.exports ?? null,
    };
    this.#calls.push(call);
    return call;
  }
}
