// What a screen reader hears: one sentence at a time, and not more than one in five seconds but for what comes of one's own clicks.
// Regions outside an open dialogue are silent, so that there is one in the page and one in each dialogue.
import { signal } from '@preact/signals';

const PAUSE_MS = 5_000;
const said = signal('');
let saidAt = 0;
let next: string | null = null;

/** What came of something that the person did: at once. */
export function announce(sentence: string): void {
  next = null;
  say(sentence);
}

/** What happened by itself. The latest wins; what comes meanwhile is left out. */
export function mention(sentence: string): void {
  const pause = saidAt + PAUSE_MS - Date.now();
  if (pause <= 0) say(sentence);
  else {
    if (next === null) setTimeout(() => next !== null && say(next), pause);
    next = sentence;
  }
}

function say(sentence: string): void {
  // The same once more is heard once more.
  said.value = '';
  setTimeout(() => {
    said.value = sentence;
  });
  saidAt = Date.now();
  next = null;
}

export const Announced = () => (
  <p class="unseen" role="status">
    {said}
  </p>
);
