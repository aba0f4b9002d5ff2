// Attempts side by side, newest first: who asked for what, how long each stage took, what came of it.

import { useSignal } from '@preact/signals';
import type { Attempt } from './api.ts';
import { duration } from './clock.ts';
import type { JobData } from './job-data.ts';
import { attemptInShort } from './plans.ts';
import { Icon, Id, Time, Who } from './shown.tsx';
import { Skeleton } from './states.tsx';
import { DISPATCH_STATES, KINDS, type Shape, STAGE_ORDER, STAGES, type Stage } from './words.ts';

const SHOWN_AT_FIRST = 5;

export function Attempts({ data }: { data: JobData }) {
  const all = data.attempts.value;
  const isWhole = useSignal(false);
  if (all === null) return <Skeleton rows={2} />;
  if (all.length === 0) return null;
  const shown = isWhole.value ? all : all.slice(0, SHOWN_AT_FIRST);
  return (
    <section aria-labelledby="attempts">
      <h2 id="attempts">
        Attempts <span class="muted">({all.length})</span>
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keys */}
      <section class="scroll" tabIndex={0} aria-label="Attempts side by side">
        <table class="attempts">
          <thead>
            <tr>
              <th scope="col">Attempt</th>
              <th scope="col">State</th>
              {STAGE_ORDER.map((stage) => (
                <th key={stage} scope="col">
                  {STAGES[stage]}
                </th>
              ))}
              <th scope="col">Asked for</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((attempt, index) => (
              <Row key={attempt.dispatch.dispatch_id} attempt={attempt} number={all.length - index} />
            ))}
          </tbody>
        </table>
      </section>
      {shown.length < all.length && (
        <button
          type="button"
          onClick={() => {
            isWhole.value = true;
          }}
        >
          Show all {all.length}
        </button>
      )}
    </section>
  );
}

function Row({ attempt, number }: { attempt: Attempt; number: number }) {
  const { dispatch, failure, metrics } = attempt;
  const short = attemptInShort(attempt);
  return (
    <tr>
      <th scope="row">
        #{number} {KINDS[dispatch.kind].toLowerCase()} <b>{dispatch.model_profile}</b>
        {short && <p class="muted">{short}</p>}
        {Object.keys(metrics).length > 0 && (
          <details>
            <summary>Measured</summary>
            <dl class="metrics">
              {Object.entries(metrics).map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{String(value)}</dd>
                </div>
              ))}
            </dl>
          </details>
        )}
      </th>
      <td data-label="State">
        <span class={`status is-${shapeOf(attempt)}`}>
          <Icon shape={shapeOf(attempt)} /> {DISPATCH_STATES[dispatch.dispatch_state]}
        </span>
        {failure && (
          <p class="muted">
            <code>{failure.failure_code}</code>
          </p>
        )}
        {dispatch.dispatch_state === 'UNDELIVERABLE' && dispatch.last_error && (
          <p class="muted">{dispatch.last_error}</p>
        )}
      </td>
      {STAGE_ORDER.map((stage) => (
        <td key={stage} data-label={STAGES[stage]}>
          {stageText(attempt, stage)}
        </td>
      ))}
      <td data-label="Asked for">
        <Time at={dispatch.created_at} />
        <p class="muted">
          {dispatch.actor_id === null ? (
            'by itself'
          ) : (
            <>
              by <Who of={dispatch} />
            </>
          )}
        </p>
        <Id id={dispatch.dispatch_id} />
      </td>
    </tr>
  );
}

const SHAPES: Readonly<Record<Attempt['dispatch']['dispatch_state'], Shape>> = {
  PENDING: 'sent',
  DELIVERED: 'sent',
  RUNNING: 'running',
  SETTLED: 'finished',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TIMED_OUT: 'failed',
  UNDELIVERABLE: 'cancelled',
};
const shapeOf = ({ dispatch }: Attempt): Shape => SHAPES[dispatch.dispatch_state];

/** How long it took, or that it was kept. */
function stageText({ dispatch, stages }: Attempt, stage: Stage): string {
  const runs = stages.filter((run) => run.stage === stage);
  const last = runs.at(-1);
  if (last === undefined) {
    const planned = dispatch.plan?.stages.find((entry) => entry.stage === stage);
    return planned?.action === 'keep' ? `kept${planned.version === null ? '' : ` v${planned.version}`}` : '–';
  }
  if (last.duration_seconds === null) return 'at work';
  const took = duration(runs.reduce((sum, run) => sum + (run.duration_seconds ?? 0), 0));
  return last.outcome === 'reached' || last.outcome === null ? took : `${last.outcome} after ${took}`;
}
