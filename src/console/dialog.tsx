// A dialogue over a view. Its address is its own: opening is going there, closing is going back. The focus is where something is to be
// typed, else in the heading; what opened it has it again afterwards, or the view's heading where that is gone.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Announced } from './announce.tsx';
import { go } from './router.ts';

interface DialogProps {
  title: ComponentChildren;
  /** Where closing leads. */
  back: string;
  /** While an answer is awaited: it closes only on that. */
  isBusy?: boolean;
  /** Ctrl or ⌘ with Enter. */
  onSend?: () => void;
  /** At the right of the title. */
  aside?: ComponentChildren;
  children: ComponentChildren;
}

export function Dialog({ title, back, isBusy = false, onSend, aside, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const titleId = useId();
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    const field = dialog.current?.querySelector<HTMLInputElement>('form input:not([type])');
    (field ?? heading.current)?.focus();
    // Once what is below has taken its new form: what opened it may be gone then.
    return () => void setTimeout(() => backTo(opener));
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        if (!isBusy) go(back, { replace: true });
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && onSend) {
          event.preventDefault();
          onSend();
        }
      }}
    >
      <header>
        <h2 id={titleId} ref={heading} tabIndex={-1}>
          {title}
        </h2>
        {aside}
      </header>
      {children}
      <Announced />
    </dialog>
  );
}

function backTo(opener: Element | null): void {
  const canBePressed = opener instanceof HTMLElement && opener.isConnected && opener.matches('a, button');
  const place = canBePressed ? opener : (document.querySelector('#now') ?? document.querySelector('main h1'));
  if (place instanceof HTMLElement) place.focus();
}

export function NotNow({
  back,
  isBusy = false,
  words = 'Not now',
}: {
  back: string;
  isBusy?: boolean;
  words?: string;
}) {
  return (
    <button
      type="button"
      aria-disabled={isBusy}
      onClick={() => {
        if (!isBusy) go(back, { replace: true });
      }}
    >
      {words}
    </button>
  );
}
