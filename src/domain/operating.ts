// How a bulk operation goes on, decided over its own view: which of its jobs are asked next, what an answer or a piece of news
// makes of one, when it pauses, and when it is over.
//
// Nothing is noted before a job is asked. That is safe because the lowest waiting ones are asked first: whatever this operation
// may have begun is in flight, or among the first `maxInFlight − in flight` that wait, whoever forgot what was asked.
import { isOpen, isWithdrawn } from './dispatch.ts';
import { type DispatchNews, hasEnded, type Item, newItem, type Operation } from './operation.ts';

/** What a job answers that was asked to be retried, or what became of that. */
export type Answer =
  | { kind: 'dispatch'; news: DispatchNews }
  | { kind: 'refused'; code: string }
  /** It has no dispatch of this operation's, or one that left no trace. */
  | { kind: 'none' }
  /** There is no such job any more. */
  | { kind: 'gone' };

/** What is to be stored; null for what stays. */
export interface OperationChanges {
  operation: Operation | null;
  item: Item | null;
}
const NOTHING: OperationChanges = { operation: null, item: null };

const isWaiting = ({ state }: Item): boolean => state === 'waiting' || state === 'waiting_again';

const isEnded = (item: Item): boolean => !isWaiting(item) && item.state !== 'in_flight';

/** How many of those that wait, the lowest first, may have been begun. */
export const roomOf = ({ maxInFlight }: Operation, inFlight: number): number =>
  Math.max(maxInFlight - inFlight, 0);

/**
 * Which jobs are asked next, and for what: to be retried, or whether they have been. `waiting` are the lowest, as many as there is
 * room for; `asked` those that have not answered yet; those that are `passed` need not be asked now.
 */
export function toAsk(
  operation: Operation,
  waiting: readonly Item[],
  asked: ReadonlySet<string>,
  passed: ReadonlySet<string>,
): { jobIds: string[]; what: 'retry' | 'news' } {
  const jobIds = waiting.flatMap(({ jobId }) => (asked.has(jobId) || passed.has(jobId) ? [] : [jobId]));
  switch (operation.state) {
    case 'running':
      // One first, where the orchestrator was away.
      if (operation.pauses > 0) return { jobIds: asked.size > 0 ? [] : jobIds.slice(0, 1), what: 'retry' };
      return { jobIds, what: 'retry' };
    case 'cancelling':
      return { jobIds, what: 'news' };
    case 'waiting':
    case 'paused':
    case 'done':
    case 'cancelled':
      return { jobIds: [], what: 'retry' };
    default:
      return operation.state satisfies never;
  }
}

/** What a job's answer to this operation's own question makes of it. */
export function afterAnswer(operation: Operation, item: Item, answer: Answer, now: number): OperationChanges {
  switch (answer.kind) {
    case 'dispatch':
      return afterNews(operation, item, answer.news, true, now);
    case 'refused':
      if (!isWaiting(item)) return NOTHING;
      return { operation: null, item: { ...item, state: 'refused', code: answer.code, changedAt: now } };
    case 'none':
      // A dispatch that was withdrawn, and many after it: nobody knows more of it.
      return item.state === 'in_flight' ? notReached(operation, item, null, now) : NOTHING;
    case 'gone':
      return { operation: null, item: forgotten(item, now) };
    default:
      return answer satisfies never;
  }
}

/**
 * What is heard of a dispatch of this operation's makes of its job, in whatever order and however often; `isAnswer` when it was
 * asked for just now. How a dispatch has ended first is what counts: what its pipeline does from then on is the job's own.
 */
export function afterNews(
  operation: Operation,
  item: Item,
  news: DispatchNews,
  isAnswer: boolean,
  now: number,
): OperationChanges {
  if (isWithdrawn(news)) return afterWithdrawal(operation, item, news, isAnswer, now);
  const dispatched = { ...item, dispatchId: news.id, isAccepted: true };
  const isDelivered = news.isDelivered || item.isDelivered;
  const reached = isAnswer && news.isDelivered ? reachedAgain(operation) : null;
  if (isOpen(news)) {
    if (isEnded(item) || item.state === 'in_flight') return { operation: reached, item: null };
    return { operation: reached, item: { ...dispatched, state: 'in_flight', isDelivered, changedAt: now } };
  }
  if (isEnded(item) && item.dispatchId === news.id) return { operation: reached, item: null };
  return { operation: reached, item: { ...dispatched, ...endOf(news), isDelivered, changedAt: now } };
}

/** What is left of a job in it that is no more. */
export const forgotten = (item: Item, now: number): Item => ({
  ...newItem('', now),
  state: 'erased',
  isDelivered: item.isDelivered,
  isAccepted: item.isAccepted,
});

function endOf({ state, failureCode }: DispatchNews): Pick<Item, 'state' | 'code'> {
  if (state === 'SETTLED') return { state: 'succeeded', code: null };
  if (state === 'CANCELLED') return { state: 'cancelled', code: failureCode ?? 'CANCELLED' };
  return { state: 'failed', code: failureCode };
}

/** One that the orchestrator will not take is over; one that did not get through waits again, and so does the whole operation. */
function afterWithdrawal(
  operation: Operation,
  item: Item,
  news: DispatchNews,
  isAnswer: boolean,
  now: number,
): OperationChanges {
  if (isEnded(item) || (item.dispatchId !== null && item.dispatchId !== news.id)) return NOTHING;
  if (news.wasRefused || operation.state === 'cancelling' || hasEnded(operation)) {
    return { operation: null, item: withdrawn(item, news, now) };
  }
  // Old news of one that waits again: it says nothing of the orchestrator as it is now.
  if (isWaiting(item) && !isAnswer) return NOTHING;
  return notReached(operation, item, news, now);
}

/** What an operation is for: after an outage the jobs are still there. But no job keeps it for ever. */
const MOST_TRIES = 20;

function notReached(
  operation: Operation,
  item: Item,
  news: DispatchNews | null,
  now: number,
): OperationChanges {
  const tries = item.tries + 1;
  return {
    operation: unreached(operation, news?.retryAfterAt ?? null, now),
    item:
      news && tries >= MOST_TRIES
        ? withdrawn({ ...item, tries }, news, now)
        : { ...newItem(item.jobId, now), state: 'waiting_again', tries },
  };
}

const withdrawn = (item: Item, { id }: DispatchNews, now: number): Item => ({
  ...item,
  state: 'withdrawn',
  code: 'ORCHESTRATOR_DISPATCH_FAILED',
  dispatchId: id,
  isAccepted: true,
  changedAt: now,
});

const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;
/** No orchestrator asks an operation to wait for longer. */
const LONGEST_WISH_MS = 86_400_000;

/** The orchestrator is away: nothing is begun for a while, each time for longer, or for as long as it asks. */
function unreached(operation: Operation, retryAfterAt: number | null, now: number): Operation | null {
  const { state, pauses, resumeAt } = operation;
  const wish =
    retryAfterAt === null
      ? null
      : Math.min(Math.max(retryAfterAt, now + FIRST_PAUSE_MS), now + LONGEST_WISH_MS);
  switch (state) {
    case 'running': {
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** pauses, LONGEST_PAUSE_MS);
      return { ...operation, state: 'waiting', pauses: pauses + 1, resumeAt: wish ?? now + pauseMs };
    }
    case 'waiting':
      // Those that were under way tell of the same.
      return wish === null || wish <= (resumeAt ?? 0) ? null : { ...operation, resumeAt: wish };
    case 'paused':
      return pauses > 0 ? null : { ...operation, pauses: 1 };
    case 'cancelling':
    case 'done':
    case 'cancelled':
      return null;
    default:
      return state satisfies never;
  }
}

/** The orchestrator has taken one: the full width again. */
const reachedAgain = (operation: Operation): Operation | null =>
  operation.state === 'running' && operation.pauses > 0 ? { ...operation, pauses: 0 } : null;

/** What time and the state of its jobs make of an operation; null for nothing. */
export function afterTime(
  operation: Operation,
  { isWaiting, inFlight, asked }: { isWaiting: boolean; inFlight: number; asked: number },
  now: number,
): Operation | null {
  const { state, resumeAt } = operation;
  const isAtRest = inFlight === 0 && asked === 0;
  if (hasEnded(operation)) return null;
  if (state === 'cancelling') {
    return isAtRest ? { ...operation, state: 'cancelled', resumeAt: null, endedAt: now } : null;
  }
  if (isAtRest && !isWaiting) return { ...operation, state: 'done', resumeAt: null, endedAt: now };
  if (state === 'waiting' && now >= (resumeAt ?? 0))
    return { ...operation, state: 'running', resumeAt: null };
  return null;
}

export type OperationCommand = 'pause' | 'resume' | 'cancel';

/** What an editor's word makes of an operation: itself where it is so already, null where it cannot be any more. */
export function afterCommand(operation: Operation, command: OperationCommand): Operation | null {
  const { state } = operation;
  if (command === 'cancel') {
    if (state === 'done') return null;
    return state === 'cancelling' || state === 'cancelled'
      ? operation
      : { ...operation, state: 'cancelling', resumeAt: null };
  }
  if (state === 'cancelling' || hasEnded(operation)) return null;
  const wanted = command === 'pause' ? 'paused' : 'running';
  return state === wanted ? operation : { ...operation, state: wanted, resumeAt: null };
}

/** How often in a row a job that answers nothing at all is asked, and after which pauses; then it is as if it had refused. */
const MOST_CALLS = 8;
export const restAfterCalls = (failures: number): number | null =>
  failures >= MOST_CALLS ? null : Math.min(1_000 * 2 ** failures, 60_000);
