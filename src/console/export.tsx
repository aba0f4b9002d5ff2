// The dialogue that has the draft exported: in which formats, and whether a draft that a correction has overtaken will do.
import { useSignal } from '@preact/signals';
import { announce } from './announce.tsx';
import { ask, type Job } from './api.ts';
import { Dialog, NotNow } from './dialog.tsx';
import type { JobData } from './job-data.ts';
import { forgetRequest, requestId } from './kept.ts';
import { go, to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { jobName } from './shown.tsx';
import { listed, overBefore, STAGES } from './words.ts';

type Text = 'transcript' | 'draft';

export function ExportDialog({ data, job }: { data: JobData; job: Job }) {
  const text = useSignal(Object.keys(job.manifest.exports).join(', ') || 'docx, srt');
  const offered = job.next_actions.find(({ action }) => action === 'export');
  // Known before anything is sent; which corrections they are a refusal says.
  const overtaken = useSignal<readonly Text[]>(
    offered?.error_code === 'EDITS_IN_THE_WAY' ? ['transcript'] : [],
  );
  const discard = useSignal(false);
  const back = to(`/jobs/${data.id}`);
  const formats = [...new Set(text.value.split(/[\s,]+/).filter(Boolean))];
  const key = `export:${data.id}`;
  const sending = useSending(({ code, details }) => {
    if (code === 'EDITS_IN_THE_WAY') {
      const edits = (details.edits ?? []) as { stage: Text | 'audio' }[];
      const stages = edits.map(({ stage }) => stage).filter((stage): stage is Text => stage !== 'audio');
      overtaken.value = [...new Set(stages)];
    }
    void data.refresh();
  });
  const discarded = discard.value ? overtaken.value : [];
  const isOff = formats.length === 0 || (overtaken.value.length > 0 && !discard.value);
  const send = () => {
    if (isOff) return;
    const what = JSON.stringify([formats, discarded]);
    const body = {
      formats,
      client_request_id: requestId(key, what),
      ...(discarded.length === 0 ? {} : { discard_edits: [...discarded] }),
    };
    sending.send(
      (signal) =>
        ask(
          (client, signal) =>
            client.POST('/jobs/{jobId}/export', { params: { path: { jobId: data.id } }, body, signal }),
          signal,
        ),
      async (accepted) => {
        forgetRequest(key);
        await data.refresh();
        announce(overBefore(accepted) ?? 'Export sent.');
        go(back, { replace: true });
      },
    );
  };
  return (
    <Dialog title={`Export ${jobName(job)}`} back={back} isBusy={sending.isBusy} onSend={send}>
      <p>
        The newest draft is handed on as it is. Nothing is made again.
        {overtaken.value.length > 0 && (
          <b> It was made before the {listed(overtaken.value.map(stageName))} was corrected.</b>
        )}
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <label for="formats">Formats</label>
        <input
          id="formats"
          value={text.value}
          autocomplete="off"
          spellcheck={false}
          aria-describedby="formats-hint"
          onInput={({ currentTarget }) => {
            text.value = currentTarget.value;
          }}
        />
        <p id="formats-hint" class="muted">
          As the pipeline names them, such as docx, srt.{' '}
          {formats.length > 0 && `Asks for ${listed(formats)}.`}
        </p>
        {overtaken.value.length > 0 && (
          <label class="choice">
            <input
              type="checkbox"
              checked={discard.value}
              onChange={({ currentTarget }) => {
                discard.value = currentTarget.checked;
              }}
            />
            <span>
              Export the draft without the correction of the {listed(overtaken.value.map(stageName))}
            </span>
          </label>
        )}
      </form>
      <SendingNote sending={sending} waitingFor="the pipeline to accept" />
      <div class="buttons">
        <NotNow back={back} isBusy={sending.isBusy} />
        <SendButton sending={sending} words="Export draft" onSend={send} isOff={isOff} hint="Ctrl Enter" />
      </div>
    </Dialog>
  );
}

const stageName = (stage: Text): string => STAGES[stage].toLowerCase();
