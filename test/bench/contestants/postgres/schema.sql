-- One row a job; its dispatches, the events applied to it and its audit are kept for good. The outbox holds what the
-- orchestrator is not known to have.
CREATE TABLE job (
  id           uuid PRIMARY KEY,
  status       text NOT NULL,
  video_uri    text,
  artifacts    jsonb NOT NULL DEFAULT '{}',
  failure_code text,
  dispatch_id  uuid,
  dispatches   integer NOT NULL DEFAULT 0,
  version      integer NOT NULL DEFAULT 1
);

CREATE TABLE dispatch (
  id                 uuid PRIMARY KEY,
  job_id             uuid NOT NULL REFERENCES job,
  type               text NOT NULL,
  resume_from_status text NOT NULL,
  checkpoint_ref     text NOT NULL,
  model_profile      text NOT NULL,
  -- A retry's, and what it was answered.
  client_request_id  text,
  answer             jsonb,
  accepted_at        timestamptz NOT NULL DEFAULT now(),
  UNIQUE (job_id, client_request_id)
);

CREATE TABLE event (
  job_id      uuid NOT NULL REFERENCES job,
  event_id    text NOT NULL,
  dispatch_id uuid NOT NULL,
  status      text NOT NULL,
  occurred_at timestamptz NOT NULL,
  PRIMARY KEY (job_id, event_id)
);

CREATE TABLE transition (
  job_id      uuid NOT NULL REFERENCES job,
  version     integer NOT NULL,
  from_status text NOT NULL,
  to_status   text NOT NULL,
  at          timestamptz NOT NULL,
  PRIMARY KEY (job_id, version)
);

CREATE TABLE outbox (
  dispatch_id     uuid PRIMARY KEY,
  delivery        jsonb NOT NULL,
  -- Somebody waits to be told that it is delivered.
  is_awaited      boolean NOT NULL,
  attempts        integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_due ON outbox (next_attempt_at);
