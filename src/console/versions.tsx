// Every version of every artifact: who made it, from what, which one counts, and which a correction has overtaken.
import { useSignal } from '@preact/signals';
import type { Job, Version } from './api.ts';
import { size } from './clock.ts';
import type { JobData } from './job-data.ts';
import { to } from './router.ts';
import { Reference, Time, Who } from './shown.tsx';
import { Skeleton } from './states.tsx';
import { STAGE_ORDER, STAGES, type Stage, versionName } from './words.ts';

export function Versions({ data, job }: { data: JobData; job: Job }) {
  const all = data.versions.value;
  if (all === null) return <Skeleton rows={3} />;
  if (all.length === 0) return null;
  const groups = STAGE_ORDER.map(
    (stage) => [stage, all.filter((version) => version.stage === stage)] as const,
  );
  return (
    <section aria-labelledby="versions">
      <h2 id="versions">Versions</h2>
      {groups
        .filter(([, versions]) => versions.length > 0)
        .toReversed()
        .map(([stage, versions]) => (
          <ul key={stage} class="versions" aria-label={STAGES[stage]}>
            {versions.toReversed().map((version) => (
              <Row key={version.version} version={version} job={job} />
            ))}
          </ul>
        ))}
    </section>
  );
}

const STATES: Readonly<Record<Version['state'], string | null>> = {
  complete: null,
  incomplete: 'never finished',
  overwritten: 'written over',
  retired: 'too old to be used again',
};

/** From which version of which stage it was made; a correction, from what it corrects. */
function madeFrom({ stage, made_by, made_from }: Version): string | null {
  if (made_by.kind === 'editor') return `from ${versionName(stage, made_by.edits).toLowerCase()}`;
  const before = STAGE_ORDER[STAGE_ORDER.indexOf(stage) - 1];
  return before === undefined || made_from === null
    ? null
    : `from ${versionName(before, made_from).toLowerCase()}`;
}

function Row({ version, job }: { version: Version; job: Job }) {
  const isOpen = useSignal(false);
  const { stage, made_by, ref, size_bytes, stale, recorded_at } = version;
  const counts = job.manifest[`${stage}_uri`] === ref && version.state === 'complete';
  const edit = job.next_actions.find(
    ({ action, allowed, path, body }) =>
      allowed && action === 'edit' && path.endsWith(`/${stage}`) && body?.edits === version.version,
  );
  const tags = [counts ? 'in use' : null, stale ? 'overtaken by a correction' : null, STATES[version.state]];
  return (
    <li>
      <p class="version-name">
        <b>{versionName(stage, version.version)}</b>
        {tags.filter(Boolean).map((tag) => (
          <span key={tag} class="tag">
            {tag}
          </span>
        ))}
      </p>
      <p class="version-by">
        {made_by.kind === 'editor' ? (
          <>
            corrected by <Who of={made_by} />
          </>
        ) : (
          <>
            {made_by.engine ?? 'the pipeline'} <span class="muted">({made_by.model_profile})</span>
          </>
        )}
        {madeFrom(version) && <span>, {madeFrom(version)}</span>}
        <span class="muted">
          {' · '}
          <Time at={recorded_at} />
          {size_bytes !== null && <span class="whole"> · {size(size_bytes)}</span>}
        </span>
      </p>
      <p class="version-acts">
        {isText(stage) && (
          <a href={to(`/jobs/${job.id}/read/${stage}/${version.version}`)}>
            Read<span class="unseen"> {versionName(stage, version.version)}</span>
          </a>
        )}
        {edit && (
          <a href={to(`/jobs/${job.id}/edit/${stage}`)}>
            Correct<span class="unseen"> {versionName(stage, version.version)}</span>
          </a>
        )}
        <button
          type="button"
          class="plain"
          aria-expanded={isOpen.value}
          aria-controls={`where-${stage}-${version.version}`}
          onClick={() => {
            isOpen.value = !isOpen.value;
          }}
        >
          Location<span class="unseen"> of {versionName(stage, version.version)}</span>
        </button>
      </p>
      {isOpen.value && (
        <div class="version-ref" id={`where-${stage}-${version.version}`}>
          <Reference uri={ref} what={`the address of ${versionName(stage, version.version)}`} />
        </div>
      )}
    </li>
  );
}

const isText = (stage: Stage): boolean => stage !== 'audio';
