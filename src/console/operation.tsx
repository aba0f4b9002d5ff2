// One operation: how far it is, what became of its jobs and why, and what can be done with it now.
import { useEffect, useMemo } from 'preact/hooks';
import { announce } from './announce.tsx';
import { ask, type Operation } from './api.ts';
import { Dialog, NotNow } from './dialog.tsx';
import { choiceParams, NOTHING } from './filter.ts';
import { type Item, type ItemOutcome, OperationData } from './operation-data.ts';
import { isOver, OperationState, operationName } from './operations.tsx';
import { useProjectName } from './project-name.ts';
import { ofMany } from './refusals.ts';
import { go, match, query, to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { Icon, Id, jobName, RowTime, Time, Who } from './shown.tsx';
import { NotShown, Skeleton } from './states.tsx';
import { useTitle } from './title.ts';
import { jobsInWords, OUTCOME_SHAPES, OUTCOMES } from './words.ts';

const OUTCOME_ORDER = Object.keys(OUTCOMES) as ItemOutcome[];

export function OperationView({ id }: { id: string }) {
  const data = useMemo(() => new OperationData(id), [id]);
  useEffect(() => () => data.dispose(), [data]);
  const asked = query.value.get('outcome');
  const outcome = OUTCOME_ORDER.find((known) => known === asked) ?? null;
  useEffect(() => data.show(outcome), [data, outcome]);
  const operation = data.operation.value;
  const project = useProjectName(operation?.project_id ?? null);
  const name = operation === null ? 'Operation' : operationName(operation.counts.total, operation);
  useTitle(name, [
    ...(operation ? [{ words: project ?? '…', address: to(`/projects/${operation.project_id}`) }] : []),
    { words: name },
  ]);

  const refusal = data.refusal.value;
  if (refusal) return <NotShown refusal={refusal} again={() => void data.refresh()} />;
  if (operation === null)
    return (
      <div class="page">
        <Skeleton rows={6} />
      </div>
    );
  return (
    <div class="page operation">
      <div class="page-head">
        <h1 tabIndex={-1}>{name}</h1>
        <OperationState of={operation} />
        <Id id={id} label="operation" />
      </div>
      <p class="muted">
        <Who of={operation} />, <Time at={operation.created_at} /> · at most {operation.request.max_in_flight}{' '}
        in flight
        {operation.request.discard_edits.length > 0 && ' · what people corrected may be redone'}
      </p>
      <Progress operation={operation} />
      <Acts data={data} operation={operation} />
      <Reasons operation={operation} />
      <Items data={data} operation={operation} outcome={outcome} />
      {match('/operations/:id/stop') && <StopDialog data={data} operation={operation} />}
    </div>
  );
}

function Progress({ operation }: { operation: Operation }) {
  const { counts, resume_at } = operation;
  const ended = counts.total - counts.waiting - counts.in_flight;
  return (
    <div class="done-so-far">
      <progress value={ended} max={counts.total || 1} aria-label="Jobs that have ended" />
      <span>
        {ended.toLocaleString('en')} of {jobsInWords(counts.total)} ended
      </span>
      {operation.state === 'waiting' && (
        <p class="note warning">
          The pipeline could not be reached. Nothing is lost
          {resume_at === null ? '.' : '; it goes on by itself: '}
          {resume_at !== null && <Time at={resume_at} always />}
        </p>
      )}
    </div>
  );
}

type Command = 'pause' | 'resume' | 'cancel';

const command = (data: OperationData, what: Command, signal: AbortSignal) => {
  const params = { path: { operationId: data.id } };
  const body = {};
  return ask((client, signal) => {
    if (what === 'pause') return client.POST('/operations/{operationId}/pause', { params, body, signal });
    if (what === 'resume') return client.POST('/operations/{operationId}/resume', { params, body, signal });
    return client.POST('/operations/{operationId}/cancel', { params, body, signal });
  }, signal);
};

/** An operation that is over can be begun anew over what did not succeed in it. */
function Acts({ data, operation }: { data: OperationData; operation: Operation }) {
  const { state, counts } = operation;
  const sending = useSending(() => void data.refresh());
  const send = (what: Command, done: string) => {
    const take = data.awaiting();
    sending.send(
      (signal) => command(data, what, signal),
      (shown) => {
        take(shown);
        announce(done);
      },
    );
  };
  const again = (outcome: 'failed' | 'skipped' | 'withdrawn', count: number, words: string) =>
    count > 0 && (
      <a
        class="button"
        href={to(`/projects/${operation.project_id}/retries/new`, {
          ...choiceParams({ ...NOTHING, operation: operation.id, outcome }),
          profile: operation.request.model_profile,
        })}
      >
        Retry {count.toLocaleString('en')} {words}…
      </a>
    );
  return (
    <>
      <div class="acts">
        {(state === 'running' || state === 'waiting') && (
          <button type="button" aria-disabled={sending.isBusy} onClick={() => send('pause', 'Paused.')}>
            Pause
          </button>
        )}
        {(state === 'paused' || state === 'waiting') && (
          <button
            type="button"
            class="primary"
            aria-disabled={sending.isBusy}
            onClick={() => send('resume', 'Resumed.')}
          >
            {state === 'paused' ? 'Resume' : 'Resume now'}
          </button>
        )}
        {['running', 'waiting', 'paused'].includes(state) && (
          <a class="button" href={to(`/operations/${data.id}/stop`)}>
            Stop…
          </a>
        )}
        {again('failed', counts.failed, 'that failed again')}
        {again('withdrawn', counts.withdrawn, 'that were not taken')}
        {again('skipped', counts.skipped, 'that were left out')}
      </div>
      <SendingNote sending={sending} />
    </>
  );
}

function Reasons({ operation }: { operation: Operation }) {
  const refused = Object.entries(operation.counts.refused_by);
  if (refused.length === 0) return null;
  return (
    <p>
      <b>Refused:</b>{' '}
      {refused.map(([code, count]) => `${count.toLocaleString('en')} ${ofMany(code)}`).join(' · ')}
    </p>
  );
}

function Items(props: { data: OperationData; operation: Operation; outcome: ItemOutcome | null }) {
  const { data, operation, outcome } = props;
  const { counts } = operation;
  const items = data.items.value;
  const all = outcome === null ? counts.total : counts[outcome];
  const chip = (which: ItemOutcome | null, words: string, count: number) => (
    <a
      key={words}
      class="chip"
      href={to(`/operations/${data.id}`, { outcome: which })}
      aria-current={which === outcome ? 'true' : undefined}
    >
      {words}
      <span class="count">{count.toLocaleString('en')}</span>
    </a>
  );
  return (
    <section aria-labelledby="its-jobs">
      <h2 id="its-jobs">Its jobs</h2>
      <nav class="chips" aria-label="Jobs by what became of them">
        {chip(null, 'All', counts.total)}
        {OUTCOME_ORDER.filter((each) => counts[each] > 0 || each === outcome).map((each) =>
          chip(each, OUTCOMES[each], counts[each]),
        )}
      </nav>
      {items === null ? (
        <Skeleton rows={5} />
      ) : items.length === 0 ? (
        <p class="muted">None.</p>
      ) : (
        <table class="list">
          <thead>
            <tr>
              <th scope="col">What became of it</th>
              <th scope="col">Job</th>
              <th scope="col" class="cause-cell">
                Why
              </th>
              <th scope="col" class="narrow">
                Since
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((item) => (
              <Row key={item.job_id ?? item.changed_at} item={item} />
            ))}
          </tbody>
        </table>
      )}
      {items !== null && items.length < all && (
        <div class="more">
          <button type="button" onClick={() => data.more()}>
            More jobs
          </button>
        </div>
      )}
    </section>
  );
}

const Row = ({ item: { job_id: id, external_id, ...item } }: { item: Item }) => (
  <tr>
    <td class="status-cell">
      <span class="status">
        <Icon shape={OUTCOME_SHAPES[item.outcome]} /> {OUTCOMES[item.outcome]}
      </span>
    </td>
    <th scope="row">
      {id === null ? (
        <span class="muted">erased</span>
      ) : (
        <a class="row-link" href={to(`/jobs/${id}`)}>
          {jobName({ id, external_id })}
        </a>
      )}
    </th>
    <td class="cause-cell">
      {item.outcome === 'refused' ? ofMany(item.reason ?? '') : <code>{item.reason}</code>}
    </td>
    <td class="narrow">
      <RowTime at={item.changed_at} />
    </td>
  </tr>
);

/** Asked once more; the safe choice comes first. */
function StopDialog({ data, operation }: { data: OperationData; operation: Operation }) {
  const { waiting, in_flight } = operation.counts;
  const back = to(`/operations/${data.id}`);
  const sending = useSending(() => void data.refresh());
  const send = () => {
    const take = data.awaiting();
    sending.send(
      (signal) => command(data, 'cancel', signal),
      (shown) => {
        take(shown);
        announce('It stops after what is in flight.');
        go(back, { replace: true });
      },
    );
  };
  return (
    <Dialog title="Stop after what is in flight?" back={back} isBusy={sending.isBusy}>
      {isOver(operation) ? (
        <p>It is over already.</p>
      ) : (
        <p>
          {jobsInWords(in_flight)} in flight {in_flight === 1 ? 'goes' : 'go'} on; {jobsInWords(waiting)}{' '}
          {waiting === 1 ? 'is' : 'are'} not begun. It cannot be resumed; what is left out can be retried by
          another bulk retry.
        </p>
      )}
      <SendingNote sending={sending} />
      <div class="buttons">
        <NotNow back={back} isBusy={sending.isBusy} words="Don’t stop it" />
        <SendButton sending={sending} words="Stop" onSend={send} isDangerous isOff={isOver(operation)} />
      </div>
    </Dialog>
  );
}
