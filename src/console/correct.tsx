// A correction is written on a page of its own. What is typed is kept in the browser until the server has it; of two who correct the
// same version, the second sees both texts and loses neither.
import { batch, type Signal, signal, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { announce } from './announce.tsx';
import { ask, type Job, type Refusal, type Schemas } from './api.ts';
import { askContent, type Text } from './content.ts';
import type { JobData } from './job-data.ts';
import { forgetRequest, keepUnsaved, requestId, unsaved } from './kept.ts';
import { inWords } from './refusals.ts';
import { go, to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { me } from './session.ts';
import { Copy, jobName, Reference, Who } from './shown.tsx';
import { Skeleton } from './states.tsx';
import { STAGES, versionName } from './words.ts';

type Version = Schemas['ArtifactVersion'];
type Phase = 'loading' | 'text' | 'elsewhere' | 'not-text' | 'refused';

const DEFAULT_TYPE = 'text/plain; charset=utf-8';

/** The text that is being written: what it corrects, what it was, and what there is beside it. */
class Correction {
  readonly phase: Signal<Phase> = signal('loading');
  readonly refusal: Signal<Refusal | null> = signal(null);
  readonly text = signal('');
  /** As the server has it. */
  readonly original = signal('');
  readonly corrects = signal(0);
  readonly isKept = signal(true);
  /** A newer version, that somebody else has saved meanwhile. */
  readonly newer: Signal<{ version: Version; text: string | null } | null> = signal(null);
  /** What has been saved from this page. */
  readonly saved: Signal<number | null> = signal(null);
  #type = DEFAULT_TYPE;
  /** Under which it is kept: whoever signs in next in this browser is somebody else. */
  readonly key: string;
  readonly #left = new AbortController();
  readonly #jobId: string;
  readonly #stage: Text;

  constructor(personId: string, jobId: string, stage: Text) {
    this.key = `${personId}:${jobId}:${stage}`;
    this.#jobId = jobId;
    this.#stage = stage;
  }

  get type(): string {
    return this.#type;
  }

  async load(counting: number): Promise<void> {
    const kept = unsaved(this.key);
    const corrects = kept?.corrects ?? counting;
    this.corrects.value = corrects;
    const answer = await askContent(this.#jobId, this.#stage, corrects, this.#left.signal);
    if (this.#left.signal.aborted) return;
    batch(() => {
      if (!answer.ok) {
        const { code } = answer.refusal;
        const isElsewhere = code === 'ARTIFACT_NOT_STORED_HERE' || code === 'NO_ARTIFACT_STORE';
        this.refusal.value = answer.refusal;
        this.phase.value = isElsewhere ? 'elsewhere' : 'refused';
        return;
      }
      if (answer.data === null) {
        this.phase.value = 'not-text';
        return;
      }
      this.#type = answer.data.type;
      this.original.value = answer.data.text;
      this.text.value = kept?.text ?? answer.data.text;
      this.phase.value = 'text';
    });
    if (corrects !== counting && this.newer.value === null) await this.showNewer(counting, null);
  }

  write(text: string): void {
    this.text.value = text;
    const isSame = text === this.original.value;
    this.isKept.value = keepUnsaved(this.key, isSame ? null : { text, corrects: this.corrects.value });
  }

  /** Beside one's own text, which stays. */
  async showNewer(number: number, version: Version | null): Promise<void> {
    const answer = await askContent(this.#jobId, this.#stage, number, this.#left.signal);
    if (this.#left.signal.aborted) return;
    const text = answer.ok ? (answer.data?.text ?? null) : null;
    this.newer.value = { version: version ?? ({ stage: this.#stage, version: number } as Version), text };
  }

  /** From now on as a correction of the newer one. */
  takeOn(number: number): void {
    batch(() => {
      this.corrects.value = number;
      this.original.value = this.newer.value?.text ?? this.original.value;
      this.newer.value = null;
    });
    this.write(this.text.value);
  }

  /** The newer text in place of one's own. */
  giveWay(number: number): void {
    const text = this.newer.value?.text;
    if (text == null) return;
    this.takeOn(number);
    this.write(text);
  }

  /** What was typed since it was sent is not saved yet. */
  savedAs(version: number, sent: string): void {
    batch(() => {
      this.saved.value = version;
      this.corrects.value = version;
      this.original.value = sent;
    });
    this.write(this.text.value);
  }

  dispose(): void {
    this.#left.abort();
  }
}

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
  const { text, original, corrects, newer, saved, isKept } = correction;
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
        <button
          type="button"
          aria-disabled={!isChanged}
          onClick={() => {
            if (isChanged) correction.write(original.value);
          }}
        >
          Back to v{corrects.value}
        </button>
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

/** What Retake does not keep itself is corrected elsewhere, and named here. */
function Elsewhere({ data, job, stage, correction, isAllowed }: BodyProps) {
  const uri = useSignal('');
  const wanted = uri.value.trim();
  const counting = correction.corrects.value;
  const known = data.versions.value?.find(
    (version) => version.stage === stage && version.version === counting,
  );
  const requestKey = `edit:${correction.key}`;
  const sending = useSending(() => void data.refresh());
  const back = to(`/jobs/${job.id}`);
  const send = () => {
    if (wanted === '' || !isAllowed) return;
    const body = {
      uri: wanted,
      edits: counting,
      client_request_id: requestId(requestKey, `${counting}\n${wanted}`),
    };
    sending.send(
      (signal) =>
        ask(
          (client, signal) =>
            client.PUT('/jobs/{jobId}/artifacts/{stage}', {
              params: { path: { jobId: job.id, stage } },
              body,
              signal,
            }),
          signal,
        ),
      async ({ version }) => {
        forgetRequest(requestKey);
        await data.refresh();
        announce(`Saved as ${versionName(stage, version.version)}.`);
        go(back);
      },
    );
  };
  return (
    <form
      class="elsewhere"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <p>
        {correction.refusal.value
          ? inWords(correction.refusal.value)
          : 'This is no text that can be shown here.'}{' '}
        Correct it where it is, and say where the corrected one is.
      </p>
      {known && <Reference uri={known.ref} what={`the address of ${versionName(stage, counting)}`} />}
      <label for="uri">Where the corrected {STAGES[stage].toLowerCase()} is</label>
      <input
        id="uri"
        value={uri.value}
        autocomplete="off"
        spellcheck={false}
        onInput={({ currentTarget }) => {
          uri.value = currentTarget.value;
        }}
      />
      <SendingNote sending={sending} />
      <div class="buttons">
        <SendButton sending={sending} words="Save" onSend={send} isOff={wanted === '' || !isAllowed} />
      </div>
    </form>
  );
}
