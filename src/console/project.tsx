// The jobs of a project: newest first, by status, each with what became of it. Rows change in place.
import { useCallback, useEffect, useMemo, useRef } from 'preact/hooks';
import type { JobSummary, Project } from './api.ts';
import { EraseProject } from './erase.tsx';
import {
  type Choice,
  choiceParams,
  filterOf,
  fits,
  inWords,
  isOpen,
  MOST_SELECTED,
  NOTHING,
  toParams,
} from './filter.ts';
import { KeyHint, useKey } from './keys.tsx';
import { NewJob } from './new-job.tsx';
import { Operations } from './operations.tsx';
import { ProjectData } from './project-data.ts';
import { Filters } from './project-filters.tsx';
import { inWords as refusedInWords } from './refusals.ts';
import { go, match, query, to } from './router.ts';
import { Id, jobName, RowTime, Status } from './shown.tsx';
import { Empty, NotShown, Skeleton } from './states.tsx';
import { useTitle } from './title.ts';
import { DOING } from './words.ts';

export function ProjectView({ id }: { id: string }) {
  const filter = filterOf(query.value);
  const data = useMemo(() => new ProjectData(id, filter), [id, JSON.stringify(filter)]);
  useEffect(() => () => data.dispose(), [data]);
  const name = data.project.value?.name ?? '';
  useTitle(name || 'Project', [{ words: name || 'Project' }]);

  const refusal = data.refusal.value;
  if (refusal) return <NotShown refusal={refusal} again={() => void data.refresh()} />;
  return (
    <div class="page">
      <div class="page-head">
        <h1 tabIndex={-1}>{name || <span class="muted">Project</span>}</h1>
        <Id id={id} label="project" />
        <a class="button primary" href={to(`/projects/${id}/new`, toParams(filter))}>
          New job… <KeyHint of="n" />
        </a>
      </div>
      <Operations operations={data.operations.value ?? []} />
      <Filters data={data} />
      <Jobs data={data} />
      {data.project.value && <EraseLink project={data.project.value} />}
      {match('/projects/:id/new') && <NewJob data={data} />}
      {match('/projects/:id/erase') && data.project.value && <EraseProject project={data.project.value} />}
    </div>
  );
}

/** Far from what is pressed every day. */
const EraseLink = ({ project: { id } }: { project: Project }) => (
  <div class="foot">
    <a class="button dangerous" href={to(`/projects/${id}/erase`)}>
      Erase this project…
    </a>
  </div>
);

function Jobs({ data }: { data: ProjectData }) {
  const rows = data.rows.value;
  const body = useRef<HTMLTableSectionElement>(null);
  const step = useCallback((by: 1 | -1) => {
    const links = [...(body.current?.querySelectorAll<HTMLElement>('a.row-link') ?? [])];
    const at = links.indexOf(document.activeElement as HTMLElement);
    links[Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
  }, []);
  useKey(
    'j',
    'Next job',
    useCallback(() => step(1), [step]),
  );
  useKey(
    'k',
    'Previous job',
    useCallback(() => step(-1), [step]),
  );
  useKey(
    'n',
    'New job',
    useCallback(() => go(to(`/projects/${data.id}/new`)), [data.id]),
  );
  useKey(
    'x',
    'Select a job, or not',
    useCallback(() => {
      const id = document.activeElement?.closest('tr')?.dataset.id;
      if (id !== undefined) data.select([id], !data.selected.peek().has(id));
    }, [data]),
  );
  if (rows === null) return <Skeleton rows={8} />;
  if (rows.length === 0 && data.newCount.value === 0) return <NoJobs data={data} />;
  return (
    <>
      {data.newCount.value > 0 && (
        <button type="button" class="fresh" onClick={() => data.showNew()}>
          Show {data.newCount.value} new {data.newCount.value === 1 ? 'job' : 'jobs'}
        </button>
      )}
      <RetryMany data={data} />
      <table class="list jobs">
        <thead>
          <tr>
            <td class="select-cell">
              <input
                type="checkbox"
                aria-label="Select all that are shown"
                checked={rows.length > 0 && rows.every(({ id }) => data.selected.value.has(id))}
                onChange={({ currentTarget: { checked } }) =>
                  data.select(
                    rows.map(({ id }) => id),
                    checked,
                  )
                }
              />
            </td>
            <th scope="col">Status</th>
            <th scope="col">Job</th>
            <th scope="col" class="cause-cell">
              Failure
            </th>
            <th scope="col" class="tags-cell">
              Tags
            </th>
            <th scope="col" class="profile-cell">
              Profile
            </th>
            <th scope="col" class="narrow">
              Updated
            </th>
          </tr>
        </thead>
        <tbody ref={body}>
          {rows.map((row) => (
            <Row key={row.id} row={row} data={data} />
          ))}
        </tbody>
      </table>
      {data.next.value !== null && (
        <div class="more">
          {data.moreRefusal.value && <p class="note warning">{refusedInWords(data.moreRefusal.value)}</p>}
          <button type="button" aria-disabled={data.isLoadingMore.value} onClick={() => void data.more()}>
            {data.isLoadingMore.value ? 'Loading…' : 'Older jobs'}
          </button>
        </div>
      )}
    </>
  );
}

/** One that no longer fits the filter stays where it was until the next look, and says what it is now. */
function Row({ row, data }: { row: JobSummary; data: ProjectData }) {
  const isOut = !fits(data.filter, row);
  const isSelected = data.selected.value.has(row.id);
  const only = (change: Partial<typeof data.filter>) =>
    to(`/projects/${data.id}`, toParams({ ...data.filter, ...change }));
  return (
    <tr data-id={row.id} class={`${isOut ? 'is-out' : ''} ${isSelected ? 'is-selected' : ''}`}>
      <td class="select-cell">
        <input
          type="checkbox"
          aria-label={`Select ${jobName(row)}`}
          checked={isSelected}
          onChange={({ currentTarget: { checked } }) => data.select([row.id], checked)}
        />
      </td>
      <td class="status-cell">
        {isOut && <span class="muted">now </span>}
        <Status of={row} />
      </td>
      <th scope="row">
        <a class="row-link" href={to(`/jobs/${row.id}`)}>
          {jobName(row)}
        </a>
      </th>
      <td class="cause-cell">
        {row.status === 'FAILED' && row.failure && !row.open_dispatch && (
          <>
            <code>{row.failure.failure_code}</code>{' '}
            <span class="muted">
              {DOING[row.failure.failed_stage ?? ''] && `while ${DOING[row.failure.failed_stage ?? '']}`}
            </span>
          </>
        )}
      </td>
      <td class="tags-cell">
        {row.tags.map((tag) => (
          <a key={tag} class="tag" href={only({ tag })}>
            {tag}
          </a>
        ))}
      </td>
      <td class="profile-cell">
        {row.model_profile && (
          <a class="tag" href={only({ model_profile: row.model_profile })}>
            {row.model_profile}
          </a>
        )}
      </td>
      <td class="narrow">
        <RowTime at={row.updated_at} />
      </td>
    </tr>
  );
}

/** What is selected; else what the filter leaves; else what has failed. */
function RetryMany({ data }: { data: ProjectData }) {
  const link = useRef<HTMLAnchorElement>(null);
  const selected = [...data.selected.value];
  const failed = data.counts.value?.by_status.FAILED ?? 0;
  const address = (params: Partial<Choice>) =>
    to(`/projects/${data.id}/retries/new`, choiceParams({ ...NOTHING, ...params }));
  const [words, where] =
    selected.length > 0
      ? [`Retry ${selected.length.toLocaleString('en')} selected…`, address({ jobs: selected })]
      : !isOpen(data.filter)
        ? ['Retry all that match…', address(data.filter)]
        : failed > 0
          ? [`Retry ${failed.toLocaleString('en')} failed…`, address({ status: ['FAILED'] })]
          : [null, ''];
  useKey(
    'r',
    'Retry many: shows what would happen',
    useCallback(() => link.current?.click(), []),
  );
  if (words === null) return null;
  return (
    <div class="many">
      <a class="button" ref={link} href={where}>
        {words} <KeyHint of="r" />
      </a>
      {selected.length > 0 && (
        <button type="button" onClick={() => data.select(selected, false)}>
          Select none
        </button>
      )}
      {selected.length >= MOST_SELECTED && (
        <span class="muted">As many as can be selected; a filter takes more.</span>
      )}
    </div>
  );
}

function NoJobs({ data }: { data: ProjectData }) {
  if (!isOpen(data.filter)) {
    return (
      <Empty title={`No job matches “${inWords({ ...NOTHING, ...data.filter })}”`}>
        <a href={to(`/projects/${data.id}`)}>Show all jobs</a>
      </Empty>
    );
  }
  return (
    <Empty title="No jobs yet">
      <p>A job takes one video to a draft: its audio, its transcript, the draft.</p>
      <a class="button primary" href={to(`/projects/${data.id}/new`)}>
        Create the first job…
      </a>
    </Empty>
  );
}
