// One job: what to do now, how far its pipeline is, and below it everything that led there. Its dialogues and pages are part of it, so
// that what is shown goes on being live under them.
import { useSignalEffect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useMemo, useRef } from 'preact/hooks';
import { mention } from './announce.tsx';
import type { Job } from './api.ts';
import { AbandonDialog, CancelDialog, ConfirmUploadDialog, RenewVideoDialog } from './asks.tsx';
import { Attempts } from './attempts.tsx';
import { CorrectPage } from './correct.tsx';
import { Details } from './details.tsx';
import { EditDetails } from './edit-details.tsx';
import { EraseJob } from './erase.tsx';
import { ExportDialog } from './export.tsx';
import { History } from './history.tsx';
import { JobData } from './job-data.ts';
import { useKey } from './keys.tsx';
import { WhatToDo } from './now.tsx';
import { Pipeline } from './pipeline.tsx';
import { PlanDialog } from './plan-dialog.tsx';
import { profileOf } from './plans.ts';
import { useProjectName } from './project-name.ts';
import { ReadPage } from './read.tsx';
import { go, match, to } from './router.ts';
import { Id, jobName, Status, Time } from './shown.tsx';
import { NoSuchPage, NotShown, Skeleton } from './states.tsx';
import { useTitle } from './title.ts';
import { Versions } from './versions.tsx';
import { shownStatus } from './words.ts';

export function JobView({ id, rest }: { id: string; rest: string }) {
  const data = useMemo(() => new JobData(id), [id]);
  useEffect(() => () => data.dispose(), [data]);
  useStatusChanges(data);
  const job = data.job.value;
  const name = job ? jobName(job) : '…';
  const project = useProjectName(job?.project_id ?? null);
  useTitle(
    job ? `${name}, ${shownStatus(job).words.toLowerCase()}` : 'Job',
    job
      ? [
          { words: project ?? '…', address: to(`/projects/${job.project_id}`) },
          rest === '/' ? { words: name } : { words: name, address: to(`/jobs/${id}`) },
        ]
      : [],
  );
  const refusal = data.refusal.value;
  if (refusal) return <NotShown refusal={refusal} again={() => void data.refresh()} />;
  if (job === null) {
    return (
      <div class="page">
        <Skeleton rows={6} />
      </div>
    );
  }
  const page = pageOf(data, job, rest);
  if (page) return <div class="page">{page}</div>;
  const dialog = rest === '/' ? null : dialogOf(data, job, rest);
  if (dialog === undefined) return <NoSuchPage />;
  return (
    <div class="page">
      <Overview data={data} job={job} name={name} />
      {dialog}
    </div>
  );
}

/** What is too much for a dialogue has a page of its own. */
function pageOf(data: JobData, job: Job, rest: string): ComponentChildren {
  const edit = match('/edit/:stage', rest);
  if (edit && isText(edit.stage))
    return <CorrectPage key={edit.stage} data={data} job={job} stage={edit.stage} />;
  const read = match('/read/:stage/:version', rest);
  if (read && isText(read.stage)) {
    const version = Number(read.version);
    return <ReadPage key={rest} data={data} job={job} stage={read.stage} version={version} />;
  }
  return null;
}

const isText = (stage: string | undefined): stage is 'transcript' | 'draft' =>
  stage === 'transcript' || stage === 'draft';

function dialogOf(data: JobData, job: Job, rest: string): ComponentChildren {
  switch (rest) {
    case '/retry':
      return <PlanDialog data={data} kind="retry" job={job} />;
    case '/redo':
      return <PlanDialog data={data} kind="redo" job={job} />;
    case '/export':
      return <ExportDialog data={data} job={job} />;
    case '/confirm-upload':
      return <ConfirmUploadDialog data={data} job={job} />;
    case '/renew-video':
      return <RenewVideoDialog data={data} job={job} />;
    case '/details':
      return <EditDetails data={data} job={job} />;
    case '/abandon':
      return <AbandonDialog data={data} job={job} />;
    case '/cancel':
      return <CancelDialog data={data} job={job} />;
    case '/erase':
      return <EraseJob data={data} job={job} />;
    default:
      return undefined;
  }
}

/** The status is heard when it changes; percentages and rows are not. */
function useStatusChanges(data: JobData): void {
  const before = useRef<string | null>(null);
  useSignalEffect(() => {
    const job = data.job.value;
    if (job === null) return;
    const { words } = shownStatus(job);
    if (before.current !== null && before.current !== words) mention(`${jobName(job)}: ${words}`);
    before.current = words;
  });
}

function Overview({ data, job: known, name }: { data: JobData; job: Job; name: string }) {
  const isErased = data.live.state.value === 'erased';
  const job: Job = isErased ? { ...known, next_actions: [] } : known;
  const can = (action: string) =>
    job.next_actions.find((next) => next.allowed && next.action === action) ?? null;
  const planned = can('retry') ?? can('retry_with_profile') ?? can('redo');
  const edited = can('edit');
  const kind = planned?.action === 'redo' ? 'redo' : 'retry';
  const plan = planned && to(`/jobs/${job.id}/${kind}`, { profile: profileOf(planned.body) });
  const edit = edited && to(`/jobs/${job.id}/edit/${edited.path.split('/').at(-1)}`);
  useKey('r', 'Show what a retry or redo would do', useLink(plan));
  useKey('e', 'Correct a text', useLink(edit));
  return (
    <>
      <div class="job-head">
        <h1 tabIndex={-1}>{name}</h1>
        <p class="job-status">
          <Status of={job} />
          <span class="muted"> · </span>
          <Time at={data.since.value ?? job.updated_at} />
        </p>
        <Id id={job.id} label="job" />
      </div>
      <div class="job">
        <div class="job-main">
          {isErased ? (
            <p class="note refused" role="alert">
              This job was erased. What stands here is the last that was known of it.{' '}
              <a href={to(`/projects/${job.project_id}`)}>Back to its project</a>
            </p>
          ) : (
            <WhatToDo data={data} job={job} />
          )}
          <Pipeline data={data} job={job} />
          <Attempts data={data} />
          <Versions data={data} job={job} />
          <History data={data} />
        </div>
        <Details job={job} isErased={isErased} />
      </div>
      <EraseLink job={job} />
    </>
  );
}

/** Far from what is pressed every day. */
const EraseLink = ({ job }: { job: Job }) =>
  job.next_actions.some(({ action }) => action === 'erase') ? (
    <div class="foot">
      <a class="button dangerous" href={to(`/jobs/${job.id}/erase`)}>
        Erase this job…
      </a>
    </div>
  ) : null;

const useLink = (address: string | null): (() => void) | null => {
  const follow = useCallback(() => {
    if (address) go(address);
  }, [address]);
  return address === null ? null : follow;
};
