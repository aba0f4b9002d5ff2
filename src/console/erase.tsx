// The dialogues that erase a job or a project, for good: what goes and what stays, and the name typed by hand. What is gone cannot be
// gone back to, so that they lead to what it was part of.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { announce } from './announce.tsx';
import { type Answer, ask, type Job, type Project } from './api.ts';
import { Dialog, NotNow } from './dialog.tsx';
import type { JobData } from './job-data.ts';
import { go, to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { jobName } from './shown.tsx';

export const EraseJob = ({ data, job }: { data: JobData; job: Job }) => (
  <EraseDialog
    name={jobName(job)}
    word={job.external_id ?? job.id.slice(-6)}
    wordIs={job.external_id === null ? 'the end of its id' : 'its external id'}
    words="Erase this job"
    stay="Keep this job"
    back={to(`/jobs/${job.id}`)}
    after={to(`/projects/${job.project_id}`)}
    afterIs="Back to its project"
    goesOn="The list of its project may show it for a minute. A pipeline that is still at work for it is told to stop."
    onRefused={() => void data.refresh()}
    request={(signal) =>
      ask(
        (client, signal) => client.DELETE('/jobs/{jobId}', { params: { path: { jobId: job.id } }, signal }),
        signal,
      )
    }
  >
    <p>
      The job goes for good, with its attempts, its versions, what happened to it, its tags and metadata, and
      the corrections that were written here. Nothing brings it back.
    </p>
    <p class="muted">
      Files that a pipeline made, or that lie elsewhere, stay where they are.
      {job.external_id !== null && ' Its external id is free for another job at once.'}
    </p>
  </EraseDialog>
);

export const EraseProject = ({ project }: { project: Project }) => (
  <EraseDialog
    name={project.name}
    word={project.name}
    wordIs="its name"
    words="Erase this project"
    stay="Keep this project"
    back={to(`/projects/${project.id}`)}
    after={to('')}
    afterIs="All projects"
    goesOn="The list of projects may show it for a minute."
    onRefused={() => {}}
    request={(signal) =>
      ask(
        (client, signal) =>
          client.DELETE('/projects/{projectId}', { params: { path: { projectId: project.id } }, signal }),
        signal,
      )
    }
  >
    <p>The project goes for good, with its list of operations. Nothing brings it back.</p>
    <p class="muted">Only a project without jobs can be erased.</p>
  </EraseDialog>
);

interface EraseDialogProps {
  name: string;
  /** What is typed. */
  word: string;
  wordIs: string;
  words: string;
  stay: string;
  back: string;
  /** Where one is afterwards. */
  after: string;
  afterIs: string;
  /** What may be left to do once it is decided. */
  goesOn: string;
  onRefused: () => void;
  request: (signal: AbortSignal) => Promise<Answer<unknown>>;
  children: ComponentChildren;
}

function EraseDialog(props: EraseDialogProps) {
  const { name, word, wordIs, words, stay, back, after, children } = props;
  const given = useSignal('');
  const isDecided = useSignal(false);
  const leave = () => {
    announce(`${name} is erased.`);
    go(after, { replace: true });
  };
  const sending = useSending(({ status }) => {
    // Erased by somebody else, or before an answer was lost: it is gone either way.
    if (status === 404) leave();
    else props.onRefused();
  });
  const isMeant = inOneLine(given.value) === inOneLine(word);
  const send = () => {
    if (!isMeant) return;
    sending.send(
      async (signal) => {
        const answer = await props.request(signal);
        return answer.ok ? { ...answer, data: answer.response.status === 202 } : answer;
      },
      (goesOn) => {
        if (!goesOn) return leave();
        announce(`${name} is erased. The rest happens by itself.`);
        isDecided.value = true;
      },
    );
  };
  if (isDecided.value) {
    return (
      <Dialog key="erased" title={`${name} is erased`} back={after}>
        <p>It is gone for good. {props.goesOn}</p>
        <div class="buttons">
          <a class="button primary" href={after} data-replace>
            {props.afterIs}
          </a>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={`Erase “${name}”?`} back={back} isBusy={sending.isBusy}>
      {children}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <label for="word">
          To erase it, type <b>{word}</b> <span class="muted">({wordIs})</span>
        </label>
        <input
          id="word"
          value={given.value}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          onInput={({ currentTarget }) => {
            given.value = currentTarget.value;
          }}
        />
      </form>
      <SendingNote sending={sending} />
      <div class="buttons">
        <NotNow back={back} isBusy={sending.isBusy} words={stay} />
        <SendButton sending={sending} words={words} onSend={send} isOff={!isMeant} isDangerous />
      </div>
    </Dialog>
  );
}

/** As it is seen on the page. */
const inOneLine = (text: string): string => text.trim().replace(/\s+/g, ' ');
