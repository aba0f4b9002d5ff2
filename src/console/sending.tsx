// A request that changes something, from the press of a button to its answer. An answer that was lost is asked for again under the
// same id until there is one; nothing is called failed that may have been done.
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { announce } from './announce.tsx';
import type { Answer, Refusal } from './api.ts';
import { inWords } from './refusals.ts';

/** When somebody wonders what takes so long. */
const SLOW_MS = 3_000;
const LONGEST_PAUSE_MS = 10_000;

type SendingState =
  | { is: 'idle' }
  | { is: 'sending' }
  | { is: 'slow' }
  /** Nobody knows whether it was done. */
  | { is: 'unclear' }
  | { is: 'refused'; refusal: Refusal };

export interface Sending {
  state: Signal<SendingState>;
  isBusy: boolean;
  /** One at a time: a second press does nothing. */
  send: <T>(request: (signal: AbortSignal) => Promise<Answer<T>>, onDone: (data: T) => void) => void;
  reset: () => void;
}

export function useSending(onRefused: (refusal: Refusal) => void = () => {}): Sending {
  const state = useSignal<SendingState>({ is: 'idle' });
  const left = useRef(new AbortController());
  useEffect(() => () => left.current.abort(), []);
  const isBusy = ['sending', 'slow', 'unclear'].includes(state.value.is);

  const send: Sending['send'] = (request, onDone) => {
    if (['sending', 'slow', 'unclear'].includes(state.peek().is)) return;
    state.value = { is: 'sending' };
    const { signal } = left.current;
    const slow = setTimeout(() => {
      if (state.peek().is === 'sending') state.value = { is: 'slow' };
    }, SLOW_MS);
    void (async () => {
      for (let attempt = 0; !signal.aborted; attempt += 1) {
        const answer = await request(signal);
        if (signal.aborted) return;
        if (answer.ok) {
          clearTimeout(slow);
          state.value = { is: 'idle' };
          onDone(answer.data);
          return;
        }
        const { refusal } = answer;
        if (!isUnclear(refusal)) {
          clearTimeout(slow);
          state.value = { is: 'refused', refusal };
          announce(inWords(refusal));
          onRefused(refusal);
          return;
        }
        state.value = { is: 'unclear' };
        const pause =
          (refusal.retryAfterSeconds ?? 0) * 1000 || Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** attempt);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    })();
  };
  const reset = () => {
    state.value = { is: 'idle' };
  };
  return { state, isBusy, send, reset };
}

/** No answer, or one that does not say whether it was done. */
const isUnclear = ({ code, status }: Refusal): boolean =>
  code === 'UNREACHABLE' ||
  code === 'OVERLOADED' ||
  code === 'INTERNAL' ||
  (status >= 500 && code.startsWith('HTTP_'));

/** Between the form and its buttons: what became of the request so far. */
export function SendingNote({
  sending,
  waitingFor = 'an answer',
}: {
  sending: Sending;
  waitingFor?: string;
}) {
  const state = sending.state.value;
  if (state.is === 'slow') return <p class="note">Waiting for {waitingFor}…</p>;
  if (state.is === 'unclear') {
    return (
      <p class="note warning" role="alert">
        We don’t know whether it was accepted. Asking again; it is not done twice.
      </p>
    );
  }
  if (state.is === 'refused') {
    return (
      <p class="note refused" role="alert">
        {inWords(state.refusal)}
      </p>
    );
  }
  return null;
}

/** Keeps its width while it sends, and its place when it may not be pressed. */
export function SendButton(props: {
  sending: Sending;
  words: string;
  onSend: () => void;
  isOff?: boolean;
  isDangerous?: boolean;
  hint?: string;
}) {
  const { sending, words, onSend, isOff = false, isDangerous = false, hint } = props;
  const isUnable = isOff || sending.isBusy;
  return (
    <button
      type="button"
      class={`primary ${isDangerous ? 'dangerous' : ''}`}
      aria-disabled={isUnable}
      onClick={() => {
        if (!isUnable) onSend();
      }}
    >
      <span class="stacked">
        <span class={sending.isBusy ? 'gone' : ''}>{words}</span>
        <span class={sending.isBusy ? '' : 'gone'} aria-hidden={!sending.isBusy}>
          Sending…
        </span>
      </span>
      {hint && (
        <span class="key" aria-hidden="true">
          {hint}
        </span>
      )}
    </button>
  );
}
