// A correction is written on a page of its own. What is typed is kept in the browser until the server has it; of two who correct the
// same version, the second sees both texts and loses neither.
import { useEffect, useMemo } from 'preact/hooks';
import { announce } from './announce.tsx';
import { ask, type Job } from './api.ts';
import type { Text } from './content.ts';
import { Elsewhere } from './correct-elsewhere.tsx';
import { Correction, type Version } from './correction.ts';
import type { JobData } from './job-data.ts';
import { forgetRequest, requestId } from './kept.ts';
import { inWords } from './refusals.ts';
import { to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { me } from './session.ts';
import { Copy, jobName, Who } from './shown.tsx';
import { Skeleton } from './states.tsx';
import { STAGES, versionName } from './words.ts';

export function CorrectPage({ data, job, stage }: { data: JobData; job: Job; stage: Text }) {
  const personId = me.value?.actor_id ?? '';
  const correction = useMemo(() => new Correction(personId, job.id, stage), [personId, job.id, stage]);
  useEffect(() => () => correction.dispose(), [correction]);
  const offered = job.next_actions.find(
    ({ action, path }) => action === 'edit' && path.endsWith(`/${stage}`),
  );
  const counting = Number(offered?.body?.edits) || 0;
  const isLoading = correction.phase.value === 'loading';
  useEffect(() => {
    if (personId !== '' && counting > 0 && isLoading) void correction.load(counting);
  }, [correction, counting, isLoading]);
  const back = to(`/jobs/${job.id}`);
  const name = STAGES[stage].toLowerCase();
  return (
    <>
      <div class="page-head">
        <h1 tabIndex={-1}>
          Correct the {name} <span class="muted">of {jobName(job)}</span>
        </h1>
        <a class="button" href={back}>
          Back to the job
        </a>
      </div>
      {!offered?.allowed && correction.phase.value !== 'text' ? (
        <div class="empty">
          <p>
            The {name} cannot be corrected now:{' '}
            {job.open_dispatch ? 'an attempt is under way' : 'nothing of it was made, or the job has ended'}.
          </p>
        </div>
      ) : (
        <Body
          data={data}
          job={job}
          stage={stage}
          correction={correction}
          isAllowed={offered?.allowed ?? false}
        />
      )}
    </>
  );
}

interface BodyProps {
  data: JobData;
  job: Job;
  stage: Text;
  correction: Correction;
  isAllowed: boolean;
}

function Body(props: BodyProps) {
  const { correction } = props;
  switch (correction.phase.value) {
    case 'loading':
      return <Skeleton rows={12} />;
    case 'text':
      return <Writing {...props} />;
    case 'elsewhere':
      return <Elsewhere {...props} />;
    case 'not-text':
      return <Elsewhere {...props} />;
    case 'refused':
      return (
        <div class="empty">
          <p>{correction.refusal.value && inWords(correction.refusal.value)}</p>
        </div>
      );
  }
}

function Writing({ data, job, stage, correction, isAllowed }: BodyProps) {
  const { text, original, corrects, newer, saved, isKept, aside } = correction;
  const isChanged = text.value !== original.value;
  const requestKey = `edit:${correction.key}`;
  const sending = useSending(({ code, details }) => {
    if (code !== 'ARTIFACT_VERSION_CONFLICT') return;
    const newest = details.newest as Version;
    void correction.showNewer(newest.version, newest).then(() => sending.reset());
  });
  const save = () => {
    if (!isChanged || !isAllowed) return;
    const sent = text.value;
    const header = {
      'If-Match': `"${corrects.value}"`,
      'Idempotency-Key': requestId(requestKey, `${corrects.value}\n${sent}`),
    };
    sending.send(
      (signal) =>
        ask(
          (client, signal) =>
            client.PUT('/jobs/{jobId}/artifacts/{stage}/content', {
              params: { path: { jobId: job.id, stage }, header },
              body: sent,
              bodySerializer: (content: string) => content,
              headers: { 'Content-Type': correction.type },
              signal,
            }),
          signal,
        ),
      ({ version }) => {
        forgetRequest(requestKey);
        correction.savedAs(version.version, sent);
        announce(`Saved as ${versionName(stage, version.version)}.`);
        void data.refresh();
      },
    );
  };
  return (
    <>
      {newer.value && <Conflict correction={correction} stage={stage} onMine={save} />}
      <p class="state" role="status">
        {isChanged
          ? isKept.value
            ? `Not saved yet; kept in this browser. Corrects v${corrects.value}.`
            : 'Not saved yet, and this browser has no room to keep it: save or copy it.'
          : saved.value === null
            ? `${versionName(stage, corrects.value)}, unchanged.`
            : `Saved as v${saved.value}.`}
        {!isAllowed && ' It cannot be saved now: an attempt is under way.'}
      </p>
      {saved.value !== null && !isChanged && <WhatNow job={job} stage={stage} version={saved.value} />}
      <div class={newer.value ? 'beside' : ''}>
        <label class="writing">
          <span class={newer.value ? '' : 'unseen'}>Yours</span>
          <textarea
            value={text.value}
            spellcheck
            rows={24}
            onInput={({ currentTarget }) => correction.write(currentTarget.value)}
            onKeyDown={(event) => {
              const isSave = (event.key === 'Enter' || event.key === 's') && (event.ctrlKey || event.metaKey);
              if (!isSave) return;
              event.preventDefault();
              save();
            }}
          />
        </label>
        {newer.value?.text != null && (
          <label class="writing">
            <span>{versionName(stage, newer.value.version.version)}</span>
            <textarea value={newer.value.text} readOnly rows={24} />
          </label>
        )}
      </div>
      <SendingNote sending={sending} />
      <div class="buttons">
        {!isChanged && aside.value !== null ? (
          <button type="button" onClick={() => correction.bringBack()}>
            Bring your text back
          </button>
        ) : (
          <button
            type="button"
            aria-disabled={!isChanged}
            onClick={() => {
              if (isChanged) correction.putAside();
            }}
          >
            Back to v{corrects.value}
          </button>
        )}
        <SendButton
          sending={sending}
          words="Save"
          onSend={save}
          isOff={!isChanged || !isAllowed}
          hint="Ctrl Enter"
        />
      </div>
    </>
  );
}

/** The later of two: both texts are there, and which one goes on is the person's choice. */
function Conflict({
  correction,
  stage,
  onMine,
}: {
  correction: Correction;
  stage: Text;
  onMine: () => void;
}) {
  const newer = correction.newer.value;
  if (newer === null) return null;
  const { version } = newer;
  const who = version.made_by?.kind === 'editor' ? version.made_by : null;
  return (
    <div class="changed" role="alert">
      <h2>
        {who ? <Who of={who} /> : 'Somebody'} saved {versionName(stage, version.version).toLowerCase()} while
        you were correcting v{correction.corrects.value}
      </h2>
      <p>Your text is still here, beside the newer one.</p>
      <div class="buttons">
        <button
          type="button"
          onClick={() => {
            correction.takeOn(version.version);
            onMine();
          }}
        >
          Save mine as v{version.version + 1}
        </button>
        <button type="button" onClick={() => correction.giveWay(version.version)}>
          Take v{version.version}
        </button>
        <span>
          Copy mine <Copy text={correction.text.value} what="your text" />
        </span>
      </div>
    </div>
  );
}

/** Never by itself: what was made from the text of before stays until somebody asks. */
function WhatNow({ job, stage, version }: { job: Job; stage: Text; version: number }) {
  const redo = job.next_actions.find(
    ({ action, allowed }) => allowed && (action === 'redo' || action === 'retry'),
  );
  if (stage !== 'transcript' || !redo) return null;
  const isRedo = redo.action === 'redo';
  return (
    <p class="note">
      {isRedo && 'The draft was made from the text of before. '}Your correction is v{version}.{' '}
      <a
        href={to(`/jobs/${job.id}/${isRedo ? 'redo' : 'retry'}`, {
          profile: typeof redo.body?.model_profile === 'string' ? redo.body.model_profile : null,
        })}
      >
        {isRedo ? 'Redo the draft…' : 'Retry…'}
      </a>
    </p>
  );
}
