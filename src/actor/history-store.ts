// The past of a job in SQL: the reports that were applied and the audit trail, in one table and its pages. Only ever added to.
import type { Metric, Past, PastMove } from '../domain/attempts.ts';
import type { CallbackEvent, Transition } from '../domain/history.ts';
import type { ArtifactVersion } from '../domain/job.ts';
import { decodeVersions, encodeVersions } from './records.ts';

/** Of one dispatch, how many reports are read for what they brought. */
const REPORTS_READ = 50;

type Row = Record<string, SqlStorageValue>;
export type NumberedTransition = Transition & { seq: number };

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
    const next = this.#sql
      .exec<Row>('SELECT * FROM history WHERE dispatch_id = ? AND key = ?', dispatchId, eventId)
      .next();
    return next.done ? null : toEvent(next.value);
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
   * Adds what one decision left: a report and the entries of the audit trail that it brought, or those alone. The entry
   * of the report itself shares its row. Answers the number of the latest entry.
   */
  add(event: CallbackEvent | null, transitions: readonly Transition[], latestSeq: number): number {
    let seq = latestSeq;
    for (const transition of transitions) {
      seq += 1;
      this.#insert(transition.eventId === null ? null : event, transition, seq);
    }
    if (event && !transitions.some(({ eventId }) => eventId === event.eventId)) {
      this.#insert(event, null, null);
    }
    return seq;
  }

  #insert(event: CallbackEvent | null, transition: Transition | null, seq: number | null): void {
    this.#sql.exec(
      `INSERT INTO history (dispatch_id, key, payload_digest, artifacts, versions, seq, event_type, actor, actor_id,
         prev_status, correlation_id, status, occurred_at, recorded_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      event?.dispatchId ?? transition?.dispatchId ?? '',
      event?.eventId ?? ` ${seq}`,
      event?.payloadDigest ?? null,
      event?.artifacts ?? null,
      event?.versions.length ? encodeVersions(event.versions) : null,
      seq,
      transition?.eventType ?? null,
      transition?.actor ?? null,
      transition?.actorId ?? null,
      transition?.prevStatus ?? null,
      transition?.correlationId ?? null,
      event?.status ?? transition?.newStatus ?? null,
      event?.occurredAt ?? transition?.occurredAt ?? null,
      event?.recordedAt ?? transition?.recordedAt ?? null,
    );
  }
}

// Rows are only ever written above, after the assertions of domain/invariants.ts, so their words are taken for what they are.

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
  prevStatus: row.prev_status as Transition['prevStatus'],
  newStatus: row.status as Transition['newStatus'],
  dispatchId: row.dispatch_id === '' ? null : (row.dispatch_id as string),
  eventId: row.payload_digest === null ? null : (row.key as string),
  occurredAt: row.occurred_at as number,
  recordedAt: row.recorded_at as number,
  correlationId: row.correlation_id as string | null,
});
