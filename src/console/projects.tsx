// All projects of the editor with how many jobs are in each, and the dialogue that makes one. No stream covers them: they are asked for
// again on focus and every half a minute.
import { batch, type Signal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ask, askAll, type Project, type Refusal, type Schemas } from './api.ts';
import { NewProject } from './new-project.tsx';
import { path, to } from './router.ts';
import { RowTime } from './shown.tsx';
import { Empty, NotShown, Skeleton } from './states.tsx';
import { useTitle } from './title.ts';
import { jobsInWords } from './words.ts';

const REFRESH_EVERY_MS = 30_000;
/** Counting wakes every project: once in so many looks by the clock, besides when somebody comes. */
const COUNTED_EVERY = 10;
/** Of so many projects the jobs are counted, and of so many at once: each is asked by itself. */
const MOST_COUNTED = 50;
const COUNTED_AT_ONCE = 6;

class Projects {
  /** By name. */
  readonly items = signal<readonly Project[] | null>(null);
  /** How many jobs are in each, of those that have said so. */
  readonly counts: Signal<ReadonlyMap<string, Schemas['JobCounts']>> = signal(new Map());
  readonly refusal = signal<Refusal | null>(null);
  readonly #left = new AbortController();
  #looks = 0;
  #isCounting = false;

  readonly refresh = (): void => void this.#look(true);
  readonly refreshByTheClock = (): void => void this.#look(this.#looks % COUNTED_EVERY === 0);

  async #look(counts: boolean): Promise<void> {
    if (document.hidden) return;
    this.#looks += 1;
    const answer = await askAll((cursor) =>
      ask(
        (client, signal) =>
          client.GET('/projects', {
            params: { query: { limit: 100, ...(cursor === undefined ? {} : { cursor }) } },
            signal,
          }),
        this.#left.signal,
      ),
    );
    if (this.#left.signal.aborted) return;
    batch(() => {
      if (answer.ok)
        this.items.value = [...answer.data].sort((one, other) => one.name.localeCompare(other.name));
      this.refusal.value = answer.ok ? null : answer.refusal;
    });
    if (answer.ok && counts && !this.#isCounting) await this.#countAll();
  }

  async #countAll(): Promise<void> {
    this.#isCounting = true;
    const left = (this.items.peek() ?? []).slice(0, MOST_COUNTED);
    const count = async () => {
      for (let next = left.shift(); next; next = left.shift()) await this.#count(next.id);
    };
    await Promise.all(Array.from({ length: COUNTED_AT_ONCE }, count));
    this.#isCounting = false;
  }

  async #count(projectId: string): Promise<void> {
    const params = { path: { projectId } };
    const answer = await ask(
      (client, signal) => client.GET('/projects/{projectId}/counts', { params, signal }),
      this.#left.signal,
    );
    if (answer.ok) this.counts.value = new Map(this.counts.peek()).set(projectId, answer.data);
  }

  dispose(): void {
    this.#left.abort();
  }
}

export function ProjectsView() {
  const projects = useMemo(() => new Projects(), []);
  useTitle('Projects', []);
  useEffect(() => {
    projects.refresh();
    const timer = setInterval(projects.refreshByTheClock, REFRESH_EVERY_MS);
    addEventListener('focus', projects.refresh);
    return () => {
      clearInterval(timer);
      removeEventListener('focus', projects.refresh);
      projects.dispose();
    };
  }, [projects]);
  const refusal = projects.refusal.value;
  if (projects.items.value === null && refusal)
    return <NotShown refusal={refusal} again={projects.refresh} />;
  return (
    <div class="page">
      <div class="page-head">
        <h1 tabIndex={-1}>Projects</h1>
        <a class="button" href={to('/new')}>
          New project…
        </a>
      </div>
      <List projects={projects} />
      {path.value === '/new' && <NewProject />}
    </div>
  );
}

function List({ projects }: { projects: Projects }) {
  const items = projects.items.value;
  const refusal = projects.refusal.value;
  if (items === null) return <Skeleton rows={5} />;
  if (items.length === 0) {
    return (
      <Empty title="No projects yet">
        <p>A project holds the jobs of one production, and each job is one video.</p>
        <a class="button primary" href={to('/new')}>
          Create your first project…
        </a>
        <p class="muted">
          By the API: <code>POST /projects</code> with <code>{'{"name": "Interviews"}'}</code>
        </p>
      </Empty>
    );
  }
  return (
    <>
      {refusal && <p class="note warning">Not refreshed: this may be old.</p>}
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" class="count-cell">
              Jobs
            </th>
            <th scope="col" class="narrow">
              Created
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map(({ id, name, created_at }) => (
            <tr key={id}>
              <th scope="row">
                <a class="row-link" href={to(`/projects/${id}`)}>
                  {name}
                </a>
              </th>
              <td class="count-cell">
                <JobsIn id={id} counts={projects.counts.value.get(id)} />
              </td>
              <td class="narrow">
                <RowTime at={created_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** How many there are, and the way to those that failed. */
function JobsIn({ id, counts }: { id: string; counts: Schemas['JobCounts'] | undefined }) {
  if (counts === undefined) return <span class="muted">–</span>;
  const failed = counts.by_status.FAILED;
  return (
    <>
      {counts.jobs === 0 ? <span class="muted">none yet</span> : jobsInWords(counts.jobs)}
      {failed > 0 && (
        <a class="tag" href={to(`/projects/${id}`, { status: 'FAILED' })}>
          {failed.toLocaleString('en')} failed
        </a>
      )}
    </>
  );
}
