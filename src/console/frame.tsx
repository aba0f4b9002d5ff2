// What surrounds every view: where one is, how fresh it is, and the way to the keys.
import { signal, useSignalEffect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { announce, Announced } from './announce.tsx';
import { exact, now } from './clock.ts';
import { JobView } from './job.tsx';
import { helpIsOpen, KeysHelp } from './keys.tsx';
import { connection, type Live, type LiveState } from './live.ts';
import { ProjectView } from './project.tsx';
import { ProjectsView } from './projects.tsx';
import { here, match, path, to } from './router.ts';
import { session, signInAddress } from './session.ts';
import type { Shape } from './words.ts';
import { Icon } from './shown.tsx';
import { NotFound } from './states.tsx';

export interface Crumb {
  words: string;
  address?: string;
}

/** From all projects down to where one is; the view that is open says it. */
export const crumbs = signal<readonly Crumb[]>([]);

export function useTitle(title: string, trail: readonly Crumb[]): void {
  const key = JSON.stringify([title, trail]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: by its content
  useEffect(() => {
    document.title = title === '' ? 'Retake' : `${title} · Retake`;
    crumbs.value = trail;
  }, [key]);
}

export function Console() {
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header />
      <SessionNote />
      <Main />
      <Announced />
      <Help />
    </>
  );
}

function Header() {
  return (
    <header class={`top ${connection.value?.isCurrent === false ? 'is-stale' : ''}`}>
      <nav aria-label="Where you are">
        <a class="home" href={to('')}>
          Retake
        </a>
        {crumbs.value.map(({ words, address }) => (
          <span key={words} class="crumb">
            {address ? <a href={address}>{words}</a> : <span aria-current="page">{words}</span>}
          </span>
        ))}
      </nav>
      {connection.value && <Freshness live={connection.value} />}
      <button type="button" class="quiet" aria-label="Keys and settings" onClick={() => { helpIsOpen.value = true; }}>
        ?
      </button>
    </header>
  );
}

const FRESHNESS: Readonly<Record<LiveState, { words: string; shape: Shape }>> = {
  connecting: { words: 'Connecting…', shape: 'waiting' },
  live: { words: 'Live', shape: 'done' },
  reconnecting: { words: 'Reconnecting…', shape: 'running' },
  refreshing: { words: 'Refreshes every 15 s', shape: 'running' },
  full: { words: 'Too many viewers: refreshes every 15 s', shape: 'running' },
  'signed-out': { words: 'Signed out', shape: 'cancelled' },
  erased: { words: 'Erased', shape: 'cancelled' },
};

/** One place, by text and shape. While it is not live it says as of when. */
function Freshness({ live }: { live: Live }) {
  const { words, shape } = FRESHNESS[live.state.value];
  const asOf = live.asOf.value;
  const isOld = !live.isCurrent && live.state.value !== 'connecting' && asOf !== null;
  useSignalEffect(() => {
    const state = live.state.value;
    if (state === 'reconnecting') announce('The connection is lost. What is shown may be old.');
  });
  return (
    <p class={`freshness is-${live.state.value}`}>
      <Icon shape={shape} />
      <span>
        {words}
        {isOld && <span class="as-of"> · shown as of {exact(asOf, now.value)}</span>}
      </span>
    </p>
  );
}

/** What was on the page stays there; signing in leads back to it. */
function SessionNote() {
  if (session.value === 'open') return null;
  return (
    <div class="banner" role="alert">
      <p>You are signed out. What you have typed stays in this browser.</p>
      <a class="button primary" href={signInAddress(here.value)}>
        Sign in again
      </a>
    </div>
  );
}

/** By address. Dialogues and pages of a job stand over, or in place of, its view, which goes on below. */
function view(): { key: string; content: ComponentChildren } {
  if (path.value === '' || path.value === '/new') return { key: 'projects', content: <ProjectsView /> };
  const project = match('/projects/:id') ?? match('/projects/:id/new');
  if (project?.id) return { key: project.id, content: <ProjectView key={project.id} id={project.id} /> };
  const [, jobs, id = '', ...rest] = path.value.split('/');
  if (jobs === 'jobs' && id !== '') {
    return { key: id, content: <JobView key={id} id={id} rest={`/${rest.join('/')}`} /> };
  }
  return { key: path.value, content: <NotFound /> };
}

/** A view that one has gone to begins at its top, with the focus there. */
function Main() {
  const { key, content } = view();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(key);
  useEffect(() => {
    if (shown.current === key) return;
    shown.current = key;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [key]);
  return (
    <main id="main" ref={main} tabIndex={-1}>
      {content}
    </main>
  );
}

function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = helpIsOpen.value;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  const close = () => {
    helpIsOpen.value = false;
  };
  return (
    <dialog ref={dialog} aria-labelledby="keys-title" onClose={close}>
      <header>
        <h2 id="keys-title" tabIndex={-1}>
          Keys and settings
        </h2>
      </header>
      {isOpen && <KeysHelp onClose={close} />}
    </dialog>
  );
}
