// Retry of many jobs: which they are, what would become of each and why, before anything is sent. It sends what it shows, for as many
// jobs as it shows, or nothing.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { announce } from './announce.tsx';
import { ask, type Operation } from './api.ts';
import { type BulkBody, type BulkChoices, BulkData, type DryRun } from './bulk-data.ts';
import { BulkPlan } from './bulk-plan.tsx';
import { exact, now } from './clock.ts';
import { inWords as choiceInWords, choiceOf, choiceParams, toBulkFilter } from './filter.ts';
import { forgetRequest, keepSent, requestId, type Sent, sentBefore } from './kept.ts';
import { useProjectName } from './project-name.ts';
import { inWords } from './refusals.ts';
import { go, path, query, to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { Empty, NotShown, Skeleton, TryAgain } from './states.tsx';
import { useTitle } from './title.ts';
import { jobsInWords } from './words.ts';

const DEFAULT_IN_FLIGHT = 10;
const MOST_IN_FLIGHT = 100;

/** All that is chosen stands in the address. */
function choicesOf(params: URLSearchParams): BulkChoices {
  const inFlight = Number(params.get('in_flight'));
  return {
    choice: choiceOf(params),
    profile: params.get('profile') || null,
    isRedoingCorrected: params.get('corrected') === 'redo',
    inFlight:
      Number.isInteger(inFlight) && inFlight >= 1 && inFlight <= MOST_IN_FLIGHT
        ? inFlight
        : DEFAULT_IN_FLIGHT,
  };
}

const choose = (choices: BulkChoices): void =>
  go(
    to(path.value, {
      ...choiceParams(choices.choice),
      profile: choices.profile,
      corrected: choices.isRedoingCorrected ? 'redo' : null,
      in_flight: choices.inFlight === DEFAULT_IN_FLIGHT ? null : String(choices.inFlight),
    }),
    { replace: true },
  );

export function BulkView({ projectId }: { projectId: string }) {
  const name = useProjectName(projectId);
  const choices = choicesOf(query.value);
  // How many at a time makes no other plan.
  const { inFlight: _, ...planned } = choices;
  const chosen = JSON.stringify(planned);
  const data = useMemo(() => new BulkData(projectId), [projectId]);
  useEffect(() => void data.load(choices), [data, chosen]);
  useEffect(() => () => data.dispose(), [data]);
  const back = to(`/projects/${projectId}`);
  useTitle('Retry many jobs', [{ words: name ?? 'Project', address: back }, { words: 'Retry' }]);

  const run = data.run.value;
  const refusal = data.refusal.value;
  if (refusal?.status === 401 || refusal?.status === 404)
    return <NotShown refusal={refusal} again={() => void data.load(choices)} />;
  return (
    <div class="page bulk">
      <div class="page-head">
        <h1 tabIndex={-1}>Retry {run === null ? 'many jobs' : jobsInWords(run.found)}</h1>
        {run && <span class="muted">counted at {exact(run.at, now.peek())}</span>}
      </div>
      <p>
        {toBulkFilter(choices.choice) === null
          ? 'Nothing is selected, and no filter is named.'
          : `Which: ${choiceInWords(choices.choice)}.`}
      </p>
      {run?.found === 0 ? (
        <Empty title="No job matches">
          <p>There is nothing to retry.</p>
          <a href={back}>Show the jobs of the project</a>
        </Empty>
      ) : (
        <Form key={projectId} projectId={projectId} data={data} choices={choices} />
      )}
    </div>
  );
}

interface FormProps {
  projectId: string;
  data: BulkData;
  choices: BulkChoices;
}

function Form({ projectId, data, choices }: FormProps) {
  const run = data.run.value;
  const before = data.before.value;
  const refusal = data.refusal.value;
  const changed = useRef<HTMLHeadingElement>(null);
  const key = `bulk:${projectId}`;
  const lost = useSignal<Sent<BulkBody> | null>(sentBefore<BulkBody>(key));
  const sending = useSending((refused) => {
    keepSent(key, null);
    lost.value = null;
    if (refused.code !== 'JOBS_CHANGED') return;
    sending.reset();
    void data.load(choices, data.run.peek()).then(() => changed.current?.focus());
  });
  const allowed = run?.jobs.filter(({ plan }) => plan.verdict === 'allowed').length ?? 0;
  const isOff = lost.value !== null || (run !== null && run.next === null && allowed === 0);

  const sendBody = (body: BulkBody) => {
    keepSent(key, { body, at: Date.now() });
    sending.send(
      (signal) =>
        ask(
          (client, signal) =>
            client.POST('/projects/{projectId}/retries', { params: { path: { projectId } }, body, signal }),
          signal,
        ),
      (begun) => {
        keepSent(key, null);
        forgetRequest(key);
        const { id, counts } = begun as Operation;
        announce(`Begun: ${jobsInWords(counts.total)} are retried.`);
        go(to(`/operations/${id}`), { replace: true });
      },
    );
  };
  const send = () => {
    const body = data.body(choices);
    if (body === null || isOff) return;
    sendBody({ ...body, client_request_id: requestId(key, JSON.stringify(body)) });
  };
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      if (run !== null) send();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  });

  return (
    <>
      {lost.value !== null && !sending.isBusy && (
        <div class="note warning" role="alert">
          <p>
            A retry of {jobsInWords(lost.value.body.expected ?? 0)} was sent at{' '}
            {exact(lost.value.at, now.peek())}, and its answer was lost. Asking again does nothing twice.
          </p>
          <button type="button" onClick={() => lost.value && sendBody(lost.value.body)}>
            Ask what became of it
          </button>{' '}
          <button
            type="button"
            onClick={() => {
              keepSent(key, null);
              lost.value = null;
            }}
          >
            Leave it
          </button>
        </div>
      )}
      {before && run && (
        <div class="changed" role="alert">
          <h2 tabIndex={-1} ref={changed}>
            The jobs have changed
          </h2>
          <p>
            At {exact(before.at, now.peek())} there were {jobsInWords(before.found)}; now there{' '}
            {run.found === 1 ? 'is' : 'are'} {run.found.toLocaleString('en')}. Nothing was sent. Below is what
            would happen now.
          </p>
        </div>
      )}
      <Settings data={data} choices={choices} />
      {refusal ? (
        <div class="note refused" role="alert">
          <p>{inWords(refusal)}</p>
          <TryAgain refusal={refusal} again={() => void data.load(choices)} />
        </div>
      ) : run === null ? (
        <Skeleton rows={5} />
      ) : (
        <BulkPlan
          data={data}
          run={run}
          again={() => void data.load(choices)}
          more={() => void data.more(choices)}
        />
      )}
      <SendingNote sending={sending} />
      <div class="buttons">
        <a class="button" href={to(`/projects/${projectId}`)}>
          Not now
        </a>
        <SendButton
          sending={sending}
          words={buttonWords(run, allowed, before !== null)}
          onSend={send}
          isOff={isOff || run === null}
          hint="Ctrl Enter"
        />
      </div>
    </>
  );
}

function buttonWords(run: DryRun | null, allowed: number, isAnew: boolean): string {
  if (run === null) return 'Retry';
  const words = run.next === null ? `Retry ${jobsInWords(allowed)}` : `Retry up to ${jobsInWords(run.found)}`;
  return isAnew ? `${words} after all` : words;
}

/** Every profile keeps its place; one that is not offered to anyone says so. */
function Settings({ data, choices }: { data: BulkData; choices: BulkChoices }) {
  return (
    <div class="settings">
      <p class="field">
        <label for="profile">Profile</label>
        <select
          id="profile"
          value={data.profile.value ?? ''}
          onChange={({ currentTarget }) => choose({ ...choices, profile: currentTarget.value })}
        >
          {data.profiles.value.map(({ id, title, refusal }) => {
            const isOff = (refusal?.details as { reason?: unknown } | undefined)?.reason === 'disabled';
            return (
              <option key={id} value={id} disabled={isOff}>
                {id}: {title}
                {isOff && ' (not offered any more)'}
              </option>
            );
          })}
        </select>
      </p>
      <p class="field">
        <label for="in-flight">At once, at most</label>
        <input
          id="in-flight"
          type="number"
          min={1}
          max={MOST_IN_FLIGHT}
          value={choices.inFlight}
          onChange={({ currentTarget }) => choose({ ...choices, inFlight: currentTarget.valueAsNumber })}
        />
      </p>
      <label class="choice">
        <input
          type="checkbox"
          checked={choices.isRedoingCorrected}
          onChange={({ currentTarget }) => choose({ ...choices, isRedoingCorrected: currentTarget.checked })}
        />
        Also redo what people corrected
      </label>
    </div>
  );
}
