// By what the jobs of a project are narrowed: each part a link, so that every filter is an address.
import { useCallback, useRef } from 'preact/hooks';
import type { JobStatus } from './api.ts';
import { type FailureClass, type Filter, isOpen, partsOf, toParams } from './filter.ts';
import { KeyHint, useKey } from './keys.tsx';
import type { ProjectData } from './project-data.ts';
import { go, to } from './router.ts';
import { FAILURE_CAUSES, statusWords } from './words.ts';

/** What people look for, in the order of the pipeline. */
const OFFERED: readonly JobStatus[] = [
  'FAILED',
  'CREATED',
  'UPLOADED',
  'AUDIO_EXTRACTING',
  'TRANSCRIBING',
  'GENERATING',
  'DRAFT_READY',
  'EDITING',
  'REGENERATING',
  'EXPORTING',
  'DONE',
  'CANCELLED',
];

/** With counts where somebody counts. */
export function Filters({ data }: { data: ProjectData }) {
  const { filter } = data;
  const counts = data.counts.value;
  // All of them only where nobody counts: none that has no job comes and goes.
  const isUncounted = counts === null && data.rows.value !== null;
  const statuses = OFFERED.filter(
    (status) => isUncounted || (counts?.by_status[status] ?? 0) > 0 || filter.status.includes(status),
  );
  const classes = (Object.keys(FAILURE_CAUSES) as FailureClass[]).filter(
    (name) => filter.failure_class === null && (counts?.by_failure_class[name] ?? 0) > 0,
  );
  const address = (change: Partial<Filter>) => to(`/projects/${data.id}`, toParams({ ...filter, ...change }));
  /** One more, or one less. */
  const toggled = (status: JobStatus) =>
    filter.status.includes(status)
      ? filter.status.filter((other) => other !== status)
      : [...filter.status, status];
  return (
    <div class="filters">
      <nav class="chips" aria-label="Jobs by status">
        <Chip
          words="All"
          count={counts?.jobs}
          where={to(`/projects/${data.id}`)}
          isCurrent={isOpen(filter)}
        />
        {statuses.map((status) => (
          <Chip
            key={status}
            words={statusWords(status)}
            count={counts?.by_status[status]}
            where={address({ status: toggled(status) })}
            isCurrent={filter.status.includes(status)}
          />
        ))}
      </nav>
      <Search key={filter.external_id} data={data} />
      <nav class="chips" aria-label="Narrower">
        {partsOf(filter).map(({ words, without }) => (
          <a
            key={words}
            class="chip"
            aria-current="true"
            href={to(`/projects/${data.id}`, toParams(without))}
          >
            {words} <span aria-hidden="true">×</span>
            <span class="unseen">, leave it out</span>
          </a>
        ))}
        {classes.map((name) => (
          <Chip
            key={name}
            words={`cause: ${FAILURE_CAUSES[name]}`}
            count={counts?.by_failure_class[name]}
            where={address({ failure_class: name })}
            isCurrent={false}
          />
        ))}
      </nav>
    </div>
  );
}

const Chip = (props: { words: string; count: number | undefined; where: string; isCurrent: boolean }) => (
  <a class="chip" href={props.where} aria-current={props.isCurrent ? 'true' : undefined}>
    {props.words}
    {props.count !== undefined && <span class="count">{props.count.toLocaleString('en')}</span>}
  </a>
);

/** By the id that an editor gave, within what is shown; an id of the service's own leads to what it names. */
function Search({ data }: { data: ProjectData }) {
  const input = useRef<HTMLInputElement>(null);
  useKey(
    '/',
    'Find a job by its external id',
    useCallback(() => input.current?.focus(), []),
  );
  const find = (wanted: string) => {
    const id = encodeURIComponent(wanted);
    if (wanted.startsWith('job_')) go(to(`/jobs/${id}`));
    else if (wanted.startsWith('opr_')) go(to(`/operations/${id}`));
    else go(to(`/projects/${data.id}`, toParams({ ...data.filter, external_id: wanted || null })));
  };
  return (
    <form
      class="search"
      onSubmit={(event) => {
        event.preventDefault();
        find(input.current?.value.trim() ?? '');
      }}
    >
      <label for="find" class="unseen">
        Find by external id
      </label>
      <input
        id="find"
        ref={input}
        maxLength={128}
        autocomplete="off"
        spellcheck={false}
        placeholder="Find by external id"
        defaultValue={data.filter.external_id ?? ''}
      />
      <button type="submit">
        Find <KeyHint of="/" />
      </button>
    </form>
  );
}
