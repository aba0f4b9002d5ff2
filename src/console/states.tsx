// What stands where there is nothing to show: not yet, not at all, or not any more. None of it is a dead end.
import { useSignal, useSignalEffect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Refusal } from './api.ts';
import { inWords } from './refusals.ts';
import { here, to } from './router.ts';
import { signInAddress } from './session.ts';
import { session } from './session-state.ts';

/** As high as what is to come, so that nothing moves when it does. It is drawn a moment later: quick answers need none. */
export const Skeleton = ({ rows }: { rows: number }) => (
  <div class="skeleton" role="status" aria-label="Loading">
    {Array.from({ length: rows }, (_, row) => (
      <div key={row} />
    ))}
  </div>
);

/** Within a view, or, where there is no view, in its place. */
export function Empty({
  title,
  isWholeView = false,
  children,
}: {
  title: string;
  isWholeView?: boolean;
  children: ComponentChildren;
}) {
  return (
    <div class="empty">
      {isWholeView ? <h1 tabIndex={-1}>{title}</h1> : <h2>{title}</h2>}
      {children}
    </div>
  );
}

/** A view that cannot be shown, and the way out of that. */
export function NotShown({ refusal, again }: { refusal: Refusal; again: () => void }) {
  if (refusal.status === 401) return <SignedOut again={again} />;
  if (refusal.status === 404) return <NotFound />;
  if (refusal.status === 410) {
    return (
      <Empty isWholeView title="Erased">
        <p>This was erased, and everything that belonged to it.</p>
        <a href={to('')}>All projects</a>
      </Empty>
    );
  }
  return (
    <Empty isWholeView title="Not shown">
      <p>{inWords(refusal)}</p>
      <TryAgain refusal={refusal} again={again} />
    </Empty>
  );
}

export const NotFound = () => (
  <Empty isWholeView title="Nothing here">
    <p>There is no such project, job or bulk retry, or it is not yours. A bulk retry is kept for 30 days.</p>
    <a href={to('')}>All projects</a>
  </Empty>
);

/** An address that leads to no view at all. */
export const NoSuchPage = () => (
  <Empty isWholeView title="No such page">
    <p>This address leads nowhere. It may have been cut off.</p>
    <a href={to('')}>All projects</a>
  </Empty>
);

function SignedOut({ again }: { again: () => void }) {
  useSignalEffect(() => {
    if (session.value === 'open') again();
  });
  if (session.value === 'none') return <NoSignIn />;
  return (
    <Empty isWholeView title="Sign in">
      <p>This page is for people who are signed in. You come back to it.</p>
      <a class="button primary" href={signInAddress(here.value)}>
        Sign in
      </a>
    </Empty>
  );
}

/** For whoever runs the service: the API works, and this page lacks its settings. */
const NoSignIn = () => (
  <Empty isWholeView title="Nobody can sign in here yet">
    <p>This Retake is not set up for its console. The API works as before.</p>
    <p>
      Register it with your OpenID provider, with this redirect URI:{' '}
      <code>{location.origin}/session/callback</code>
    </p>
    <p>
      Then set <code>CONSOLE_CLIENT_ID</code> and the secret <code>SESSION_KEYS</code>; a confidential client
      also needs <code>CONSOLE_CLIENT_SECRET</code>. The README tells how, under “Deployment”.
    </p>
  </Empty>
);

/** Counts down where the server said how long, and asks again by itself then. */
export function TryAgain({ refusal, again }: { refusal: Refusal; again: () => void }) {
  const left = useSignal(refusal.retryAfterSeconds);
  useSignalEffect(() => {
    if (left.value === null) return;
    if (left.value <= 0) {
      left.value = null;
      again();
      return;
    }
    const timer = setTimeout(() => {
      left.value = (left.peek() ?? 1) - 1;
    }, 1000);
    return () => clearTimeout(timer);
  });
  return (
    <button type="button" onClick={again}>
      {left.value === null ? 'Try again' : `Try again (by itself in ${left.value} s)`}
    </button>
  );
}
