// What Retake does not keep itself, or cannot show as text, is corrected elsewhere, and named here.
import { useSignal } from '@preact/signals';
import { announce } from './announce.tsx';
import { ask, type Job } from './api.ts';
import type { Text } from './content.ts';
import type { Correction } from './correction.ts';
import type { JobData } from './job-data.ts';
import { forgetRequest, requestId } from './kept.ts';
import { inWords } from './refusals.ts';
import { go, to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { Reference } from './shown.tsx';
import { STAGES, versionName } from './words.ts';

interface ElsewhereProps {
  data: JobData;
  job: Job;
  stage: Text;
  correction: Correction;
  isAllowed: boolean;
}

export function Elsewhere({ data, job, stage, correction, isAllowed }: ElsewhereProps) {
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
