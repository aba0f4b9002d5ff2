// Who is signed in. The page asks the service, and learns from every answer whether that is still so; signing in is the service's own
// page, in this tab or in another, which then tells the others.
import { signal } from '@preact/signals';
import { ask, type Schemas } from './api.ts';
import { session, sessionEnded } from './session-state.ts';

export const me = signal<Schemas['Session'] | null>(null);

/** Where the tab ends up in which somebody has signed in for another. */
export const SIGNED_IN = '/signed-in';

const tabs = new BroadcastChannel('retake:session');

export async function loadSession(): Promise<void> {
  const answer = await ask((client, signal) => client.GET('/session', { signal }));
  if (answer.ok) {
    me.value = answer.data;
    session.value = 'open';
  } else if (answer.refusal.code === 'NO_SIGN_IN') session.value = 'none';
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
export async function signOut(): Promise<void> {
  const answer = await ask((client, signal) => client.POST('/session/end', { signal }));
  if (!answer.ok) return;
  tabs.postMessage('signed-out');
  location.assign(answer.data.end_session_url ?? '/console/');
}
