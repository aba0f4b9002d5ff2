// What surrounds every view: where one is, how fresh it is, and the way to the keys.
import { useSignalEffect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Announced, mention } from './announce.tsx';
import { BulkView } from './bulk.tsx';
import { exact, now } from './clock.ts';
import { JobView } from './job.tsx';
import { helpIsOpen, KeysHelp } from './keys.tsx';
import { connection, type Live, type LiveState } from './live.ts';
import { OperationView } from './operation.tsx';
import { ProjectView } from './project.tsx';
import { ProjectsView } from './projects.tsx';
import { match, path, query, to } from './router.ts';
import { me, SIGNED_IN, signInAddress, tellSignedIn } from './session.ts';
import { session } from './session-state.ts';
import { Icon } from './shown.tsx';
import { Empty, NoSuchPage } from './states.tsx';
import { crumbs } from './title.ts';
import type { Shape } from './words.ts';

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
    <header class={`top ${connection.value?.isStale ? 'is-stale' : ''}`}>
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
      {connection.value && connection.value.state.value !== 'off' && <Freshness live={connection.value} />}
      <Person />
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
  off: { words: '', shape: 'waiting' },
};

/** One place, by text and shape. While it is not live it says as of when. */
function Freshness({ live }: { live: Live<never> }) {
  const { words, shape } = FRESHNESS[live.state.value];
  const asOf = live.asOf.value;
  const isOld = live.isStale && asOf !== null;
  useSignalEffect(() => {
    const state = live.state.value;
    if (state === 'reconnecting') mention('The connection is lost. What is shown may be old.');
  });
  return (
    <p class={`freshness is-${live.state.value} ${isOld ? 'is-old' : ''}`}>
      <Icon shape={shape} />
      <span>
        {words}
        {isOld && <span class="as-of"> · shown as of {exact(asOf, now.value)}</span>}
      </span>
    </p>
  );
}

/** Who acts; behind it the keys, the settings and the way out. */
function Person() {
  const person = session.value === 'open' ? me.value : null;
  const name = person === null ? null : (person.actor_name ?? person.actor_id);
  const what = 'keys, settings';
  return (
    <button
      type="button"
      class="quiet person"
      aria-haspopup="dialog"
      aria-label={name === null ? `Help: ${what}` : `${name}: ${what}, sign out`}
      onClick={() => {
        helpIsOpen.value = true;
      }}
    >
      <span class="person-name">{name}</span>
      <span class="person-short">{name === null ? '?' : initials(name)}</span>
      {person?.can_write === false && <span class="tag">may only read</span>}
    </button>
  );
}

const initials = (name: string): string =>
  name
    .split(/\s+/)
    .slice(0, 2)
    .map((part) => [...part][0] ?? '')
    .join('');

const NOT_SIGNED_IN: Readonly<Record<string, string>> = {
  denied: 'The provider did not let you in, or you turned back.',
  failed: 'Signing in did not work.',
  unavailable: 'The provider could not be reached.',
  expired: 'Signing in took too long, or was begun in another browser.',
};

/** What was on the page stays there, and what was typed: signing in goes on in a tab of its own. */
function SessionNote() {
  const why = NOT_SIGNED_IN[query.value.get('sign_in') ?? ''];
  if (why && session.value !== 'open') {
    return (
      <div class="banner" role="alert">
        <p>{why} Try once more; if that does not help, whoever runs Retake finds the reason in its log.</p>
      </div>
    );
  }
  if (session.value !== 'ended' || me.value === null) return null;
  return (
    <div class="banner" role="alert">
      <p>You are signed out. What is on this page stays, and what you have typed.</p>
      <a class="button primary" href={signInAddress(to(SIGNED_IN))} target="_blank" rel="noopener opener">
        Sign in again
      </a>
    </div>
  );
}

/** In the tab that was opened for signing in alone. */
function SignedIn() {
  useEffect(() => {
    tellSignedIn();
    window.close();
  }, []);
  return (
    <Empty isWholeView title="Signed in">
      <p>You can close this tab and go on in the other one.</p>
      <a href={to('')}>All projects</a>
    </Empty>
  );
}

/** By address. Dialogues and pages of a job stand over, or in place of, its view, which goes on below. */
function view(): { key: string; content: ComponentChildren } {
  if (path.value === '' || path.value === '/new') return { key: 'projects', content: <ProjectsView /> };
  if (path.value === SIGNED_IN) return { key: path.value, content: <SignedIn /> };
  const project = match('/projects/:id') ?? match('/projects/:id/new') ?? match('/projects/:id/erase');
  if (project?.id) return { key: project.id, content: <ProjectView key={project.id} id={project.id} /> };
  const bulk = match('/projects/:id/retries/new');
  if (bulk?.id) return { key: path.value, content: <BulkView key={path.value} projectId={bulk.id} /> };
  const operation = match('/operations/:id') ?? match('/operations/:id/stop');
  if (operation?.id)
    return { key: operation.id, content: <OperationView key={operation.id} id={operation.id} /> };
  const [, jobs, id = '', ...rest] = path.value.split('/');
  if (jobs === 'jobs' && id !== '') {
    return { key: id, content: <JobView key={id} id={id} rest={`/${rest.join('/')}`} /> };
  }
  return { key: path.value, content: <NoSuchPage /> };
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
