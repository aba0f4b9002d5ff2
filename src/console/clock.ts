// The present, once a second while somebody looks; times and durations as they are shown.
import { signal } from '@preact/signals';

export const now = signal(Date.now());

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1000);
  document.addEventListener('visibilitychange', () => {
    now.value = Date.now();
  });
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "3 min ago", "in 5 min"; the date from a day on. */
export function relative(at: number, present: number): string {
  const distance = present - at;
  const ago = (text: string): string => (distance >= 0 ? `${text} ago` : `in ${text}`);
  const length = Math.abs(distance);
  // Two clocks are seldom the same.
  if (length < 10_000) return 'just now';
  if (length < MINUTE) return ago(`${Math.floor(length / 1000)} s`);
  if (length < HOUR) return ago(`${Math.floor(length / MINUTE)} min`);
  if (length < DAY) return ago(`${Math.floor(length / HOUR)} h`);
  return new Date(at).toLocaleDateString(undefined, dateForm(at, present));
}

const dateForm = (at: number, present: number): Intl.DateTimeFormatOptions => {
  const isThisYear = new Date(at).getFullYear() === new Date(present).getFullYear();
  return { day: 'numeric', month: 'short', ...(isThisYear ? {} : { year: 'numeric' }) };
};

const isSameDay = (one: number, other: number): boolean =>
  new Date(one).toDateString() === new Date(other).toDateString();

/** "14:02:31", with the date where it was another day. */
export function exact(at: number, present: number): string {
  const time = new Date(at).toLocaleTimeString(undefined, { hourCycle: 'h23' });
  if (isSameDay(at, present)) return time;
  return `${new Date(at).toLocaleDateString(undefined, dateForm(at, present))}, ${time}`;
}

/** With date and zone, for who asks. */
export const inFull = (at: number): string =>
  new Date(at).toLocaleString(undefined, { dateStyle: 'full', timeStyle: 'long', hourCycle: 'h23' } as never);

/** "2 min 10 s" */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60)
    return `${seconds < 10 && seconds > 0 ? Math.max(0.1, Math.round(seconds * 10) / 10) : whole} s`;
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours > 0) return minutes === 0 ? `${hours} h` : `${hours} h ${minutes} min`;
  return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
}

/** "1.2 GB" */
export function size(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const step = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${step > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[step]}`;
}
