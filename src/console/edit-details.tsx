// The dialogue in which tags and metadata of a job are changed. What somebody else has changed meanwhile is shown beside what was typed,
// and neither is written over by itself; any other change of the job is nobody's business here.
import { type Signal, useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { announce } from './announce.tsx';
import { type Answer, ask, type Job, type Refusal } from './api.ts';
import { Dialog, NotNow } from './dialog.tsx';
import type { JobData } from './job-data.ts';
import { changesOf, isSame, type Labels, type Pair, pairsOf, typed } from './labels.ts';
import { go, to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { me } from './session.ts';
import { jobName, Who } from './shown.tsx';

/** A job whose pipeline reports is another with every report. */
const MOST_TRIES = 5;

export function EditDetails({ data, job }: { data: JobData; job: Job }) {
  // What the typed text is a change of.
  const base = useSignal<Labels>(job);
  const tags = useSignal(job.tags.join('\n'));
  const pairs = useSignal(pairsOf(job));
  const sending = useSending();
  const back = to(`/jobs/${data.id}`);
  const { labels, mistake } = typed(tags.value, pairs.value);
  const isElse = !isSame(job, base.value) && !isSame(job, labels);
  // While it is being sent, what the stream brings may be one's own.
  const newer = isElse && !sending.isBusy ? job : null;
  const isOff = mistake !== null || newer !== null || isSame(labels, base.value);
  const send = () => {
    if (mistake !== null || isSame(labels, base.value)) return;
    const [from, wanted] = [base.value, labels];
    sending.send(
      (signal) => patch(data, from, wanted, signal),
      async () => {
        await data.refresh();
        announce('Details saved.');
        go(back, { replace: true });
      },
    );
  };
  return (
    <Dialog
      title={`Details of ${jobName(job)}`}
      back={back}
      isBusy={sending.isBusy}
      onSend={() => !isOff && send()}
    >
      {newer && (
        <Newer
          data={data}
          newer={newer}
          onMine={() => {
            base.value = newer;
            send();
          }}
          onTheirs={() => {
            sending.reset();
            base.value = newer;
            tags.value = newer.tags.join('\n');
            pairs.value = pairsOf(newer);
          }}
        />
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!isOff) send();
        }}
      >
        <label for="tags">Tags</label>
        <textarea
          id="tags"
          rows={4}
          value={tags.value}
          spellcheck={false}
          aria-describedby="tags-hint"
          onInput={({ currentTarget }) => {
            tags.value = currentTarget.value;
          }}
        />
        <p id="tags-hint" class="muted">
          One on each line.
        </p>
        <Metadata pairs={pairs} />
        {/* Enter in a field saves, as it does elsewhere. */}
        <button type="submit" hidden />
      </form>
      {job.external_id !== null && (
        <p class="muted">
          Its external id, <b>{job.external_id}</b>, is for good: it is given when a job is made.
        </p>
      )}
      {mistake !== null && <p class="note refused">{mistake}</p>}
      {newer === null && <SendingNote sending={sending} />}
      <div class="buttons">
        <NotNow back={back} isBusy={sending.isBusy} />
        <SendButton sending={sending} words="Save details" onSend={send} isOff={isOff} hint="Ctrl Enter" />
      </div>
    </Dialog>
  );
}

/** Somebody else's change is there already, as the stream has told. */
const CHANGED: Refusal = {
  code: 'JOB_CHANGED',
  status: 412,
  title: 'Somebody else has changed the details.',
  ...{ detail: null, details: {}, retryable: false, retryAfterSeconds: null },
};

/** For the job as it is shown; once more where what has changed of it is something else. After a lost answer it may be done already. */
async function patch(
  data: JobData,
  from: Labels,
  wanted: Labels,
  signal: AbortSignal,
): Promise<Answer<unknown>> {
  const body = changesOf(from, wanted);
  for (let tries = 1; ; tries += 1) {
    const job = data.job.peek();
    if (job === null || !(isSame(job, from) || isSame(job, wanted))) return { ok: false, refusal: CHANGED };
    const answer = await ask(
      (client, signal) =>
        client.PATCH('/jobs/{jobId}', {
          params: { path: { jobId: data.id }, header: { 'If-Match': data.etag } },
          body,
          signal,
        }),
      signal,
    );
    if (answer.ok || answer.refusal.code !== 'JOB_CHANGED' || tries === MOST_TRIES) return answer;
    await data.refresh();
  }
}

function Metadata({ pairs }: { pairs: Signal<readonly Pair[]> }) {
  const add = useRef<HTMLButtonElement>(null);
  const change = (key: number, change: Partial<Pair>) => {
    pairs.value = pairs.value.map((pair) => (pair.key === key ? { ...pair, ...change } : pair));
  };
  return (
    <fieldset>
      <legend>Metadata</legend>
      {pairs.value.map((pair) => (
        <PairFields
          key={pair.key}
          pair={pair}
          onChange={(changed) => change(pair.key, changed)}
          onRemove={() => {
            pairs.value = pairs.value.filter(({ key }) => key !== pair.key);
            add.current?.focus();
          }}
        />
      ))}
      <button
        type="button"
        ref={add}
        onClick={() => {
          const key = Math.max(0, ...pairs.value.map(({ key }) => key)) + 1;
          pairs.value = [...pairs.value, { key, name: '', value: '', isFresh: true }];
        }}
      >
        Add an entry
      </button>
    </fieldset>
  );
}

interface PairFieldsProps {
  pair: Pair;
  onChange: (change: Partial<Pair>) => void;
  onRemove: () => void;
}

function PairFields({ pair, onChange, onRemove }: PairFieldsProps) {
  const name = useRef<HTMLInputElement>(null);
  // Before the next key arrives.
  useLayoutEffect(() => {
    if (pair.isFresh) name.current?.focus();
  }, []);
  const of = pair.name.trim() === '' ? 'a new entry' : pair.name;
  return (
    <div class="entry">
      <input
        ref={name}
        value={pair.name}
        aria-label={`Name of ${of}`}
        placeholder="Name"
        maxLength={40}
        autocomplete="off"
        spellcheck={false}
        onInput={({ currentTarget }) => onChange({ name: currentTarget.value })}
      />
      <input
        value={pair.value}
        aria-label={`Value of ${of}`}
        placeholder="Value"
        maxLength={500}
        autocomplete="off"
        onInput={({ currentTarget }) => onChange({ value: currentTarget.value })}
      />
      <button type="button" aria-label={`Remove ${of}`} onClick={onRemove}>
        Remove
      </button>
    </div>
  );
}

interface NewerProps {
  data: JobData;
  newer: Labels;
  onMine: () => void;
  onTheirs: () => void;
}

/** The later of two: both are there, and which one goes on is the person's choice. */
function Newer({ data, newer, onMine, onTheirs }: NewerProps) {
  const last = data.history.value.find(({ event_type }) => event_type === 'labels_changed');
  const isOwn = last !== undefined && last.actor_id === me.value?.actor_id;
  const entries = Object.entries(newer.metadata);
  return (
    <div class="changed" role="alert">
      <h3>
        {isOwn ? (
          'You have changed this elsewhere meanwhile'
        ) : (
          <>Changed by {last ? <Who of={last} /> : 'somebody'} while you were editing</>
        )}
      </h3>
      <p>What you have typed is still here. Saved now are:</p>
      <dl>
        <dt>Tags</dt>
        <dd>{newer.tags.length === 0 ? 'none' : newer.tags.join(', ')}</dd>
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div class="buttons">
        <button type="button" onClick={onMine}>
          Save mine
        </button>
        <button type="button" onClick={onTheirs}>
          Take what is saved
        </button>
      </div>
    </div>
  );
}
