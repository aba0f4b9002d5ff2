// Whether somebody is signed in. The page learns it from what the API answers; signing in and out are the service's own pages.
import { signal } from '@preact/signals';

/** `ended`: a request was answered 401. What was on the page stays there, and what was typed. */
export const session = signal<'open' | 'ended'>('open');

export const sessionEnded = (): void => {
  session.value = 'ended';
};

/** Comes back to the address that the page is at. */
export const signInAddress = (returnTo: string): string =>
  `/session/start?${new URLSearchParams({ return_to: returnTo })}`;
