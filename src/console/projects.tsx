// All projects of the editor, and the dialogue that makes one. No stream covers them: they are asked for again on focus and every
// half a minute.
import { batch, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ask, askAll, type Project, type Refusal } from './api.ts';
import { NewProject } from './new-project.tsx';
import { path, to } from './router.ts';
import { RowTime } from './shown.tsx';
import { Empty, NotShown, Skeleton } from './states.tsx';
import { useTitle } from './title.ts';

const REFRESH_EVERY_MS = 30_000;

class Projects {
  readonly items = signal<readonly Project[] | null>(null);
  readonly refusal = signal<Refusal | null>(null);
  readonly #left = new AbortController();

  readonly refresh = async (): Promise<void> => {
    if (document.hidden) return;
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
      if (answer.ok) this.items.value = answer.data;
      this.refusal.value = answer.ok ? null : answer.refusal;
    });
  };

  dispose(): void {
    this.#left.abort();
  }
}

export function ProjectsView() {
  const projects = useMemo(() => new Projects(), []);
  useTitle('Projects', []);
  useEffect(() => {
    void projects.refresh();
    const timer = setInterval(projects.refresh, REFRESH_EVERY_MS);
    addEventListener('focus', projects.refresh);
    return () => {
      clearInterval(timer);
      removeEventListener('focus', projects.refresh);
      projects.dispose();
    };
  }, [projects]);
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
  if (items === null) {
    return refusal ? <NotShown refusal={refusal} again={projects.refresh} /> : <Skeleton rows={5} />;
  }
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
  const sorted = [...items].sort((one, other) => one.name.localeCompare(other.name));
  return (
    <>
      {refusal && <p class="note warning">Not refreshed: this may be old.</p>}
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" class="narrow">
              Created
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.map(({ id, name, created_at }) => (
            <tr key={id}>
              <th scope="row">
                <a class="row-link" href={to(`/projects/${id}`)}>
                  {name}
                </a>
              </th>
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
