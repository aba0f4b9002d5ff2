// The dialogue that makes a job: where its video is, and what its editor calls it. Either can wait.
import { type Signal, useSignal } from '@preact/signals';
import { ask } from './api.ts';
import { Dialog, NotNow } from './dialog.tsx';
import { toParams } from './filter.ts';
import { forgetEnded, forgetRequest, requestId } from './kept.ts';
import type { ProjectData } from './project-data.ts';
import { go, to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { VideoField } from './video-field.tsx';

export function NewJob({ data }: { data: ProjectData }) {
  const video = useSignal('');
  const name = useSignal('');
  /** The job, once it is made and its video was refused. */
  const created = useSignal<string | null>(null);
  const back =
    created.value === null ? to(`/projects/${data.id}`, toParams(data.filter)) : to(`/jobs/${created.value}`);
  const key = `new-job:${data.id}`;
  const sending = useSending((refusal) => forgetEnded(key, refusal));
  const create = (external_id: string, signal: AbortSignal) => {
    const header = { 'Idempotency-Key': requestId(key, external_id) };
    const params = { path: { projectId: data.id }, header };
    const body = external_id === '' ? {} : { external_id };
    return ask(
      (client, signal) => client.POST('/projects/{projectId}/jobs', { params, body, signal }),
      signal,
    );
  };
  const confirm = async (jobId: string, video_uri: string, signal: AbortSignal) => {
    const params = { path: { jobId } };
    const confirmed = await ask(
      (client, signal) =>
        client.POST('/jobs/{jobId}/confirm-upload', { params, body: { video_uri }, signal }),
      signal,
    );
    if (confirmed.ok) return { ...confirmed, data: confirmed.data.job };
    created.value = jobId;
    return confirmed;
  };
  const send = () => {
    const uri = video.value.trim();
    if (created.peek() !== null && uri === '') return go(back);
    sending.send(
      async (signal) => {
        const known = created.peek();
        if (known !== null) return confirm(known, uri, signal);
        const made = await create(name.value.trim(), signal);
        return made.ok && uri !== '' ? confirm(made.data.id, uri, signal) : made;
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
        <VideoField uri={video} more=" It can be added later." />
        {created.value === null && <ExternalId name={name} />}
      </form>
      <SendingNote sending={sending} />
      {created.value !== null && !sending.isBusy && (
        <p class="note">The job itself is created. It waits for a video, which can also be added later.</p>
      )}
      <div class="buttons">
        <NotNow back={back} isBusy={sending.isBusy} />
        <SendButton
          sending={sending}
          words={created.value === null ? 'Create job' : 'Confirm the video'}
          onSend={send}
        />
      </div>
    </Dialog>
  );
}

function ExternalId({ name }: { name: Signal<string> }) {
  return (
    <>
      <label for="external-id">
        External id <span class="muted">(optional)</span>
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
        What you call it. Unique in the project; it can’t be changed later.
      </p>
    </>
  );
}
