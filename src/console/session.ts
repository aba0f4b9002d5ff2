// Who is signed in. The page asks the service, and learns from every answer whether that is still so; signing in is the service's own
// page, in this tab or in another, which then tells the others.
import { signal } from '@preact/signals';
import { ask, type Schemas } from './api.ts';
import type { Sending } from './sending.tsx';
import { session, sessionEnded } from './session-state.ts';

export const me = signal<Schemas['Session'] | null>(null);

/** Where the tab ends up in which somebody has signed in for another. */
export const SIGNED_IN = '/signed-in';

/** Until it is known who is there. */
const ASK_AGAIN_MS = 5_000;

const tabs = new BroadcastChannel('retake:session');

async function loadSession(): Promise<void> {
  const answer = await ask((client, signal) => client.GET('/session', { signal }));
  if (answer.ok) {
    me.value = answer.data;
    session.value = 'open';
  } else if (answer.refusal.code === 'NO_SIGN_IN') session.value = 'none';
  else if (session.peek() === 'unknown') setTimeout(() => void loadSession(), ASK_AGAIN_MS);
}

export function startSession(): void {
  void loadSession();
  tabs.onmessage = ({ data }) => {
    if (data === 'signed-out') sessionEnded();
    else void loadSession();
  };
  // Signed in elsewhere meanwhile, or the service is back.
  addEventListener('focus', () => {
    if (session.peek() !== 'open') void loadSession();
  });
}

export const tellSignedIn = (): void => tabs.postMessage('signed-in');

/** Comes back to the address that is given. */
export const signInAddress = (returnTo: string): string =>
  `/session/start?${new URLSearchParams({ return_to: returnTo })}`;

/** Here, in the other tabs, and at the provider, where it takes part in that. */
export const signOut = ({ send }: Sending): void =>
  send(
    (signal) => ask((client, signal) => client.POST('/session/end', { signal }), signal),
    ({ end_session_url }) => {
      tabs.postMessage('signed-out');
      location.assign(end_session_url ?? '/console/');
    },
  );
