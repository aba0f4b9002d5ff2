// The jobs of a project: newest first, by status, each with what became of it. Rows change in place.
import { useSignal } from '@preact/signals';
import { useCallback, useEffect, useMemo, useRef } from 'preact/hooks';
import { ask, type JobStatus, type JobSummary } from './api.ts';
import { Dialog, NotNow } from './dialog.tsx';
import { forgetRequest, requestId } from './kept.ts';
import { KeyHint, useKey } from './keys.tsx';
import { ProjectData } from './project-data.ts';
import { inWords } from './refusals.ts';
import { go, match, query, to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { Id, jobName, RowTime, Status } from './shown.tsx';
import { Empty, NotShown, Skeleton } from './states.tsx';
import { useTitle } from './title.ts';
import { DOING, STATUSES, statusWords } from './words.ts';

export function ProjectView({ id }: { id: string }) {
  const asked = query.value.get('status');
  const status = asked !== null && asked in STATUSES ? (asked as JobStatus) : null;
  const data = useMemo(() => new ProjectData(id, status), [id, status]);
  useEffect(() => () => data.dispose(), [data]);
  const name = data.project.value?.name ?? '';
  useTitle(name || 'Project', [{ words: name || 'Project' }]);

  const refusal = data.refusal.value;
  if (refusal && data.rows.value === null)
    return <NotShown refusal={refusal} again={() => void data.refresh()} />;
  return (
    <div class="page">
      <div class="page-head">
        <h1 tabIndex={-1}>{name || <span class="muted">Project</span>}</h1>
        <Id id={id} label="project" />
        <a class="button primary" href={to(`/projects/${id}/new`, { status })}>
          New job… <KeyHint of="n" />
        </a>
      </div>
      <Filters data={data} />
      <Jobs data={data} />
      {match('/projects/:id/new') && <NewJob data={data} />}
    </div>
  );
}

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

/** Links, so that a filter is an address. With counts where somebody counts. */
function Filters({ data }: { data: ProjectData }) {
  const counts = data.counts.value;
  const shown = OFFERED.filter(
    (status) => counts === null || counts.by_status[status] > 0 || status === data.status,
  );
  const chip = (status: JobStatus | null, words: string, count: number | null | undefined) => (
    <a
      key={words}
      class="chip"
      href={to(`/projects/${data.id}`, { status })}
      aria-current={data.status === status ? 'true' : undefined}
    >
      {words}
      {typeof count === 'number' && <span class="count">{count.toLocaleString('en')}</span>}
    </a>
  );
  return (
    <nav class="chips" aria-label="Jobs by status">
      {chip(null, 'All', counts?.jobs)}
      {shown.map((status) => chip(status, statusWords(status), counts?.by_status[status]))}
    </nav>
  );
}

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
    'Job before',
    useCallback(() => step(-1), [step]),
  );
  useKey(
    'n',
    'New job',
    useCallback(() => go(to(`/projects/${data.id}/new`)), [data.id]),
  );
  if (rows === null) return <Skeleton rows={8} />;
  if (rows.length === 0 && data.newCount.value === 0) return <NoJobs data={data} />;
  return (
    <>
      {data.newCount.value > 0 && (
        <button type="button" class="fresh" onClick={() => data.showNew()}>
          {data.newCount.value} new
        </button>
      )}
      <table class="list">
        <thead>
          <tr>
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
            <Row key={row.id} row={row} isOut={data.status !== null && row.status !== data.status} />
          ))}
        </tbody>
      </table>
      {data.next.value !== null && (
        <div class="more">
          {data.moreRefusal.value && <p class="note warning">{inWords(data.moreRefusal.value)}</p>}
          <button type="button" aria-disabled={data.isLoadingMore.value} onClick={() => void data.more()}>
            {data.isLoadingMore.value ? 'Loading…' : 'Older jobs'}
          </button>
        </div>
      )}
    </>
  );
}

/** One that no longer fits the filter stays where it was until the next look, and says what it is now. */
const Row = ({ row, isOut }: { row: JobSummary; isOut: boolean }) => (
  <tr class={isOut ? 'is-out' : ''}>
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
        <span key={tag} class="tag">
          {tag}
        </span>
      ))}
    </td>
    <td class="profile-cell muted">{row.model_profile}</td>
    <td class="narrow">
      <RowTime at={row.updated_at} />
    </td>
  </tr>
);

function NoJobs({ data }: { data: ProjectData }) {
  if (data.status !== null) {
    return (
      <Empty title={`No job is “${statusWords(data.status)}”`}>
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

function NewJob({ data }: { data: ProjectData }) {
  const sending = useSending();
  const video = useSignal('');
  const name = useSignal('');
  const back = to(`/projects/${data.id}`, { status: data.status });
  const key = `new-job:${data.id}`;
  const send = () => {
    const uri = video.value.trim();
    const external_id = name.value.trim();
    const body = external_id === '' ? {} : { external_id };
    const header = { 'Idempotency-Key': requestId(key, external_id) };
    const params = { path: { projectId: data.id }, header };
    sending.send(
      async (signal) => {
        const made = await ask(
          (client, signal) => client.POST('/projects/{projectId}/jobs', { params, body, signal }),
          signal,
        );
        if (!made.ok || uri === '') return made;
        const confirmed = await ask(
          (client, signal) =>
            client.POST('/jobs/{jobId}/confirm-upload', {
              params: { path: { jobId: made.data.id } },
              body: { video_uri: uri },
              signal,
            }),
          signal,
        );
        return confirmed.ok ? { ...confirmed, data: confirmed.data.job } : confirmed;
      },
      ({ id }) => {
        forgetRequest(key);
        go(to(`/jobs/${id}`), { replace: true });
      },
    );
  };
  return (
    <Dialog title="New job" back={back} isBusy={sending.isBusy} onSend={send}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <label for="video">Where the video is</label>
        <input
          id="video"
          value={video.value}
          autocomplete="off"
          spellcheck={false}
          placeholder="s3://videos/interview.mp4"
          aria-describedby="video-hint"
          onInput={({ currentTarget }) => {
            video.value = currentTarget.value;
          }}
        />
        <p id="video-hint" class="muted">
          An https address, or an object of a store: s3, gs, r2, abfss. It can also be said later.
        </p>
        <label for="external-id">
          What you call it <span class="muted">(optional)</span>
        </label>
        <input
          id="external-id"
          value={name.value}
          maxLength={128}
          autocomplete="off"
          aria-describedby="external-id-hint"
          onInput={({ currentTarget }) => {
            name.value = currentTarget.value;
          }}
        />
        <p id="external-id-hint" class="muted">
          Your own id for it, unique in the project.
        </p>
      </form>
      <SendingNote sending={sending} />
      <div class="buttons">
        <NotNow back={back} isBusy={sending.isBusy} />
        <SendButton sending={sending} words="Create job" onSend={send} />
      </div>
    </Dialog>
  );
}
