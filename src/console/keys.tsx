// Shortcuts: never while somebody types, never with a modifier, and all of them off by one switch (WCAG 2.1.4). None sends anything.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { keysAreOn, timesAreExact } from './kept.ts';
import { type Sending, SendingNote, useSending } from './sending.tsx';
import { signOut } from './session.ts';
import { session } from './session-state.ts';

interface Key {
  key: string;
  does: string;
  act: () => void;
}

const known = signal<readonly Key[]>([]);
export const helpIsOpen = signal(false);

/** For as long as the view is there. A key without an act is not taken. */
export function useKey(key: string, does: string, act: (() => void) | null): void {
  useEffect(() => {
    if (act === null) return;
    const entry = { key, does, act };
    known.value = [...known.peek().filter((other) => other.key !== key), entry];
    return () => {
      known.value = known.peek().filter((other) => other !== entry);
    };
  }, [key, does, act]);
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  target.closest('input:not([type="checkbox"], [type="radio"]), textarea, select, [contenteditable]') !==
    null;

function pressed(event: KeyboardEvent): void {
  if (!keysAreOn.value.peek() || event.defaultPrevented || isTyping(event.target)) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isInDialog = document.querySelector('dialog[open]') !== null;
  if (event.key === '?' && !isInDialog) {
    helpIsOpen.value = true;
    event.preventDefault();
    return;
  }
  if (isInDialog) return;
  const entry = known.peek().find(({ key }) => key === event.key);
  if (!entry) return;
  event.preventDefault();
  entry.act();
}

export const startKeys = (): void => addEventListener('keydown', pressed);

/** Beside a button, that it can be had by a key. */
export const KeyHint = ({ of }: { of: string }) =>
  keysAreOn.value.value ? (
    <span class="key" aria-hidden="true">
      {of}
    </span>
  ) : null;

export function KeysHelp({ onClose }: { onClose: () => void }) {
  const leaving = useSending();
  const shown = [
    ...known.value.map(({ key, does }) => [key, does]),
    ['?', 'This list'],
    ['Esc', 'Close what is open'],
    ['Ctrl Enter', 'Send what a dialogue or text shows'],
  ];
  return (
    <div class="keys">
      <dl>
        {shown.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <Switch of={keysAreOn} words="Single-key shortcuts" />
      <Switch of={timesAreExact} words="Always show exact times" />
      <SendingNote sending={leaving} />
      <div class="buttons">
        {session.value === 'open' && <SignOut leaving={leaving} />}
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </div>
  );
}

const SignOut = ({ leaving }: { leaving: Sending }) => (
  <button type="button" aria-disabled={leaving.isBusy} onClick={() => signOut(leaving)}>
    Sign out
  </button>
);

const Switch = ({ of, words }: { of: typeof keysAreOn; words: string }) => (
  <label class="choice">
    <input
      type="checkbox"
      checked={of.value.value}
      onChange={({ currentTarget }) => of.set(currentTarget.checked)}
    />
    {words}
  </label>
);
