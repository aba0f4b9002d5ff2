// The present of a job in SQL: the view that a command needs, and the commit. The job and its two newest dispatches are read once
// per awakening, since this object is their only writer; the earlier dispatches have a table, made with the first of them.
import { type Attempt, attemptOf, type StageRun, stageRunsOf } from '../domain/attempts.ts';
import type { Command } from '../domain/commands.ts';
import type { Changes, JobView } from '../domain/decision.ts';
import { type Dispatch, isOpen, isWithdrawn, requestKeyOf } from '../domain/dispatch.ts';
import { brokenInvariant } from '../domain/invariants.ts';
import type { ArtifactVersion, Job } from '../domain/job.ts';
import type { StageName } from '../domain/lifecycle.ts';
import { isSameVersion } from '../domain/lineage.ts';
import type { Position } from '../domain/project.ts';
import { DispatchStore } from './dispatch-store.ts';
import { HistoryStore, type PlacedVersion, type ShownTransition } from './history-store.ts';
import { bringUpToDate, type MarkerRow } from './migrate.ts';
import { decodePresent, encodePresent, recentOf, type StoredPresent } from './records.ts';
import { JOB_SCHEMA } from './schema-job.ts';

export class JobStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #history: HistoryStore;
  readonly #earlierOnes: DispatchStore;
  /** What this instance found when it woke, until it is looked at. */
  #found: MarkerRow | null;
  /** Null where this object holds no job. */
  #present: StoredPresent | null = null;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#history = new HistoryStore(storage.sql);
    this.#earlierOnes = new DispatchStore(storage.sql);
    this.#found = bringUpToDate(storage, JOB_SCHEMA);
  }

  /** Null when this object holds no job, or one that is being erased. Reading stores nothing. */
  job(): Job | null {
    const stored = this.stored();
    return stored?.erasure ? null : stored;
  }

  /** The job, for what is still to be done about one that is being erased too. */
  stored(): Job | null {
    return this.#read()?.job ?? null;
  }

  /** The number of the latest entry of the audit trail. */
  get latestSeq(): number {
    return this.#read()?.latestSeq ?? 0;
  }

  /** Fails where this object has been replaced by another meanwhile, which is only found out when storage is touched. */
  touch(): void {
    if (this.#read()) this.#sql.exec('SELECT 1 FROM job').one();
  }

  /** Stores a new job, in tables made for it. */
  create(job: Job): void {
    const present = { job, newest: null, previous: null, earlier: 0, earlierNotices: 0, latestSeq: 0 };
    this.#present = this.#storage.transactionSync(() => {
      assertInvariants(null, present, {});
      this.#sql.exec(JOB_SCHEMA.tables);
      this.#sql.exec(
        'INSERT INTO job (one, schema, record) VALUES (1, ?, ?)',
        JOB_SCHEMA.version,
        encodePresent(present),
      );
      return present;
    });
  }

  /** What `decide` has to see for this command; null when this object holds no job. */
  view(command: Command): JobView | null {
    const job = this.stored();
    if (job === null) return null;
    const view: JobView = {
      job,
      open: this.open(job),
      subject: null,
      subjectSuperseded: false,
      seenEvent: null,
      seenEdit: null,
      notices: [],
    };
    switch (command.type) {
      case 'confirm-upload':
      case 'renew-video':
      case 'change-labels':
      case 'retry-due':
        return view;
      case 'run':
      case 'retry':
      case 'redo':
      case 'export': {
        const { type: kind } = command;
        const clientRequestId = kind === 'run' ? null : command.clientRequestId;
        return { ...view, subject: this.#dispatchByRequest(requestKeyOf({ kind, clientRequestId })) };
      }
      case 'edit-artifact':
        return { ...view, seenEdit: this.#history.edit(command.clientRequestId) };
      case 'cancel':
      case 'abandon':
      case 'erase':
      case 'disown':
        return { ...view, subject: this.#mover(job) };
      case 'callback': {
        const subject = this.dispatch(command.dispatchId);
        return {
          ...view,
          subject,
          subjectSuperseded: subject !== null && !isOpen(subject) && this.#isSuperseded(subject),
          seenEvent: this.#history.event(command.dispatchId, command.eventId),
        };
      }
      case 'report-delivery':
        return { ...view, subject: this.dispatch(command.dispatchId) };
      case 'deadline':
        return { ...view, subject: this.#mover(job), notices: this.notices() };
      default:
        return command satisfies never;
    }
  }

  /** The job's open dispatch. */
  open(job: Job): Dispatch | null {
    return job.openDispatchId === null ? null : this.dispatch(job.openDispatchId);
  }

  newest(): Dispatch | null {
    return this.#read()?.newest ?? null;
  }

  dispatch(id: string): Dispatch | null {
    return this.#recent.find((dispatch) => dispatch.id === id) ?? this.#earlier?.byId(id) ?? null;
  }

  /** The retry that was asked for under this id; of an operation's latest also one that was withdrawn. */
  retryBy(clientRequestId: string): Dispatch | null {
    const latest = this.dispatch(this.job()?.latestOperation?.dispatchId ?? '');
    if (latest?.clientRequestId === clientRequestId) return latest;
    return this.#dispatchByRequest(requestKeyOf({ kind: 'retry', clientRequestId }));
  }

  /** The dispatches whose cancel notice is still to be delivered. */
  notices(): Dispatch[] {
    const earlier = this.#read()?.earlierNotices ? this.#earlier?.notified() : [];
    return [...this.#recent.filter(isNotified), ...(earlier ?? [])];
  }

  /** Newest first; `before` is the last one of the page before. */
  dispatches(before: Position | null, limit: number): Dispatch[] {
    // Creation times rise strictly, so they alone tell the order.
    const createdAt = before?.createdAt ?? Number.MAX_SAFE_INTEGER;
    const first = this.#recent.filter((dispatch) => dispatch.createdAt < createdAt).slice(0, limit);
    const left = limit - first.length;
    return [...first, ...(this.#earlier?.before(createdAt, left) ?? [])];
  }

  /** As `dispatches`, each with what its history says. */
  attempts(before: Position | null, limit: number): Attempt[] {
    return this.dispatches(before, limit).map((dispatch) =>
      attemptOf(dispatch, this.#history.pastOf(dispatch.id)),
    );
  }

  /** When the stages of the newest dispatches began and ended; the newest dispatch first. */
  stageRuns(limit: number): (readonly StageRun[])[] {
    return this.dispatches(null, limit).map(({ id }) => stageRunsOf(this.#history.trailOf(id)));
  }

  /** Every version of every artifact, oldest first; `after` is the place of the last one of the page before. */
  versions(after: PlacedVersion['place'] | null, limit: number): PlacedVersion[] {
    return this.#read() ? this.#history.versions(after, limit) : [];
  }

  /** One version, as it is at hand, else as it was made; null where there is none. */
  version(stage: StageName, number: number): ArtifactVersion | null {
    const isIt = (known: ArtifactVersion) => isSameVersion(known, { stage, version: number });
    return this.job()?.versions.find(isIt) ?? (this.#read() ? this.#history.version(stage, number) : null);
  }

  /** Those of these references that a version bears, at hand or not. */
  referenced(refs: readonly string[]): Set<string> {
    return this.#read() ? this.#history.referenced(refs) : new Set();
  }

  /** Oldest first; `after` is the last `seq` of the page before. */
  transitions(after: number, limit: number): ShownTransition[] {
    return this.#history.transitions(after, limit).map((entry) => ({
      ...entry,
      operationId: (entry.dispatchId && this.dispatch(entry.dispatchId)?.operationId) || null,
    }));
  }

  /** Stores what was decided from the last view, all or nothing. Throws for what must never be stored. */
  commit(changes: Changes): void {
    const before = this.#read();
    if (!before) throw new Error('only what exists is changed');
    this.#present = this.#storage.transactionSync(() => this.#store(before, changes));
  }

  /** Nothing is left here, nor an alarm. */
  async clear(): Promise<void> {
    await this.#storage.deleteAll();
    this.#present = null;
  }

  #store(before: StoredPresent, changes: Changes): StoredPresent {
    const after = { ...before, job: changes.job ?? before.job };
    const rest: Dispatch[] = [];
    for (const dispatch of changes.updated ?? []) {
      if (dispatch.id === after.newest?.id) after.newest = dispatch;
      else if (dispatch.id === after.previous?.id) after.previous = dispatch;
      else rest.push(dispatch);
    }
    const followed = changes.opened ? after.previous : null;
    if (changes.opened) [after.newest, after.previous] = [changes.opened, after.newest];
    assertInvariants(before, after, changes);

    if (followed) {
      after.earlier = this.#earlierOnes.add(followed, before.earlier);
      if (isNotified(followed)) after.earlierNotices += 1;
    }
    for (const dispatch of rest) this.#earlierOnes.update(dispatch);
    if (rest.length > 0) after.earlierNotices = this.#earlierOnes.notified().length;
    after.latestSeq = this.#history.add(changes, before.latestSeq);
    if (!isSame(before, after)) this.#sql.exec('UPDATE job SET record = ?', encodePresent(after));
    return after;
  }

  #read(): StoredPresent | null {
    if (this.#found !== null) {
      this.#present = decodePresent(String(this.#found.record));
      this.#found = null;
    }
    return this.#present;
  }

  /** The settled dispatch that moved the job last: its pipeline may go on. */
  #mover({ latestCallback }: Job): Dispatch | null {
    const mover = latestCallback && this.dispatch(latestCallback.dispatchId);
    return mover?.state === 'SETTLED' ? mover : null;
  }

  #dispatchByRequest(requestKey: string): Dispatch | null {
    const holds = (recent: Dispatch) => !isWithdrawn(recent) && requestKeyOf(recent) === requestKey;
    return this.#recent.find(holds) ?? this.#earlier?.byRequest(requestKey) ?? null;
  }

  /** Whether a newer dispatch was made and not withdrawn. */
  #isSuperseded({ id, createdAt }: Dispatch): boolean {
    const recent = this.#recent;
    if (recent.some((newer) => newer.createdAt > createdAt && !isWithdrawn(newer))) return true;
    if (recent.some((dispatch) => dispatch.id === id)) return false;
    return this.#earlier?.isStandingAfter(createdAt) ?? false;
  }

  /** The newest dispatch and the one before it, which ride in the job's row. */
  get #recent(): Dispatch[] {
    const present = this.#read();
    return present ? recentOf(present) : [];
  }

  /** The dispatches before those; null where there are none, and no table. */
  get #earlier(): DispatchStore | null {
    return this.#read()?.earlier ? this.#earlierOnes : null;
  }
}

/** What must never be stored is a fault of the code, found before it is written. */
function assertInvariants(before: StoredPresent | null, after: StoredPresent, changes: Changes): void {
  const broken = brokenInvariant(before, after, changes);
  if (broken !== null) throw new Error(`refused to store: ${broken}`);
}

const isNotified = ({ cancelNotice }: Dispatch): boolean => cancelNotice?.state === 'PENDING';

const isSame = (before: StoredPresent, after: StoredPresent): boolean =>
  after.job === before.job &&
  after.newest === before.newest &&
  after.previous === before.previous &&
  after.earlier === before.earlier &&
  after.earlierNotices === before.earlierNotices &&
  after.latestSeq === before.latestSeq;
