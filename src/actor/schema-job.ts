// The tables of a job, as plain text: what an object made once never changes with the code, so this names no word of it.
// A version that has shipped is never edited: a change is a step, and what new objects get besides.
import type { Schema } from './migrate.ts';

/**
 * 1 → 2: what was a checkpoint is a version of its stage's artifact, numbered as they were made, and made from the newest of
 * the stage before that there was then. An artifact that was named and whose stage was never passed is an incomplete one.
 */
const VERSIONS_OF_CHECKPOINTS = `
  ALTER TABLE history RENAME COLUMN checkpoints TO versions;
  CREATE TABLE stage_of_before AS
    SELECT column1 AS place, column2 AS stage, column3 AS checkpoint, column4 AS field, column5 AS sent FROM (VALUES
      (1, 'audio', 'AUDIO_READY', 'audioUri', 'audio_uri'),
      (2, 'transcript', 'TRANSCRIPT_READY', 'transcriptUri', 'transcript_uri'),
      (3, 'draft', 'DRAFT_READY', 'draftUri', 'draft_uri'));
  CREATE TABLE version_of_before AS
    WITH reached AS (
      SELECT h.dispatch_id, h.key, h.recorded_at, h.seq, s.place, c.value AS made, 1 AS is_complete
      FROM history h, json_each(h.versions, '$.checkpoints') c
      JOIN stage_of_before s ON s.checkpoint = c.value ->> '$.status'
    ), named AS (
      SELECT h.dispatch_id, h.key, h.recorded_at, h.seq, s.place,
        json_object('ref', h.artifacts ->> ('$.' || s.sent), 'dispatchId', h.dispatch_id,
          'modelProfile', j.record ->> '$.newest.modelProfile', 'policyVersion', j.record ->> '$.newest.policyVersion',
          'engine', j.record ->> ('$.newest.engines.' || s.stage), 'recordedAt', h.recorded_at) AS made,
        0 AS is_complete,
        row_number() OVER (PARTITION BY s.place ORDER BY h.recorded_at DESC) AS latest
      FROM job j, stage_of_before s JOIN history h ON h.artifacts ->> ('$.' || s.sent) = j.record ->> ('$.job.manifest.' || s.field)
      WHERE j.record ->> ('$.job.manifest.' || s.field) IS NOT j.record ->> ('$.job.checkpoints.' || s.checkpoint || '.ref')
    ), all_of_them AS (
      SELECT * FROM reached
      UNION ALL SELECT dispatch_id, key, recorded_at, seq, place, made, is_complete FROM named WHERE latest = 1
    )
    SELECT *, row_number() OVER (PARTITION BY place ORDER BY recorded_at, seq) AS version FROM all_of_them;
  CREATE TABLE record_of_before AS
    SELECT v.dispatch_id, v.key, v.recorded_at, v.place, v.version AS number,
      max(v.version) OVER (PARTITION BY v.place) - 16 AS oldest, json_object(
      'stage', s.stage, 'version', v.version, 'ref', v.made ->> '$.ref',
      'digest', v.made ->> '$.digest', 'sizeBytes', v.made ->> '$.sizeBytes',
      'madeBy', json_object('kind', 'pipeline', 'dispatchId', v.made ->> '$.dispatchId',
        'modelProfile', v.made ->> '$.modelProfile', 'policyVersion', v.made ->> '$.policyVersion',
        'engine', v.made ->> '$.engine', 'isOfBefore', json('true')),
      'madeFrom', (SELECT max(source.version) FROM version_of_before source
        WHERE source.place = v.place - 1 AND source.recorded_at <= v.recorded_at),
      'isComplete', json(iif(v.is_complete, 'true', 'false')), 'recordedAt', v.recorded_at) AS version
    FROM version_of_before v JOIN stage_of_before s ON s.place = v.place
    ORDER BY v.recorded_at, v.place, v.version;
  UPDATE history SET versions = (
    SELECT json_object('v', 2, 'versions', json_group_array(json(r.version))) FROM record_of_before r
    WHERE r.dispatch_id = history.dispatch_id AND r.key = history.key)
  WHERE EXISTS (SELECT 1 FROM record_of_before r WHERE r.dispatch_id = history.dispatch_id AND r.key = history.key);
  UPDATE job SET record = json_set(record, '$.job.failure.modelProfile', record ->> '$.newest.modelProfile')
  WHERE json_type(record, '$.job.failure') = 'object'
    AND record ->> '$.newest.state' IN ('FAILED', 'TIMED_OUT', 'CANCELLED');
  UPDATE job SET record = json_set(json_remove(record, '$.job.checkpoints'), '$.v', 2,
    '$.job.versions', (SELECT json_group_array(json(r.version)) FROM record_of_before r WHERE r.number > r.oldest OR EXISTS (
      SELECT 1 FROM record_of_before made WHERE made.number > made.oldest AND made.place = r.place + 1
        AND made.version ->> '$.madeFrom' = r.number)));
  DROP TABLE record_of_before; DROP TABLE version_of_before; DROP TABLE stage_of_before;`;

/** 2 → 3: versions that people made, and dispatches of kinds that code of before does not know. There is nothing to rewrite. */
const EDITS = `UPDATE job SET record = json_set(record, '$.v', 3);`;

/** 3 → 4: a job that is being erased, which code of before would show. There is nothing to rewrite. */
const ERASURE = `UPDATE job SET record = json_set(record, '$.v', 4);`;

/** 4 → 5: what whoever did it is called, beside their id; of those of before nobody has said it. */
const NAMES = `ALTER TABLE history ADD COLUMN actor_name TEXT;`;

/** 5 → 6: the dispatch before the newest rides in the record too. Of those of before it stays where it is. */
const PREVIOUS_DISPATCH = `UPDATE job SET record = json_set(record, '$.v', 5);`;

// An edit's row in the history has the id of its request as its key, and its digest, as a report's has.
export const JOB_SCHEMA: Schema = {
  marker: 'job',
  version: 6,
  tables: `
  -- The present, one row: the job, its two newest dispatches and what is counted of the rest (actor/records.ts).
  CREATE TABLE job (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    schema INTEGER NOT NULL,
    record TEXT NOT NULL
  );
  -- The past, one row per applied report or other entry of the audit trail: what makes a repeat recognisable, every
  -- version of every artifact, and the trail.
  CREATE TABLE history (
    -- The pipeline's, whose reports lie together; empty for what no pipeline did.
    dispatch_id TEXT NOT NULL,
    -- The report's id; of any other entry its number, behind a blank that no report's id has.
    key TEXT NOT NULL,
    -- Of a report.
    payload_digest TEXT,
    artifacts TEXT,
    versions TEXT,
    -- Of an entry of the audit trail.
    seq INTEGER,
    event_type TEXT,
    actor TEXT,
    actor_id TEXT,
    actor_name TEXT,
    prev_status TEXT,
    correlation_id TEXT,
    -- Of both.
    status TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (dispatch_id, key)
  ) WITHOUT ROWID;`,
  steps: [VERSIONS_OF_CHECKPOINTS, EDITS, ERASURE, NAMES, PREVIOUS_DISPATCH],
};

/** Every dispatch but the two newest. Most jobs have no more than those, so this is made with the third. */
export const EARLIER_DISPATCHES = `
  CREATE TABLE dispatch (
    -- The request that made the dispatch, by which a repeat is recognised; a withdrawn one has freed it, and is kept under a
    -- name that no request has.
    request_key TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    cancel_state TEXT,
    record TEXT NOT NULL
  ) WITHOUT ROWID;`;

/** For a job with more of them than a look-up may go through. */
export const MANY_EARLIER_DISPATCHES = `
  CREATE INDEX IF NOT EXISTS dispatch_by_id ON dispatch (id);
  CREATE INDEX IF NOT EXISTS dispatch_by_creation ON dispatch (created_at);
  CREATE INDEX IF NOT EXISTS dispatch_by_notice ON dispatch (cancel_state) WHERE cancel_state = 'PENDING';`;
