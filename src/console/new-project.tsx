// The dialogue that makes a project.
import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { ask } from './api.ts';
import { Dialog, NotNow } from './dialog.tsx';
import { forgetEnded, forgetRequest, requestId } from './kept.ts';
import { go, to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';

export function NewProject() {
  const name = useSignal('');
  const sending = useSending((refusal) => forgetEnded('new-project', refusal));
  const inputId = useId();
  const back = to('');
  const wanted = name.value.trim();
  const send = () => {
    if (wanted === '') return;
    const header = { 'Idempotency-Key': requestId('new-project', wanted) };
    sending.send(
      (signal) =>
        ask(
          (client, signal) =>
            client.POST('/projects', { params: { header }, body: { name: wanted }, signal }),
          signal,
        ),
      ({ id }) => {
        forgetRequest('new-project');
        go(to(`/projects/${id}`), { replace: true });
      },
    );
  };
  return (
    <Dialog title="New project" back={back} isBusy={sending.isBusy} onSend={send}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <label for={inputId}>Name</label>
        <input
          id={inputId}
          value={name.value}
          maxLength={200}
          autocomplete="off"
          onInput={({ currentTarget }) => {
            name.value = currentTarget.value;
          }}
        />
      </form>
      <SendingNote sending={sending} />
      <div class="buttons">
        <NotNow back={back} isBusy={sending.isBusy} />
        <SendButton sending={sending} words="Create project" onSend={send} isOff={wanted === ''} />
      </div>
    </Dialog>
  );
}
