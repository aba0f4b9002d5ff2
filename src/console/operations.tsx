// The operations over a project's jobs, newest first: where each stands, and the way to it.
import type { Operation, OperationSummary, Schemas } from './api.ts';
import { to } from './router.ts';
import { Icon, RowTime, Who } from './shown.tsx';
import { jobsInWords, OPERATION_STATES } from './words.ts';

export const isOver = ({ ended_at }: Pick<Operation, 'ended_at'>): boolean => ended_at !== null;

export const operationName = (
  total: number,
  { request }: Pick<Operation | OperationSummary, 'request'>,
): string => `Retry of ${jobsInWords(total)} with ${request.model_profile}`;

/** Of one that is done it says how well that went. */
export function OperationState({
  of: { state, counts },
}: {
  of: Pick<OperationSummary, 'state' | 'counts'>;
}) {
  const known = OPERATION_STATES[state];
  const { words, shape } = state === 'done' && counts ? howWell(known, counts) : known;
  return (
    <span class={`status is-${shape}`}>
      <Icon shape={shape} /> {words}
    </span>
  );
}

function howWell(done: (typeof OPERATION_STATES)['done'], counts: Schemas['OperationCounts']) {
  const { total, succeeded } = counts;
  if (succeeded === total) return done;
  if (succeeded === 0) return { words: `${done.words}, none succeeded`, shape: 'failed' as const };
  return { ...done, words: `${done.words}, ${succeeded.toLocaleString('en')} succeeded` };
}

/** Open while one is under way. */
export function Operations({ operations }: { operations: readonly OperationSummary[] }) {
  if (operations.length === 0) return null;
  const going = operations.filter((operation) => !isOver(operation)).length;
  return (
    <details class="operations" open={going > 0}>
      <summary>Bulk retries{going > 0 && `: ${going} not over yet`}</summary>
      <table class="list">
        <thead class="unseen">
          <tr>
            <th scope="col">State</th>
            <th scope="col">Bulk retry</th>
            <th scope="col">Who</th>
            <th scope="col">Begun</th>
          </tr>
        </thead>
        <tbody>
          {operations.map((operation) => (
            <tr key={operation.id}>
              <td class="status-cell">
                <OperationState of={operation} />
              </td>
              <th scope="row">
                <a class="row-link" href={to(`/operations/${operation.id}`)}>
                  {operationName(operation.total, operation)}
                </a>
              </th>
              <td class="profile-cell muted">
                <Who of={operation} />
              </td>
              <td class="narrow">
                <RowTime at={operation.created_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
