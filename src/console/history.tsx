// What happened, newest first, with who did it: the audit trail, and between it what was asked for.
import { useSignal } from '@preact/signals';
import type { Attempt, Transition, Version } from './api.ts';
import type { JobData } from './job-data.ts';
import { to } from './router.ts';
import { type Actor, Id, Time, Who } from './shown.tsx';
import { KINDS, RESUME_POINTS, statusWords, versionName } from './words.ts';

const SHOWN_AT_FIRST = 20;

interface Entry {
  key: string;
  at: string;
  who: Actor;
  what: string;
  request: string | null;
  /** That asked for it. */
  operation: string | null;
}

export function History({ data }: { data: JobData }) {
  const isWhole = useSignal(false);
  const entries = merged(data.history.value, data.attempts.value ?? [], data.versions.value ?? []);
  if (entries.length === 0) return null;
  const shown = isWhole.value ? entries : entries.slice(0, SHOWN_AT_FIRST);
  return (
    <section aria-labelledby="history">
      <h2 id="history">What happened</h2>
      <ol class="history">
        {shown.map(({ key, at, who, what, request, operation }) => (
          <li key={key}>
            <Time at={at} always />
            <Who of={who} />
            <span class="what">{what}</span>
            {request && (
              <span class="request">
                {operation ? (
                  <a href={to(`/operations/${operation}`)}>of a bulk retry</a>
                ) : (
                  <>
                    <span class="muted">request</span> <Id id={request} label="request" />
                  </>
                )}
              </span>
            )}
          </li>
        ))}
      </ol>
      {shown.length < entries.length && (
        <button
          type="button"
          onClick={() => {
            isWhole.value = true;
          }}
        >
          Show all {entries.length}
        </button>
      )}
    </section>
  );
}

const PIPELINE: Actor = { actor_id: 'pipeline', actor_name: null };

function merged(
  transitions: readonly Transition[],
  attempts: readonly Attempt[],
  versions: readonly Version[],
): Entry[] {
  const byDispatch = new Map(attempts.map((attempt) => [attempt.dispatch.dispatch_id, attempt]));
  const asked = attempts.map(
    ({ dispatch }): Entry => ({
      key: dispatch.dispatch_id,
      at: dispatch.created_at,
      who: dispatch,
      what: `${KINDS[dispatch.kind].toLowerCase()} with ${dispatch.model_profile}${
        dispatch.resume_from_status ? `, from ${RESUME_POINTS[dispatch.resume_from_status]}` : ''
      }`,
      request: dispatch.client_request_id,
      operation: dispatch.operation_id,
    }),
  );
  const happened = transitions.map(
    (entry): Entry => ({
      key: String(entry.seq),
      at: entry.recorded_at,
      who: entry.actor_type === 'orchestrator' ? PIPELINE : entry,
      what: sentence(entry, byDispatch.get(entry.dispatch_id ?? ''), versions),
      request: null,
      operation: null,
    }),
  );
  // Within the trail its own order counts: of the same moment, what came later stands above.
  return [...happened, ...asked].sort((one, other) => other.at.localeCompare(one.at));
}

function sentence(
  { event_type, new_status, prev_status, recorded_at }: Transition,
  attempt: Attempt | undefined,
  versions: readonly Version[],
): string {
  const code = attempt?.failure?.failure_code;
  const why = code === undefined ? '' : `: ${code}`;
  switch (event_type) {
    case 'video_renewed':
      return 'the video’s address changed';
    case 'artifact_edited': {
      const made = versions.find(
        (version) => version.made_by.kind === 'editor' && version.recorded_at === recorded_at,
      );
      return made ? `${versionName(made.stage, made.version)} saved as a correction` : 'a correction saved';
    }
    case 'labels_changed':
      return 'tags or metadata changed';
    case 'failed_again':
      return `failed again${why}`;
    case 'status_changed':
      if (new_status === 'FAILED') return `failed while “${statusWords(prev_status).toLowerCase()}”${why}`;
      return new_status === 'UPLOADED' ? 'video confirmed' : statusWords(new_status).toLowerCase();
  }
}
