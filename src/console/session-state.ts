// Whether somebody is signed in, for everything that has to know it: the API's answers say so, and session.ts asks.
import { signal } from '@preact/signals';

/** `ended`: nobody is signed in any more, or yet. `none`: nobody can be, where the service is not set up for it. */
export const session = signal<'unknown' | 'open' | 'ended' | 'none'>('unknown');

/** A request was answered 401. What was on the page stays there, and what was typed. */
export const sessionEnded = (): void => {
  if (session.peek() !== 'none') session.value = 'ended';
};
