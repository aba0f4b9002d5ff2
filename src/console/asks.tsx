// The dialogues that ask for one thing, or once more: where the video is, and whether something is to end.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { announce } from './announce.tsx';
import { type Answer, ask, type Job } from './api.ts';
import { Dialog, NotNow } from './dialog.tsx';
import type { JobData } from './job-data.ts';
import { go, to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { jobName, Reference } from './shown.tsx';
import { VideoField } from './video-field.tsx';

interface OfJob {
  data: JobData;
  job: Job;
}

const ofJob = ({ id }: JobData) => ({ path: { jobId: id } });

export const ConfirmUploadDialog = ({ data, job }: OfJob) => (
  <VideoDialog
    data={data}
    title={`Video of ${jobName(job)}`}
    words="Confirm video"
    done="Video confirmed."
    request={(video_uri, signal) =>
      ask(
        (client, signal) =>
          client.POST('/jobs/{jobId}/confirm-upload', { params: ofJob(data), body: { video_uri }, signal }),
        signal,
      )
    }
  >
    <p>Confirm where the uploaded video is. The pipeline reads it from there.</p>
  </VideoDialog>
);

export function RenewVideoDialog({ data, job }: OfJob) {
  const replaces = job.manifest.video_uri ?? '';
  return (
    <VideoDialog
      data={data}
      title={`Change the video’s address of ${jobName(job)}`}
      words="Change the address"
      done="The video’s address is changed."
      request={(video_uri, signal) =>
        ask(
          (client, signal) =>
            client.PUT('/jobs/{jobId}/video', { params: ofJob(data), body: { video_uri, replaces }, signal }),
          signal,
        )
      }
    >
      <p>
        {job.failure?.failure_class === 'input'
          ? 'Give the address of a video that can be used. A retry starts from it; what was made so far stays.'
          : 'Give the address that the video has now. What was made of it stays.'}
      </p>
      {replaces && (
        <p class="muted">
          So far: <Reference uri={replaces} what="the address of the video so far" />
        </p>
      )}
    </VideoDialog>
  );
}

interface VideoDialogProps {
  data: JobData;
  title: string;
  words: string;
  done: string;
  request: (uri: string, signal: AbortSignal) => Promise<Answer<unknown>>;
  children: ComponentChildren;
}

function VideoDialog({ data, title, words, done, request, children }: VideoDialogProps) {
  const uri = useSignal('');
  const back = to(`/jobs/${data.id}`);
  const sending = useSending(() => void data.refresh());
  const wanted = uri.value.trim();
  const send = () => {
    if (wanted === '') return;
    sending.send(
      (signal) => request(wanted, signal),
      async () => {
        await data.refresh();
        announce(done);
        go(back, { replace: true });
      },
    );
  };
  return (
    <Dialog title={title} back={back} isBusy={sending.isBusy} onSend={send}>
      {children}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <VideoField uri={uri} />
      </form>
      <SendingNote sending={sending} />
      <div class="buttons">
        <NotNow back={back} isBusy={sending.isBusy} />
        <SendButton sending={sending} words={words} onSend={send} isOff={wanted === ''} hint="Ctrl Enter" />
      </div>
    </Dialog>
  );
}

export const AbandonDialog = ({ data, job }: OfJob) => (
  <EndDialog
    data={data}
    title={`Give up the attempt on ${jobName(job)}?`}
    words="Give up this attempt"
    stay="Keep it running"
    done="The attempt was given up."
    request={(signal) =>
      ask(
        (client, signal) => client.POST('/jobs/{jobId}/abandon', { params: ofJob(data), body: {}, signal }),
        signal,
      )
    }
  >
    <p>Its pipeline is told to stop, and nothing that it still reports counts.</p>
    <p>The job itself stays open: it can be retried at once, from what has been made so far.</p>
  </EndDialog>
);

export const CancelDialog = ({ data, job }: OfJob) => (
  <EndDialog
    data={data}
    title={`Cancel ${jobName(job)}?`}
    words="Cancel the job"
    stay="Keep this job"
    done="The job was cancelled."
    request={(signal) =>
      ask(
        (client, signal) => client.POST('/jobs/{jobId}/cancel', { params: ofJob(data), body: {}, signal }),
        signal,
      )
    }
  >
    <p>
      {job.open_dispatch
        ? 'The attempt that is under way is stopped, and the job is closed'
        : 'The job is closed'}{' '}
      for good: it can’t be run, retried, corrected or exported any more.
    </p>
    <p>What has been made stays where it is, and can be read.</p>
  </EndDialog>
);

interface EndDialogProps {
  data: JobData;
  title: string;
  words: string;
  stay: string;
  done: string;
  request: (signal: AbortSignal) => Promise<Answer<unknown>>;
  children: ComponentChildren;
}

function EndDialog({ data, title, words, stay, done, request, children }: EndDialogProps) {
  const back = to(`/jobs/${data.id}`);
  const sending = useSending(() => void data.refresh());
  const send = () =>
    sending.send(request, async () => {
      await data.refresh();
      announce(done);
      go(back, { replace: true });
    });
  return (
    <Dialog title={title} back={back} isBusy={sending.isBusy}>
      {children}
      <SendingNote sending={sending} />
      <div class="buttons">
        <NotNow back={back} isBusy={sending.isBusy} words={stay} />
        <SendButton sending={sending} words={words} onSend={send} isDangerous />
      </div>
    </Dialog>
  );
}
