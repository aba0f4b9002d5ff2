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
  const send = () => {
    const uri = video.value.trim();
    if (created.peek() !== null && uri === '') return go(back);
    const external_id = name.value.trim();
    const body = external_id === '' ? {} : { external_id };
    const header = { 'Idempotency-Key': requestId(key, external_id) };
    const params = { path: { projectId: data.id }, header };
    sending.send(
      async (signal) => {
        let id = created.peek();
        if (id === null) {
          const made = await ask(
            (client, signal) => client.POST('/projects/{projectId}/jobs', { params, body, signal }),
            signal,
          );
          if (!made.ok || uri === '') return made;
          id = made.data.id;
        }
        const jobId = id;
        const confirmed = await ask(
          (client, signal) =>
            client.POST('/jobs/{jobId}/confirm-upload', {
              params: { path: { jobId } },
              body: { video_uri: uri },
              signal,
            }),
          signal,
        );
        if (confirmed.ok) return { ...confirmed, data: confirmed.data.job };
        created.value = jobId;
        return confirmed;
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
        <VideoField uri={video} more=" It can also be said later." />
        {created.value === null && <ExternalId name={name} />}
      </form>
      <SendingNote sending={sending} />
      {created.value !== null && !sending.isBusy && (
        <p class="note">The job itself is created. It waits for a video, which can also be said later.</p>
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
    </>
  );
}
