// What to do now: the cause first, then what is offered.
import { type Signal, useSignal, useSignalEffect } from '@preact/signals';
import { announce } from './announce.tsx';
import { ask, type Job, type OfferedPlan } from './api.ts';
import { duration, exact, now } from './clock.ts';
import type { JobData } from './job-data.ts';
import { KeyHint } from './keys.tsx';
import { type Offer, offersOf } from './offers.ts';
import { askPlan, type PlanKind, profileOf } from './plans.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { Who } from './shown.tsx';
import { DOING, FAILURE_CLASSES, KINDS, RESUME_POINTS, statusWords } from './words.ts';

export function WhatToDo({ data, job }: { data: JobData; job: Job }) {
  const plan = usePlanInShort(data);
  const offers = offersOf(job, plan.value);
  const [first, ...others] = offers;
  return (
    <section
      class={`now ${job.status === 'FAILED' && !job.open_dispatch ? 'is-failed' : ''}`}
      aria-labelledby="now"
    >
      <h2 id="now" tabIndex={-1}>
        What to do now
      </h2>
      <Cause job={job} />
      <div class="offers">
        <div class="first">
          {first ? (
            <Offered offer={first} data={data} job={job} isFirst />
          ) : (
            <p>Nothing: this job has ended.</p>
          )}
        </div>
        {others.length > 0 && (
          <ul class="others">
            {others.map((offer) => (
              <li key={offer.key}>
                <Offered offer={offer} data={data} job={job} isFirst={false} />
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}

/** In words: what failed, where, and what that means; or what is going on. */
function Cause({ job }: { job: Job }) {
  const { failure, open_dispatch: open } = job;
  if (open) {
    const from = open.resume_from_status ? ` from ${RESUME_POINTS[open.resume_from_status]}` : '';
    return (
      <p class="cause">
        {KINDS[open.kind]} with <b>{open.model_profile}</b>
        {from},{' '}
        {open.actor_id === null ? (
          'by itself'
        ) : (
          <>
            asked for by <Who of={open} />
          </>
        )}
        : {open.dispatch_state === 'PENDING' && 'on its way to the pipeline.'}
        {open.dispatch_state === 'DELIVERED' && 'the pipeline has taken it, and has not reported yet.'}
        {open.dispatch_state === 'RUNNING' && `the pipeline is at work.`}
        {open.dispatch_state !== 'RUNNING' && open.delivery_attempts > 1 && open.last_error && (
          <span class="muted">
            {' '}
            Tried {open.delivery_attempts} times so far: {open.last_error}
          </span>
        )}
      </p>
    );
  }
  if (job.status !== 'FAILED' || failure === null) return <Rest job={job} />;
  const doing = DOING[failure.failed_stage ?? ''];
  return (
    <>
      <p class="cause">
        It failed{doing ? ` while ${doing}` : ''}
        {failure.model_profile ? (
          <>
            {' '}
            with <b>{failure.model_profile}</b>
          </>
        ) : null}
        : <code>{failure.failure_code}</code>. {FAILURE_CLASSES[failure.failure_class]}
      </p>
      {failure.failure_message && <Message text={failure.failure_message} />}
    </>
  );
}

/** The pipeline's own words: at once where they are few, else their beginning. */
function Message({ text }: { text: string }) {
  const [first = ''] = text.trim().split('\n');
  const isShort = first === text.trim() && first.length <= SHORT_MESSAGE;
  if (isShort) return <p class="message">{first}</p>;
  return (
    <details>
      <summary>{first.length > SHORT_MESSAGE ? `${first.slice(0, SHORT_MESSAGE)}…` : first}</summary>
      <p class="message">{text}</p>
    </details>
  );
}
const SHORT_MESSAGE = 160;

const RESTING: Readonly<Partial<Record<Job['status'], string>>> = {
  CREATED: 'There is no video yet. Say where it is, and the pipeline can start.',
  UPLOADING: 'The video is being uploaded. Confirm it when it is there.',
  UPLOADED: 'The video is there. The pipeline makes its audio, a transcript and a draft.',
  DRAFT_READY: 'The draft is ready to be read, corrected, exported, or made again.',
  EDITING: 'The draft is being worked on. Correct it, export it, or have it made again.',
  DONE: 'Everything that was asked for has been made.',
  CANCELLED: 'This job was cancelled. It can’t be retried.',
};

const Rest = ({ job }: { job: Job }) => (
  <p class="cause">{RESTING[job.status] ?? `${statusWords(job.status)}.`}</p>
);

function Offered({ offer, data, job, isFirst }: { offer: Offer; data: JobData; job: Job; isFirst: boolean }) {
  const { words, address, note, off, hint, isDangerous, action } = offer;
  const look = isFirst && !isDangerous ? 'primary' : isDangerous ? 'dangerous' : '';
  if (action.action === 'wait') return <Waits job={job} until={action.until} />;
  if (action.action === 'run') return <Run data={data} offer={offer} look={look} />;
  if (off !== null) {
    return (
      <span class="offer">
        <button
          type="button"
          aria-disabled="true"
          aria-describedby={`off-${offer.key}`}
          onClick={() => announce(off)}
        >
          {words}
        </button>
        <span id={`off-${offer.key}`} class="muted">
          {off}
        </span>
      </span>
    );
  }
  return (
    <span class="offer">
      <a class={`button ${look}`} href={address ?? ''}>
        {words} {hint && <KeyHint of={hint} />}
      </a>
      {note && <span class="muted">{note}</span>}
    </span>
  );
}

function Waits({ job, until }: { job: Job; until: string | null }) {
  if (until === null) return null;
  const at = Date.parse(until);
  const left = at - now.value;
  const words = job.open_dispatch
    ? `Wait: it counts as lost if nothing is heard until ${exact(at, now.value)}.`
    : job.next_retry_at
      ? `Wait: it is retried by itself at ${exact(at, now.value)}.`
      : `Wait until ${exact(at, now.value)}: before that it is expected to fail again.`;
  return (
    <p class="offer waits">
      {words}
      {left > 0 && left < 3_600_000 && <span class="muted"> {duration(left / 1000)} left</span>}
    </p>
  );
}

function Run({ data, offer, look }: { data: JobData; offer: Offer; look: string }) {
  const sending = useSending(() => void data.refresh());
  const send = () => {
    const profile = profileOf(offer.action.body);
    sending.send(
      (signal) =>
        ask(
          (client, signal) =>
            client.POST('/jobs/{jobId}/run', {
              params: { path: { jobId: data.id } },
              body: profile === null ? {} : { model_profile: profile },
              signal,
            }),
          signal,
        ),
      () => {
        announce('Run sent.');
        void data.refresh();
      },
    );
  };
  return (
    <span class="offer">
      {look === 'primary' ? (
        <SendButton sending={sending} words={offer.words} onSend={send} isOff={offer.off !== null} />
      ) : (
        <button type="button" aria-disabled={sending.isBusy} onClick={send}>
          {offer.words}
        </button>
      )}
      <span class="muted">{offer.off ?? offer.note}</span>
      <SendingNote sending={sending} waitingFor="the pipeline to accept" />
    </span>
  );
}

/** The plan behind the first button, asked for whenever the job has come to where a plan is offered. */
function usePlanInShort(data: JobData): Signal<OfferedPlan | null> {
  const plan = useSignal<OfferedPlan | null>(null);
  const asked = useSignal('');
  useSignalEffect(() => {
    const job = data.job.value;
    const action = job?.next_actions.find(
      ({ action, allowed }) => allowed && (action === 'retry' || action === 'redo'),
    );
    const profile = action ? profileOf(action.body) : null;
    const what = action ? JSON.stringify([action.action, profile, job?.revision]) : '';
    if (asked.peek() === what) return;
    asked.value = what;
    if (!action || profile === null) {
      plan.value = null;
      return;
    }
    const choices = { profile, from: null, discard: [] };
    void askPlan(action.action as PlanKind, data.id, choices).then((answer) => {
      if (answer.ok && asked.peek() === what) plan.value = answer.data;
    });
  });
  return plan;
}
