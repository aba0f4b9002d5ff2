// What a screen reader hears: one sentence at a time, and not more than one in five seconds. Regions outside an open dialogue are
// silent, so that there is one in the page and one in each dialogue.
import { signal } from '@preact/signals';

const PAUSE_MS = 5_000;
const said = signal('');
let saidAt = 0;
let next: string | null = null;

/** The latest wins; what comes meanwhile is left out. */
export function announce(sentence: string): void {
  const pause = saidAt + PAUSE_MS - Date.now();
  if (pause <= 0) say(sentence);
  else {
    if (next === null) setTimeout(() => next !== null && say(next), pause);
    next = sentence;
  }
}

function say(sentence: string): void {
  said.value = sentence;
  saidAt = Date.now();
  next = null;
}

export const Announced = () => (
  <p class="unseen" role="status">
    {said}
  </p>
);
