// What is known of one job, from a stream of records and from requests, whichever is newer. The views only read it.
import { batch, computed, type Signal, signal } from '@preact/signals';
import {
  type Attempt,
  ask,
  askAll,
  type Job,
  type Refusal,
  type Schemas,
  type Transition,
  type Version,
} from './api.ts';
import { Live } from './live.ts';

type JobRecord = Schemas['JobEvents']['records'][number];

/** Changes that come in quick succession are asked about once. */
const PAUSE_MS = 300;

export class JobData {
  readonly id: string;
  readonly job: Signal<Job | null> = signal(null);
  /** Of the job as it is shown, for a change that is meant for that alone. */
  etag = '';
  /** Why there is no job to show. */
  readonly refusal: Signal<Refusal | null> = signal(null);
  readonly attempts: Signal<Attempt[] | null> = signal(null);
  readonly versions: Signal<Version[] | null> = signal(null);
  readonly live: Live<JobRecord>;
  readonly #transitions = signal<ReadonlyMap<number, Transition>>(new Map());
  readonly #left = new AbortController();
  /** Of the last page of the trail that was taken: where the next look begins. */
  #trailFrom: string | undefined;
  #asked = '';
  /** How often the stream has told what the job is. */
  #told = 0;
  #asking: ReturnType<typeof setTimeout> | undefined;

  /** Newest first. */
  readonly history = computed(() =>
    [...this.#transitions.value.values()].sort((one, other) => other.seq - one.seq),
  );

  /** When it came to where it is; null where its trail does not say. */
  readonly since = computed(() => {
    const moved = this.history.value.find(
      ({ prev_status, new_status, event_type }) =>
        prev_status !== new_status || event_type === 'failed_again',
    );
    return moved?.recorded_at ?? null;
  });

  constructor(id: string) {
    this.id = id;
    this.live = new Live({
      address: () => `/jobs/${encodeURIComponent(id)}/events?after=${this.#lastSeq}`,
      onRecords: (records) => {
        for (const record of records) this.#takeRecord(record);
      },
      refresh: () => this.refresh(),
    });
    void this.refresh();
  }

  dispose(): void {
    this.#left.abort();
    this.live.dispose();
    clearTimeout(this.#asking);
  }

  /** Asks for the present; true when it came. */
  async refresh(): Promise<boolean> {
    const { signal } = this.#left;
    const told = this.#told;
    const [job] = await Promise.all([
      ask((client, signal) => client.GET('/jobs/{jobId}', { ...this.#params, signal }), signal),
      this.#askTransitions(),
    ]);
    if (signal.aborted) return false;
    if (!job.ok) {
      if (this.live.refuses(job.refusal, this.job.value !== null)) this.refusal.value = job.refusal;
      return false;
    }
    batch(() => {
      // An open dispatch changes no revision: of the same one, what the stream has brought meanwhile is newer.
      const isOvertaken = told !== this.#told && job.data.revision <= (this.job.value?.revision ?? -1);
      if (!isOvertaken) this.take(job.data, job.response.headers.get('etag') ?? '');
      this.live.resume();
      this.live.confirmed();
    });
    return true;
  }

  /** State by its version: what is not newer than what is known is left alone. */
  take(job: Job, etag: string): void {
    const known = this.job.value;
    if (known !== null && job.revision < known.revision) return;
    this.refusal.value = null;
    this.etag = etag;
    this.job.value = job;
    this.#followUp(job);
  }

  #takeRecord(record: JobRecord): void {
    if (record.type === 'job') {
      this.#told += 1;
      this.take(record.job, record.etag);
    }
    if (record.type === 'transition') this.#takeTransitions([record.transition]);
  }

  #takeTransitions(items: readonly Transition[]): void {
    const known = this.#transitions.value;
    const fresh = items.filter(({ seq }) => !known.has(seq));
    if (fresh.length === 0) return;
    this.#transitions.value = new Map([...known, ...fresh.map((entry) => [entry.seq, entry] as const)]);
  }

  get #lastSeq(): number {
    return Math.max(0, ...this.#transitions.value.keys());
  }

  /** Attempts and versions are not streamed: they are asked for when the job says that something of them is new. */
  #followUp({ status, open_dispatch, manifest, failure }: Job): void {
    const dispatch = open_dispatch && [open_dispatch.dispatch_id, open_dispatch.dispatch_state];
    const what = JSON.stringify([status, dispatch, manifest, failure?.occurred_at, this.#lastSeq]);
    if (what === this.#asked) return;
    const isFirst = this.#asked === '';
    this.#asked = what;
    clearTimeout(this.#asking);
    this.#asking = setTimeout(() => void this.#askParts(), isFirst ? 0 : PAUSE_MS);
  }

  async #askParts(): Promise<void> {
    const { signal } = this.#left;
    const [attempts, versions] = await Promise.all([
      askAll(
        (cursor) =>
          ask(
            (client, signal) =>
              client.GET('/jobs/{jobId}/attempts', { params: { ...this.#path, query: at(cursor) }, signal }),
            signal,
          ),
        5,
      ),
      askAll((cursor) =>
        ask(
          (client, signal) =>
            client.GET('/jobs/{jobId}/artifacts', {
              params: { ...this.#path, query: { ...at(cursor), limit: 100 } },
              signal,
            }),
          signal,
        ),
      ),
    ]);
    batch(() => {
      if (attempts.ok) this.attempts.value = attempts.data;
      if (versions.ok) this.versions.value = versions.data;
    });
    // What could not be asked is asked again with the next look.
    if (!attempts.ok || !versions.ok) this.#asked = '-';
  }

  /** From the last page that is known: pages follow each other by the list's own cursors, and only the last one grows. */
  #askTransitions(): Promise<unknown> {
    return askAll(async (cursor = this.#trailFrom) => {
      const page = await ask(
        (client, signal) =>
          client.GET('/jobs/{jobId}/transitions', {
            params: { ...this.#path, query: { ...at(cursor), limit: 100 } },
            signal,
          }),
        this.#left.signal,
      );
      if (page.ok) {
        this.#trailFrom = cursor;
        this.#takeTransitions(page.data.items);
      }
      return page;
    });
  }

  get #path() {
    return { path: { jobId: this.id } };
  }

  get #params() {
    return { params: this.#path };
  }
}

const at = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor });
