// What viewers of a project are told: rows of its list as they change and as they go, how many jobs are in which status, and where the
// operations over them stand. Whoever comes is told the newest page of both lists.
import {
  toCountsRecord,
  toErasedRecord,
  toOperationSummaryRecord,
  toSummaryRecord,
} from '../contract/events.ts';
import { EVERY_JOB } from '../domain/job-filter.ts';
import type { ListedOperation } from '../domain/operation.ts';
import type { JobSummary, Position } from '../domain/project.ts';
import type { ProjectStore } from './project-store.ts';
import type { Owed, Sight } from './viewers.ts';

const PAGE = 50;
const OPERATIONS = 10;
const COUNTS_PAUSE_MS = 1_000;

export interface ProjectTold {
  /** The life of the object in which the viewer was told something last: all that is remembered of one is gone with it. */
  life: string | null;
  /** Up to which change of that life. */
  change: number;
  /** As they were told last, and when. */
  counts: string;
  countedAt: number;
}

/** For who knows nothing. */
export const NOTHING_TOLD: ProjectTold = { life: null, change: 0, counts: '', countedAt: 0 };

export class ProjectEvents implements Sight<ProjectTold> {
  readonly #store: ProjectStore;
  readonly #life = crypto.randomUUID();
  #change = 0;
  /** The jobs that changed since all were told: the place of each in the list, and by which change. */
  readonly #changed = new Map<string, { place: Position; change: number }>();
  /** The jobs that have gone since, and the operations that have moved, likewise. */
  readonly #gone = new Map<string, number>();
  readonly #moved = new Map<string, number>();

  constructor(store: ProjectStore) {
    this.#store = store;
  }

  /** After the commit of these rows. */
  changed(summaries: readonly JobSummary[]): void {
    this.#change += 1;
    for (const { id, createdAt } of summaries) {
      this.#changed.set(id, { place: { id, createdAt }, change: this.#change });
    }
  }

  /** After the commit of where it stands. */
  operationMoved(id: string): void {
    this.#change += 1;
    this.#moved.set(id, this.#change);
  }

  /** After the commit by which the job has gone. */
  erased(jobId: string): void {
    this.#change += 1;
    this.#gone.set(jobId, this.#change);
  }

  owed(told: ProjectTold, now: number): Owed<ProjectTold> {
    const rows = this.#rowsSince(told);
    const counts = toCountsRecord(this.#store.counts());
    const areCountsDue = now >= told.countedAt + COUNTS_PAUSE_MS || now < told.countedAt;
    const isTold = counts === told.counts;
    const sends = !isTold && areCountsDue;
    return {
      records: [
        ...rows.map(toSummaryRecord),
        ...this.#goneSince(told).map(toErasedRecord),
        ...(sends ? [counts] : []),
        ...this.#operationsSince(told).map(toOperationSummaryRecord),
      ],
      told: {
        life: this.#life,
        change: this.#change,
        counts: sends ? counts : told.counts,
        countedAt: sends ? now : told.countedAt,
      },
      moreAt: isTold || sends ? null : told.countedAt + COUNTS_PAUSE_MS,
    };
  }

  allTold(): void {
    this.#changed.clear();
    this.#gone.clear();
    this.#moved.clear();
  }

  /** As they are stored: a push that came too late has changed nothing. */
  #rowsSince(told: ProjectTold): JobSummary[] {
    if (told.life === null) return this.#store.page(EVERY_JOB, null, PAGE).items;
    const since = this.#since(told);
    return [...this.#changed.values()]
      .filter((changed) => changed.change > since)
      .flatMap(({ place }) => this.#store.summary(place) ?? []);
  }

  /** Who knows nothing has no row that would have to go. */
  #goneSince(told: ProjectTold): string[] {
    return told.life === null ? [] : this.#idsSince(told, this.#gone);
  }

  #operationsSince(told: ProjectTold): ListedOperation[] {
    if (told.life === null) return this.#store.operations.page(null, OPERATIONS);
    return this.#idsSince(told, this.#moved).flatMap((id) => this.#store.operations.byId(id) ?? []);
  }

  #idsSince(told: ProjectTold, changes: ReadonlyMap<string, number>): string[] {
    const since = this.#since(told);
    return [...changes].filter(([, change]) => change > since).map(([id]) => id);
  }

  /** The change up to which the viewer was told everything: of another life it is none of those that are remembered. */
  #since({ life, change }: ProjectTold): number {
    return life === this.#life ? change : 0;
  }
}
