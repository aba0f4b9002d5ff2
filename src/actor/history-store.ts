// The past of a job in SQL: the reports that were applied and the audit trail, in one table and its pages. Only ever added to.
import type { Metric, Past, PastMove } from '../domain/attempts.ts';
import type { Changes } from '../domain/decision.ts';
import type { CallbackEvent, RecordedEdit, Transition } from '../domain/history.ts';
import type { ArtifactVersion } from '../domain/job.ts';
import type { StageName } from '../domain/lifecycle.ts';
import { decodeVersions, encodeVersions } from './records.ts';

/** Of one dispatch, how many reports are read for what they brought. */
const REPORTS_READ = 50;

/** The pipeline of what no pipeline did. */
const NO_DISPATCH = '';
const EDITED: Transition['eventType'] = 'artifact_edited';

type Row = Record<string, SqlStorageValue>;
type NumberedTransition = Transition & { seq: number };
/** Also with the operation that asked for its dispatch. */
export type ShownTransition = NumberedTransition & { operationId: string | null };

/** A version, and where in the history it was made. */
export interface PlacedVersion {
  made: ArtifactVersion;
  place: {
    recordedAt: number;
    dispatchId: string;
    key: string;
    /** Which of the versions of one report. */
    index: number;
  };
}

export class HistoryStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The report of this dispatch that was applied under this id. */
  event(dispatchId: string, eventId: string): CallbackEvent | null {
    const row = this.#row(dispatchId, eventId);
    return row && toEvent(row);
  }

  /** The edit that was made under this request id. */
  edit(clientRequestId: string): RecordedEdit | null {
    const row = this.#row(NO_DISPATCH, clientRequestId);
    return row && toEdit(row);
  }

  #row(dispatchId: string, key: string): Row | null {
    const next = this.#sql
      .exec<Row>('SELECT * FROM history WHERE dispatch_id = ? AND key = ?', dispatchId, key)
      .next();
    return next.done ? null : next.value;
  }

  /** One version, as it was made. */
  version(stage: StageName, number: number): ArtifactVersion | null {
    const next = this.#sql
      .exec<{ version: string }>(
        `SELECT v.value AS version FROM history, json_each(history.versions, '$.versions') v
         WHERE v.value ->> '$.stage' = ? AND v.value ->> '$.version' = ? LIMIT 1`,
        stage,
        number,
      )
      .next();
    return next.done ? null : JSON.parse(next.value.version);
  }

  /** Those of these references that a version was made with. */
  referenced(refs: readonly string[]): Set<string> {
    const rows = this.#sql.exec<{ ref: string }>(
      `SELECT DISTINCT v.value ->> '$.ref' AS ref FROM history, json_each(history.versions, '$.versions') v
       WHERE v.value ->> '$.ref' IN (SELECT value FROM json_each(?))`,
      JSON.stringify(refs),
    );
    return new Set(rows.toArray().map(({ ref }) => ref));
  }

  /** Oldest first; `after` is the last `seq` of the page before. */
  transitions(after: number, limit: number): NumberedTransition[] {
    return this.#sql
      .exec<Row>('SELECT * FROM history WHERE seq > ? ORDER BY seq LIMIT ?', after, limit)
      .toArray()
      .map(toTransition);
  }

  /** What one dispatch left: its trail, and what its last reports brought and made. */
  pastOf(dispatchId: string): Past {
    const brought = this.#lastOf(dispatchId, 'artifacts').map((text) => metricsOf(text));
    const made = this.#lastOf(dispatchId, 'versions').flatMap((text) => decodeVersions(text));
    return { trail: this.trailOf(dispatchId), metrics: brought, versions: made };
  }

  /** The changes of status that one dispatch brought, oldest first. */
  trailOf(dispatchId: string): PastMove[] {
    return this.#sql
      .exec<Row>(
        `SELECT prev_status, status, recorded_at FROM history
         WHERE dispatch_id = ? AND seq IS NOT NULL ORDER BY seq`,
        dispatchId,
      )
      .toArray()
      .map((row) => ({
        prevStatus: row.prev_status as PastMove['prevStatus'],
        status: row.status as PastMove['status'],
        recordedAt: row.recorded_at as number,
      }));
  }

  /** Oldest first. A pipeline may report a thousand times, each time at length: what came last says enough. */
  #lastOf(dispatchId: string, column: 'artifacts' | 'versions'): string[] {
    return this.#sql
      .exec<{ text: string }>(
        `SELECT ${column} AS text FROM history
         WHERE dispatch_id = ? AND ${column} IS NOT NULL ORDER BY recorded_at DESC, seq DESC LIMIT ?`,
        dispatchId,
        REPORTS_READ,
      )
      .toArray()
      .map(({ text }) => text)
      .reverse();
  }

  /** Oldest first; `after` is the place of the last one of the page before. */
  versions(after: PlacedVersion['place'] | null, limit: number): PlacedVersion[] {
    const { recordedAt, dispatchId, key, index } = after ?? NOWHERE;
    const rows = this.#sql
      .exec<Row>(
        `SELECT dispatch_id, key, recorded_at, versions FROM history
         WHERE versions IS NOT NULL AND (recorded_at, dispatch_id, key) >= (?, ?, ?)
         ORDER BY recorded_at, dispatch_id, key LIMIT ?`,
        recordedAt,
        dispatchId,
        key,
        limit + 1,
      )
      .toArray();
    const isPast = ({ place }: PlacedVersion): boolean =>
      place.dispatchId !== dispatchId || place.key !== key || place.index > index;
    return rows.flatMap(toPlaced).filter(isPast).slice(0, limit);
  }

  /**
   * Adds what one decision left: a report or an edit and the entries of the audit trail that it brought, or those alone. The
   * entry of the report or edit itself shares its row. Answers the number of the latest entry.
   */
  add({ event, edit, transitions = [] }: Changes, latestSeq: number): number {
    let seq = latestSeq;
    let left = event ? ofReport(event) : edit ? ofEdit(edit) : null;
    for (const transition of transitions) {
      seq += 1;
      const isItsOwn = transition.eventId !== null || transition.eventType === EDITED;
      this.#insert(isItsOwn ? left : null, transition, seq);
      if (isItsOwn) left = null;
    }
    if (left) this.#insert(left, null, null);
    return seq;
  }

  #insert(brought: Brought | null, transition: Transition | null, seq: number | null): void {
    this.#sql.exec(
      `INSERT INTO history (dispatch_id, key, payload_digest, artifacts, versions, seq, event_type, actor, actor_id,
         actor_name, prev_status, correlation_id, status, occurred_at, recorded_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      brought?.dispatchId ?? transition?.dispatchId ?? NO_DISPATCH,
      brought?.key ?? ` ${seq}`,
      brought?.payloadDigest ?? null,
      brought?.artifacts ?? null,
      brought?.versions.length ? encodeVersions(brought.versions) : null,
      seq,
      transition?.eventType ?? null,
      transition?.actor ?? null,
      transition?.actorId ?? null,
      transition?.actorName ?? null,
      transition?.prevStatus ?? null,
      transition?.correlationId ?? null,
      brought?.status ?? transition?.newStatus ?? null,
      brought?.occurredAt ?? transition?.occurredAt ?? null,
      brought?.recordedAt ?? transition?.recordedAt ?? null,
    );
  }
}

/** What a report or an edit has in its row: by what a repeat is known, and what it brought. */
interface Brought extends Pick<CallbackEvent, 'dispatchId' | 'payloadDigest' | 'versions'> {
  key: string;
  artifacts: string | null;
  /** Null for what the entry of the audit trail says. */
  status: CallbackEvent['status'] | null;
  occurredAt: number | null;
  recordedAt: number | null;
}

const ofReport = ({ eventId, ...event }: CallbackEvent): Brought => ({ ...event, key: eventId });

const ofEdit = ({ clientRequestId, payloadDigest, version }: RecordedEdit): Brought => ({
  dispatchId: NO_DISPATCH,
  key: clientRequestId,
  payloadDigest,
  artifacts: null,
  versions: [version],
  status: null,
  occurredAt: null,
  recordedAt: null,
});

// Rows are only ever written above, after the assertions of domain/invariants.ts, so their words are taken for what they are.

const toEdit = (row: Row): RecordedEdit | null => {
  const [version] = row.versions === null ? [] : decodeVersions(row.versions as string);
  const said = { clientRequestId: row.key as string, payloadDigest: row.payload_digest as string };
  return version ? { ...said, version } : null;
};

const toEvent = (row: Row): CallbackEvent => ({
  eventId: row.key as string,
  dispatchId: row.dispatch_id as string,
  payloadDigest: row.payload_digest as string,
  status: row.status as CallbackEvent['status'],
  occurredAt: row.occurred_at as number,
  recordedAt: row.recorded_at as number,
  artifacts: row.artifacts as string | null,
  versions: row.versions === null ? [] : decodeVersions(row.versions as string),
});

const NOWHERE: PlacedVersion['place'] = { recordedAt: 0, dispatchId: '', key: '', index: -1 };

const toPlaced = (row: Row): PlacedVersion[] =>
  decodeVersions(row.versions as string).map((made, index) => ({
    made,
    place: {
      recordedAt: row.recorded_at as number,
      dispatchId: row.dispatch_id as string,
      key: row.key as string,
      index,
    },
  }));

const metricsOf = (artifacts: string): Record<string, Metric> => JSON.parse(artifacts).metrics ?? {};

const toTransition = (row: Row): NumberedTransition => ({
  seq: row.seq as number,
  eventType: row.event_type as Transition['eventType'],
  actor: row.actor as Transition['actor'],
  actorId: row.actor_id as string | null,
  actorName: row.actor_name as string | null,
  prevStatus: row.prev_status as Transition['prevStatus'],
  newStatus: row.status as Transition['newStatus'],
  dispatchId: row.dispatch_id === NO_DISPATCH ? null : (row.dispatch_id as string),
  eventId: row.payload_digest === null || row.dispatch_id === NO_DISPATCH ? null : (row.key as string),
  occurredAt: row.occurred_at as number,
  recordedAt: row.recorded_at as number,
  correlationId: row.correlation_id as string | null,
});
