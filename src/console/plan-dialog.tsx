// The retry (or redo) dialogue is the plan: what is kept, what is made again and why, before anything is sent. It sends exactly
// what it shows, or nothing: a plan that has changed meanwhile is shown anew, with what changed.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { announce } from './announce.tsx';
import { ask, type Dispatch, type Job, type OfferedPlan, type Plan } from './api.ts';
import { exact, now } from './clock.ts';
import { Dialog, NotNow } from './dialog.tsx';
import type { JobData } from './job-data.ts';
import { forgetRequest, requestId } from './kept.ts';
import { Passed, PlanRows } from './plan-rows.tsx';
import { choices, choose, isResumePoint, Planning } from './planning.ts';
import { estimate, type PlanKind, profileOf, verb } from './plans.ts';
import { inWords, plannedInWords } from './refusals.ts';
import { go, to } from './router.ts';
import { SendButton, SendingNote, useSending } from './sending.tsx';
import { jobName, Who } from './shown.tsx';
import { Skeleton, TryAgain } from './states.tsx';
import { overBefore, RESUME_ORDER, RESUME_POINTS, STAGES } from './words.ts';

export function PlanDialog({ data, kind, job }: { data: JobData; kind: PlanKind; job: Job }) {
  const planning = useMemo(() => new Planning(kind, data.id), [kind, data.id]);
  const back = to(`/jobs/${data.id}`);
  const chosen = JSON.stringify(choices.value);
  useEffect(() => void planning.load(choices.value), [planning, chosen]);
  useEffect(() => () => planning.dispose(), [planning]);

  const plan = planning.plan.value;
  const before = planning.before.value;
  const changed = useRef<HTMLHeadingElement>(null);
  const requestKey = `${kind}:${data.id}`;
  const sending = useSending((refusal) => {
    if (refusal.code !== 'PLAN_CHANGED') {
      void data.refresh();
      return;
    }
    planning.changedTo(refusal.details.plan as Plan);
    sending.reset();
    setTimeout(() => changed.current?.focus());
  });
  const isOff = plan === null || plan.verdict === 'refused';
  const words = verb(kind, plan);
  /** What became of an attempt that was asked for before, and whose answer was lost. */
  const became = useSignal('');

  const send = () => {
    if (plan === null || isOff) return;
    became.value = '';
    const { from, discard } = choices.value;
    const body = {
      model_profile: plan.model_profile,
      client_request_id: requestId(requestKey, plan.etag),
      ...(from === null ? {} : { resume_from: from }),
      ...(discard.length === 0 ? {} : { discard_edits: [...discard] }),
    };
    const params = { path: { jobId: data.id }, header: { 'If-Match': plan.etag } };
    sending.send(
      (signal) =>
        ask(
          (client, signal) =>
            kind === 'retry'
              ? client.POST('/jobs/{jobId}/retry', { params, body, signal })
              : client.POST('/jobs/{jobId}/redo', { params, body, signal }),
          signal,
        ),
      async (accepted) => {
        forgetRequest(requestKey);
        await data.refresh();
        const over = overBefore(accepted);
        if (over !== null) {
          became.value = over;
          announce(over);
          void planning.load(choices.peek());
          return;
        }
        announce(acceptedInWords(kind, plan, accepted.replayed ? data.job.peek()?.open_dispatch : null));
        go(back, { replace: true });
      },
    );
  };

  return (
    <Dialog
      title={`${kind === 'retry' ? 'Retry' : 'Redo'} ${jobName(job)}`}
      back={back}
      isBusy={sending.isBusy}
      onSend={send}
      aside={plan && <span class="muted">plan of {exact(planning.at.value, now.peek())}</span>}
    >
      {before && (
        <div class="changed" role="alert">
          <h3 tabIndex={-1} ref={changed}>
            The plan has changed
          </h3>
          <p>
            It is no longer what was shown at {exact(before.at, now.peek())}, so nothing was sent. What
            changed is marked.
          </p>
        </div>
      )}
      <Profiles planning={planning} kind={kind} job={job} />
      <PlanShown planning={planning} data={data} />
      {!isRefused(plan) && <From planning={planning} kind={kind} />}
      {!isRefused(plan) && <Discard planning={planning} data={data} />}
      <p class="muted">Earlier versions are never deleted.</p>
      {became.value && (
        <p class="note warning" role="alert">
          {became.value}
        </p>
      )}
      <SendingNote sending={sending} waitingFor="the pipeline to accept" />
      <div class="buttons">
        <NotNow back={back} isBusy={sending.isBusy} />
        <SendButton
          sending={sending}
          words={before ? `${words} with this plan` : words}
          onSend={send}
          isOff={isOff}
          hint="Ctrl Enter"
        />
      </div>
    </Dialog>
  );
}

/** Whatever is chosen below; a correction in the way is a choice. */
const isRefused = (plan: Plan | null): boolean =>
  plan?.refusal != null && !CHOICES.includes(plan.refusal.error_code);
const CHOICES = ['EDITS_IN_THE_WAY', 'RESUME_POINT_NOT_AVAILABLE', 'MODEL_PROFILE_NOT_ALLOWED'];

/** A dispatch that has not come to an end. */

function acceptedInWords(kind: PlanKind, plan: Plan, replayed: Dispatch | null | undefined): string {
  if (replayed)
    return `This had been accepted already, at ${exact(Date.parse(replayed.created_at), Date.now())}.`;
  const kept = plan.stages.filter(({ action }) => action === 'keep').map(({ stage }) => STAGES[stage]);
  const keeps = kept.length === 0 ? '' : ` ${kept.join(' and ')} kept.`;
  return `${kind === 'retry' ? 'Retry' : 'Redo'} sent.${keeps}`;
}

/** Every profile keeps its place; one that is not allowed says why. Until there is a plan, as the job offers them. */
function Profiles({ planning, kind, job }: { planning: Planning; kind: PlanKind; job: Job }) {
  const shown = useRef(offered(job, kind));
  const plan = planning.plan.value;
  if (plan !== null) shown.current = plan.profiles;
  const selected = plan?.model_profile ?? choices.value.profile;
  return (
    <fieldset class="profiles">
      <legend>Profile</legend>
      {shown.current.map(({ id, title, refusal }) => {
        // What is refused under every profile is said once, below.
        const isOff = refusal?.error_code === 'MODEL_PROFILE_NOT_ALLOWED';
        return (
          <label key={id} class={`choice ${isOff ? 'is-off' : ''}`}>
            <input
              type="radio"
              name={`profile-${kind}`}
              value={id}
              checked={id === selected}
              disabled={isOff}
              onChange={() => choose({ profile: id })}
            />
            <span>
              <b>{id}</b> <span class="muted">{title}</span>
              {isOff && refusal && <span class="reason">{plannedInWords(refusal)}</span>}
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}

type OfferedProfile = Pick<OfferedPlan['profiles'][number], 'id' | 'title' | 'refusal'>;

function offered(job: Job, kind: PlanKind): OfferedProfile[] {
  const actions = job.next_actions.filter(({ action }) => action.startsWith(kind));
  return actions.flatMap(({ body }) => {
    const id = profileOf(body);
    return id === null ? [] : [{ id, title: '', refusal: null }];
  });
}

function PlanShown({ planning, data }: { planning: Planning; data: JobData }) {
  const plan = planning.plan.value;
  const refusal = planning.refusal.value;
  if (refusal) {
    return (
      <div class="note refused" role="alert">
        <p>{inWords(refusal)}</p>
        <TryAgain refusal={refusal} again={() => void planning.load(choices.peek())} />
      </div>
    );
  }
  if (plan === null) return <Skeleton rows={3} />;
  if (plan.refusal && plan.refusal.error_code !== 'EDITS_IN_THE_WAY') {
    return (
      <p class="note refused" role="status">
        {plannedInWords(plan.refusal)}
      </p>
    );
  }
  const takes = estimate(plan);
  return (
    <>
      <PlanRows
        plan={plan}
        before={planning.before.value?.plan ?? null}
        versions={data.versions.value ?? []}
      />
      {plan.refusal && (
        <p class="note refused" role="status">
          {plannedInWords(plan.refusal)} Choose below what is to happen to it.
        </p>
      )}
      {takes && <p class="takes">Takes {takes}, as it did the last time.</p>}
      <Passed plan={plan} versions={data.versions.value ?? []} />
    </>
  );
}

/** Further back is a choice that is seen, with its price in the plan above. */
function From({ planning, kind }: { planning: Planning; kind: PlanKind }) {
  const furthest = planning.furthest.value;
  if (furthest === null) return null;
  const most = kind === 'redo' ? Math.min(RESUME_ORDER.indexOf(furthest), 2) : RESUME_ORDER.indexOf(furthest);
  const points = RESUME_ORDER.slice(0, most + 1).toReversed();
  if (points.length < 2) return null;
  return (
    <p class="field">
      <label for="from">Start from</label>
      <select
        id="from"
        value={choices.value.from ?? ''}
        onChange={({ currentTarget: { value } }) => choose({ from: isResumePoint(value) ? value : null })}
      >
        {points.map((point, index) => (
          <option key={point} value={index === 0 ? '' : point}>
            {index === 0
              ? `${RESUME_POINTS[point]}: keeps the most`
              : `further back: ${RESUME_POINTS[point]}`}
          </option>
        ))}
      </select>
    </p>
  );
}

function Discard({ planning, data }: { planning: Planning; data: JobData }) {
  const { discard } = choices.value;
  const stages = [...new Set([...planning.corrected.value, ...discard])].sort();
  if (stages.length === 0) return null;
  return (
    <fieldset class="discard">
      <legend>Corrections</legend>
      {stages.map((stage) => {
        const newest = data.versions.value?.findLast(
          (version) => version.stage === stage && version.made_by.kind === 'editor',
        );
        const whose =
          newest?.made_by.kind === 'editor' ? (
            <>
              {' '}
              (v{newest.version}, <Who of={newest.made_by} />)
            </>
          ) : null;
        return (
          <label key={stage} class="choice">
            <input
              type="checkbox"
              checked={discard.includes(stage)}
              onChange={({ currentTarget: { checked } }) =>
                choose({
                  discard: checked ? [...discard, stage] : discard.filter((other) => other !== stage),
                })
              }
            />
            <span>
              Don’t use the correction of the {STAGES[stage].toLowerCase()}
              {whose}
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}
