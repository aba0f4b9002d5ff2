// What is known of one project and its jobs. Rows change in place; new ones wait until they are asked for, so that nothing moves under
// a pointer.
import { batch, computed, type Signal, signal } from '@preact/signals';
import {
  ask,
  type JobSummary,
  type OperationSummary,
  type Project,
  type Refusal,
  type Schemas,
} from './api.ts';
import { type Filter, fits, isOpen, MOST_SELECTED, toQuery } from './filter.ts';
import { Live } from './live.ts';

type ProjectRecord = Schemas['ProjectEvents']['records'][number];

export class ProjectData {
  readonly id: string;
  readonly filter: Filter;
  readonly project: Signal<Project | null> = signal(null);
  readonly refusal: Signal<Refusal | null> = signal(null);
  /** Null until the first page is there. */
  readonly rows: Signal<readonly JobSummary[] | null> = signal(null);
  /** Those that have come since, and would be shown. */
  readonly waiting: Signal<ReadonlyMap<string, JobSummary>> = signal(new Map());
  /** Where the next page begins. */
  readonly next: Signal<string | null> = signal(null);
  readonly isLoadingMore = signal(false);
  readonly moreRefusal: Signal<Refusal | null> = signal(null);
  /** Jobs by status; null where nobody says. */
  readonly counts: Signal<Schemas['JobCounts'] | null> = signal(null);
  /** Newest first; null until somebody says. */
  readonly operations: Signal<readonly OperationSummary[] | null> = signal(null);
  /** Ids of jobs. They are gone with the filter under which they were selected. */
  readonly selected: Signal<ReadonlySet<string>> = signal(new Set());
  readonly live: Live<ProjectRecord>;
  /** Jobs that were erased: an answer that was on its way may still have them. */
  readonly #gone = new Set<string>();
  readonly #left = new AbortController();

  readonly newCount = computed(() => this.waiting.value.size);

  constructor(id: string, filter: Filter) {
    this.id = id;
    this.filter = filter;
    this.live = new Live({
      address: () => `/projects/${encodeURIComponent(id)}/events`,
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
  }

  async refresh(): Promise<boolean> {
    const { signal } = this.#left;
    const told = this.counts.peek();
    const [project, page, operations, counts] = await Promise.all([
      ask(
        (client, signal) =>
          client.GET('/projects/{projectId}', { params: { path: { projectId: this.id } }, signal }),
        signal,
      ),
      this.#askPage(undefined),
      ask(
        (client, signal) =>
          client.GET('/projects/{projectId}/operations', {
            params: { path: { projectId: this.id }, query: { limit: 10 } },
            signal,
          }),
        signal,
      ),
      // Later the stream tells them.
      told === null || this.live.isStale
        ? ask(
            (client, signal) =>
              client.GET('/projects/{projectId}/counts', {
                params: { path: { projectId: this.id } },
                signal,
              }),
            signal,
          )
        : null,
    ]);
    if (signal.aborted) return false;
    batch(() => {
      if (operations.ok) for (const operation of operations.data.items) this.#takeOperation(operation);
      if (counts?.ok && told === this.counts.peek()) this.counts.value = counts.data;
      if (project.ok) this.project.value = project.data;
      if (page.ok) {
        this.refusal.value = null;
        if (this.rows.value === null) this.#begin(page.data.items, page.data.next_cursor);
        else for (const summary of page.data.items) this.take(summary);
        this.live.resume();
        this.live.confirmed();
      } else if (this.live.refuses(page.refusal, this.rows.peek() !== null))
        this.refusal.value = page.refusal;
    });
    return page.ok;
  }

  async more(): Promise<void> {
    const cursor = this.next.value;
    if (cursor === null || this.isLoadingMore.value) return;
    this.isLoadingMore.value = true;
    const page = await this.#askPage(cursor);
    batch(() => {
      this.isLoadingMore.value = false;
      this.moreRefusal.value = page.ok ? null : page.refusal;
      if (!page.ok) return;
      const rows = this.rows.value ?? [];
      const known = new Set([...this.#gone, ...rows.map(({ id }) => id)]);
      this.rows.value = [...rows, ...page.data.items.filter(({ id }) => !known.has(id))];
      this.next.value = page.data.next_cursor;
    });
  }

  /** A row that is shown changes where it is; another one waits. */
  take(summary: JobSummary): void {
    if (this.#gone.has(summary.id)) return;
    const rows = this.rows.value ?? [];
    const place = rows.findIndex(({ id }) => id === summary.id);
    const known = rows[place];
    if (known) {
      if (known.updated_at <= summary.updated_at) this.rows.value = rows.with(place, summary);
      return;
    }
    const isWanted = fits(this.filter, summary);
    // Older ones are on a page that was not asked for.
    const isHere = this.next.value === null || summary.created_at >= (rows.at(-1)?.created_at ?? '');
    const waiting = new Map(this.waiting.value);
    if (isWanted && (isHere || !isOpen(this.filter))) waiting.set(summary.id, summary);
    else waiting.delete(summary.id);
    this.waiting.value = waiting;
  }

  /** A row of one's own making is shown at once. */
  show(summary: JobSummary): void {
    this.rows.value = [summary, ...(this.rows.value ?? []).filter(({ id }) => id !== summary.id)];
  }

  showNew(): void {
    const fresh = [...this.waiting.value.values()].sort((one, other) =>
      other.created_at.localeCompare(one.created_at),
    );
    batch(() => {
      this.rows.value = [...fresh, ...(this.rows.value ?? [])];
      this.waiting.value = new Map();
    });
  }

  /** The first page, and what has been heard before it came. */
  #begin(items: readonly JobSummary[], next: string | null): void {
    const early = this.waiting.value;
    this.waiting.value = new Map();
    this.rows.value = items.filter(({ id }) => !this.#gone.has(id));
    this.next.value = next;
    for (const summary of early.values()) this.take(summary);
  }

  #takeRecord(record: ProjectRecord): void {
    if (record.type === 'summary') this.take(record.summary);
    if (record.type === 'erased') this.#drop(record.job_id);
    if (record.type === 'counts') this.counts.value = record.counts;
    if (record.type === 'operation') this.#takeOperation(record.operation);
  }

  #drop(jobId: string): void {
    this.#gone.add(jobId);
    this.select([jobId], false);
    this.rows.value = this.rows.value?.filter(({ id }) => id !== jobId) ?? null;
    this.waiting.value = new Map([...this.waiting.value].filter(([id]) => id !== jobId));
  }

  #takeOperation(operation: OperationSummary): void {
    const others = (this.operations.value ?? []).filter(({ id }) => id !== operation.id);
    this.operations.value = [operation, ...others].sort((one, other) =>
      other.created_at.localeCompare(one.created_at),
    );
  }

  select(ids: readonly string[], isSelected: boolean): void {
    const selected = new Set(this.selected.value);
    for (const id of ids) {
      if (!isSelected) selected.delete(id);
      else if (selected.size < MOST_SELECTED) selected.add(id);
    }
    this.selected.value = selected;
  }

  #askPage(cursor: string | undefined) {
    const query = {
      limit: 50,
      ...toQuery(this.filter),
      ...(cursor === undefined ? {} : { cursor }),
    };
    return ask(
      (client, signal) =>
        client.GET('/projects/{projectId}/jobs', {
          params: { path: { projectId: this.id }, query },
          signal,
        }),
      this.#left.signal,
    );
  }
}
