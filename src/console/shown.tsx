// The small things that every view shows: a status by its shape and words, a time, an id, an address of a file.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Job, JobSummary } from './api.ts';
import { exact, inFull, now, relative } from './clock.ts';
import { timesAreExact } from './kept.ts';
import { connection } from './live.ts';
import { me } from './session.ts';
import { type Shape, shownStatus } from './words.ts';

/** Told apart without colour: each shape has an outline of its own, and stands beside its words. */
const SHAPES: Readonly<Record<Shape, ComponentChildren>> = {
  waiting: <circle cx="8" cy="8" r="6" class="line" />,
  uploading: (
    <g class="line">
      <circle cx="8" cy="8" r="6" />
      <path d="M8 11V5.5M5.5 8 8 5.5 10.5 8" />
    </g>
  ),
  ready: <circle cx="8" cy="8" r="6" class="line dots" />,
  running: (
    <g>
      <circle cx="8" cy="8" r="6" class="line" />
      <path d="M8 2a6 6 0 0 1 0 12z" class="fill" />
    </g>
  ),
  sent: (
    <g class="line">
      <circle cx="8" cy="8" r="6" />
      <path d="M5 8h6M8.5 5.5 11 8l-2.5 2.5" />
    </g>
  ),
  done: (
    <g>
      <circle cx="8" cy="8" r="6.75" class="fill" />
      <path d="m5 8.2 2.1 2.1L11 6.3" class="tick" />
    </g>
  ),
  finished: (
    <g class="line">
      <circle cx="8" cy="8" r="6" />
      <path d="m5 8.2 2.1 2.1L11 6.3" />
    </g>
  ),
  failed: (
    <g>
      <path d="M8 1.6 15 14H1z" class="fill" />
      <path d="M8 6v4M8 11.6v.6" class="tick" />
    </g>
  ),
  retrying: (
    <g class="line">
      <path d="M8 1.9 14.6 13.6H1.4z" />
      <path d="M8 6.5v3.4l2 1.2" />
    </g>
  ),
  cancelled: (
    <g class="line">
      <circle cx="8" cy="8" r="6" />
      <path d="M4 12 12 4" />
    </g>
  ),
};

export const Icon = ({ shape }: { shape: Shape }) => (
  <svg class={`shape is-${shape}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    {SHAPES[shape]}
  </svg>
);

export function Status({ of }: { of: Job | JobSummary }) {
  const { words, shape } = shownStatus(of);
  return (
    <span class={`status is-${shape}`}>
      <Icon shape={shape} /> {words}
    </span>
  );
}

/**
 * Relative where what is shown is live, else exact, since an ageing "3 min ago" is wrong. The other form comes by hover, focus
 * and tap.
 */
export function Time({ at, always = false }: { at: string; always?: boolean }) {
  const isTurned = useSignal(false);
  const then = Date.parse(at);
  const isLive = !connection.value?.isStale;
  const isExact = always || timesAreExact.value.value || !isLive || isTurned.value;
  const precise = exact(then, now.value);
  return (
    <button
      type="button"
      class="time"
      aria-pressed={always ? undefined : isTurned.value}
      onClick={() => {
        isTurned.value = !isTurned.value;
      }}
    >
      <time dateTime={at} title={inFull(then)}>
        {isExact ? precise : relative(then, now.value)}
      </time>
      <span class="tip" aria-hidden="true">
        {inFull(then)}
      </span>
    </button>
  );
}

/** In a row that is itself one target: exact by the row's hover and focus. */
export function RowTime({ at }: { at: string }) {
  const then = Date.parse(at);
  const isLive = !connection.value?.isStale;
  const precise = exact(then, now.value);
  const short = timesAreExact.value.value || !isLive ? precise : relative(then, now.value);
  return (
    <time class="row-time" dateTime={at} title={inFull(then)}>
      <span class="short">{short}</span>
      <span class="precise" aria-hidden="true">
        {precise}
      </span>
    </time>
  );
}

/** Kind and last six characters; the whole of it for the clipboard and a screen reader. */
export function Id({ id, label }: { id: string; label?: string }) {
  return (
    <span class="id">
      <code title={id}>
        <span aria-hidden="true">{shortId(id)}</span>
        <span class="unseen">{id}</span>
      </code>
      <Copy text={id} what={label ?? 'id'} />
    </span>
  );
}

export function shortId(id: string): string {
  if (id.length <= 14) return id;
  const [, prefix = ''] = /^([a-z]{2,5}_)/.exec(id) ?? [];
  return `${prefix}…${id.slice(-6)}`;
}

export function Copy({ text, what }: { text: string; what: string }) {
  const state = useSignal<'' | 'Copied' | 'Not copied'>('');
  const copy = async () => {
    state.value = await navigator.clipboard.writeText(text).then(
      () => 'Copied' as const,
      () => 'Not copied' as const,
    );
    setTimeout(() => {
      state.value = '';
    }, 2000);
  };
  return (
    <button type="button" class="copy" onClick={copy} aria-label={`Copy ${what}`}>
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" class="line">
        <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
        <path d="M10.5 5.5v-2A1.5 1.5 0 0 0 9 2H4a1.5 1.5 0 0 0-1.5 1.5V9A1.5 1.5 0 0 0 4 10.5h1.5" />
      </svg>
      <span role="status">{state}</span>
    </button>
  );
}

/** What a pipeline or an editor named. Only what a browser can open safely becomes a link; the rest is text. */
export function Reference({ uri, what }: { uri: string; what: string }) {
  return (
    <span class="reference">
      {isWeb(uri) ? (
        <a href={uri} target="_blank" rel="noopener noreferrer">
          {uri}
        </a>
      ) : (
        <code>{uri}</code>
      )}
      <Copy text={uri} what={what} />
    </span>
  );
}

function isWeb(uri: string): boolean {
  try {
    return new URL(uri).protocol === 'https:';
  } catch {
    return false;
  }
}

/** Whoever did a thing; without an id nobody did. */
export interface Actor {
  actor_id: string | null;
  actor_name: string | null;
}

/** A person, as they were called then; the id, which alone tells who it was, comes by hover. A name turns nothing beside it around. */
export function Who({ of: { actor_id, actor_name } }: { of: Actor }) {
  if (actor_id === null) return <span class="who">system</span>;
  return (
    <bdi class="who" title={actor_id}>
      {actor_id === me.value?.actor_id ? 'you' : (actor_name ?? actor_id)}
    </bdi>
  );
}

/** What a job is called: as its editor calls it, else by the file that it was made of, else by its id. */
export function jobName(job: { id: string; external_id: string | null; manifest?: Job['manifest'] }): string {
  if (job.external_id !== null) return job.external_id;
  const uri = job.manifest?.video_uri;
  const [, file] = /^[a-z0-9+.-]+:\/\/[^?#]*\/([^/?#]+)/i.exec(uri ?? '') ?? [];
  return file === undefined ? shortId(job.id) : decodedName(file);
}

function decodedName(file: string): string {
  try {
    return decodeURIComponent(file);
  } catch {
    return file;
  }
}
