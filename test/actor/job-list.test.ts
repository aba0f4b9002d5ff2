// The list of a project's jobs in real SQLite, against a plain list: pages, filters and counts while jobs are added and change,
// and what each of them writes and reads.
import { env, runInDurableObject } from 'cloudflare:test';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MOST_LOOKED_AT, ProjectStore } from '../../src/actor/project-store.ts';
import { FAILURE_CLASSES } from '../../src/domain/failures.ts';
import { newJob } from '../../src/domain/job.ts';
import { count, noJobs } from '../../src/domain/job-counts.ts';
import { EVERY_JOB, type JobFilter, matches } from '../../src/domain/job-filter.ts';
import { STATUSES, type Status } from '../../src/domain/lifecycle.ts';
import { type JobSummary, type Position, summaryOf } from '../../src/domain/project.ts';
import { newId } from '../support/ids.ts';

const numRuns = Number((env as unknown as Record<string, string>).FAULT_HISTORIES ?? 200);
const seed = Number((env as unknown as Record<string, string>).SEED ?? 1);

/** A project of its own, with what counts its rows. */
function inProject<T>(
  work: (store: ProjectStore, storage: DurableObjectStorage, id: string) => T,
): Promise<T> {
  const id = newId('prj');
  return runInDurableObject(env.PROJECT.getByName(id), (_actor, { storage }) => {
    const store = new ProjectStore(storage);
    store.create({ id, owner: 'own_1', requestDigest: null, name: 'Talks', createdAt: 1, erasedAt: null });
    return work(store, storage, id);
  });
}

const summary = (projectId: string, patch: Partial<JobSummary> = {}): JobSummary => ({
  ...summaryOf(
    newJob({ id: newId('job'), projectId, owner: 'own_1', ownerIdentity: null, requestDigest: null }, 1_000),
    null,
  ),
  ...patch,
});

const failureOf = (status: Status, n: number): JobSummary['failure'] =>
  status === 'FAILED'
    ? {
        failureClass: FAILURE_CLASSES[n % 2] ?? 'unknown',
        failureCode: n % 3 === 0 ? 'A' : 'B',
        failedStage: n % 5 === 0 ? null : 'TRANSCRIBING',
      }
    : null;

const some = fc.constantFrom<Status[]>('FAILED', 'FAILED', 'DONE', 'DONE', 'CREATED', 'TRANSCRIBING');
const look = fc.record({
  status: some,
  n: fc.nat(30),
  profile: fc.constantFrom(null, 'balanced', 'late'),
  tags: fc.subarray(['x', 'y', 'z']),
});
type Look = typeof look extends fc.Arbitrary<infer T> ? T : never;
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('add' as const), look, at: fc.nat(40), isNamed: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('change' as const), look, which: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('repeat' as const), which: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wake' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('page' as const) }) },
);
const or = <T>(value: fc.Arbitrary<T>, weight = 2) =>
  fc.oneof({ weight, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value });
const filters: fc.Arbitrary<JobFilter> = fc.record({
  statuses: fc.oneof(fc.constant([]), fc.uniqueArray(some, { maxLength: 3 })),
  failureClass: or(fc.constantFrom(...FAILURE_CLASSES.slice(0, 3)), 9),
  failureCode: or(fc.constantFrom('A', 'B', 'C'), 9),
  failedStage: or(fc.constant('TRANSCRIBING'), 9),
  modelProfile: or(fc.constantFrom('balanced', 'late'), 9),
  tag: or(fc.constantFrom('x', 'y', 'none'), 3),
  externalId: or(fc.constantFrom('name-1', 'name-2', 'nobody'), 12),
  updatedAfter: or(fc.nat(60), 9),
  updatedBefore: or(fc.nat(60), 9),
});
const lives = fc.record({
  before: fc.array(look, { maxLength: 90, size: 'max' }),
  steps: fc.array(step, { maxLength: 60, size: 'max' }),
  filter: filters,
  limit: fc.integer({ min: 1, max: 8 }),
});

const isBefore = (a: Position, b: Position) =>
  a.createdAt === b.createdAt ? a.id > b.id : a.createdAt > b.createdAt;
const byNewest = (a: JobSummary, b: JobSummary) => (isBefore(a, b) ? -1 : 1);

/** The jobs as anybody would keep them. */
class PlainList {
  readonly jobs: JobSummary[] = [];

  put(job: JobSummary): void {
    const at = this.jobs.findIndex(({ id }) => id === job.id);
    if (at >= 0) this.jobs.splice(at, 1);
    this.jobs.push(job);
    this.jobs.sort(byNewest);
  }

  matching(filter: JobFilter): JobSummary[] {
    return this.jobs.filter((job) => matches(job, filter));
  }

  page(filter: JobFilter, before: Position | null, limit: number) {
    const left = this.matching(filter).filter((job) => before === null || isBefore(before, job));
    const items = left.slice(0, limit);
    return { items, next: left.length > limit ? (items.at(-1) ?? null) : null };
  }

  get counts() {
    const counts = noJobs();
    for (const job of this.jobs) count(counts, job, 1);
    return counts;
  }
}

test('pages, filters and counts are those of a plain list, while jobs are added and change between pages', async () => {
  const seen = { pages: 0, full: 0, found: 0, changed: 0 };
  await inProject((_store, storage, projectId) => {
    const property = fc.property(lives, ({ before, steps, filter, limit }) => {
      for (const table of ['listed_job', 'tagged_job', 'external_id'])
        storage.sql.exec(`DELETE FROM ${table}`);
      let store = new ProjectStore(storage);
      const plain = new PlainList();
      let now = 0;
      const shown = ({ status, n, profile, tags }: Look) => ({
        ...{ status, failure: failureOf(status, n), latestProfile: profile, tags },
        updatedAt: now,
      });
      const put = (job: JobSummary) => {
        store.putSummaries([job]);
        plain.put(job);
      };
      const add = (createdAt: number, how: Look, externalId: string | null) => {
        const job = summary(projectId, { createdAt, externalId, ...shown(how) });
        // Its name is kept for it before it is there, and was perhaps not as of when it was created.
        if (externalId !== null) store.reserve(externalId, job.id, how.n % 2 ? createdAt : createdAt - 1);
        put(job);
      };
      for (const how of before) {
        now += 1;
        add(now % 7 === 0 ? now - 1 : now, how, null);
      }
      let cursor: Position | null = null;
      const handedOut: string[] = [];
      const touched = new Set<string>();
      let isOver = false;
      const turn = () => {
        const page = store.page(filter, cursor, limit);
        expect(page).toEqual(plain.page(filter, cursor, limit));
        handedOut.push(...page.items.map(({ id }) => id));
        cursor = page.next;
        isOver = page.next === null;
        seen.pages += 1;
        seen.full += isOver ? 0 : 1;
        seen.found += page.items.length;
      };
      const wanted = new Set(plain.matching(filter).map(({ id }) => id));
      for (const one of steps) {
        now += 1;
        if (one.do === 'add') {
          // A creation may be heard of late.
          const name = one.isNamed ? `name-${plain.jobs.length}` : null;
          add(Math.max(now - one.at, 0), one.look, name);
        } else if (one.do === 'wake') {
          store = new ProjectStore(storage);
        } else if (one.do === 'page') {
          if (!isOver) turn();
        } else {
          const job = plain.jobs[one.which % plain.jobs.length];
          if (!job) continue;
          seen.changed += 1;
          if (one.do === 'repeat') store.putSummaries([job, { ...job, status: 'CANCELLED', revision: 0 }]);
          else {
            touched.add(job.id);
            put({ ...job, ...shown(one.look), revision: job.revision + 1 });
          }
        }
        expect(store.counts()).toEqual(plain.counts);
      }
      while (!isOver) turn();
      expect(new Set(handedOut).size, 'nobody is handed out twice').toBe(handedOut.length);
      const missing = [...wanted].filter((id) => !handedOut.includes(id) && !touched.has(id));
      expect(missing, 'nobody who was there all the while is left out').toEqual([]);
      const named = plain
        .matching(filter)
        .map(({ id, createdAt, externalId }) => ({ id, createdAt, externalId }));
      expect(store.matching(filter)).toEqual(named);
    });
    fc.assert(property, { numRuns, seed });
  });
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(numRuns);
}, 120_000);

/** What a piece of work writes and reads, in rows. */
function metered(storage: DurableObjectStorage): { written: number; read: number; reset(): void } {
  const counted = { written: 0, read: 0, reset: () => Object.assign(counted, { written: 0, read: 0 }) };
  const exec = storage.sql.exec.bind(storage.sql);
  storage.sql.exec = ((query: string, ...bindings: SqlStorageValue[]) => {
    const cursor = exec(query, ...bindings);
    const rows = cursor.toArray();
    counted.written += cursor.rowsWritten;
    counted.read += cursor.rowsRead;
    return { toArray: () => rows, one: () => rows[0], next: () => ({ done: !rows[0], value: rows[0] }) };
  }) as unknown as SqlStorage['exec'];
  return counted;
}

describe('a push', () => {
  test('writes one row without tags, whatever it changes, and one more for each tag that comes or goes', async () => {
    const written = await inProject((store, storage, projectId) => {
      const meter = metered(storage);
      const costs: Record<string, number> = {};
      let job = summary(projectId, { externalId: 'talk-1', createdAt: 1_000 });
      store.reserve('talk-1', job.id, 1_000);
      const push = (what: string, patch: Partial<JobSummary>) => {
        job = { ...job, revision: job.revision + 1, ...patch };
        meter.reset();
        store.putSummaries([job]);
        costs[what] = meter.written;
      };
      push('the first', {});
      push('a status', { status: 'TRANSCRIBING' });
      push('a failure', { status: 'FAILED', failure: failureOf('FAILED', 1) });
      push('a dispatch', { openKind: 'retry' });
      push('metadata', { metadata: { language: 'de' } });
      push('two tags', { tags: ['x', 'y'] });
      push('a status, with tags', { status: 'DONE', failure: null });
      push('another tag', { tags: ['x', 'z'] });
      push('an older one', { revision: 1 });
      return costs;
    });
    expect(written).toEqual({
      ...{ 'the first': 1, 'a status': 1, 'a failure': 1, 'a dispatch': 1, metadata: 1 },
      ...{ 'two tags': 3, 'a status, with tags': 1, 'another tag': 3, 'an older one': 0 },
    });
  });
});

describe('in a project of many jobs', () => {
  const JOBS = 12_000;
  const fill = (storage: DurableObjectStorage, patch = '') => {
    storage.sql.exec(
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${JOBS - 1})
       INSERT INTO listed_job (status, created_at, job_id, revision, updated_at)
         SELECT CASE WHEN i % 4000 = 0 THEN 'FAILED' ELSE 'DONE' END, i, printf('job_%036d', i), 1, i FROM n`,
    );
    if (patch) storage.sql.exec(patch);
  };

  test('a page looks at no more than its bound, and then says where to go on', async () => {
    const pages = await inProject((store, storage) => {
      fill(storage, `UPDATE listed_job SET model_profile = 'late' WHERE created_at IN (3, 11990)`);
      const meter = metered(storage);
      const filter = { ...EVERY_JOB, modelProfile: 'late' };
      const first = store.page(filter, null, 10);
      const read = meter.read;
      const second = store.page(filter, first.next, 10);
      return { first, second, read };
    });
    const ids = ({ items }: { items: readonly JobSummary[] }) => items.map(({ createdAt }) => createdAt);
    expect(ids(pages.first)).toEqual([11_990]);
    expect(pages.first.next).toMatchObject({ createdAt: JOBS - MOST_LOOKED_AT });
    expect(pages.read).toBeLessThan(MOST_LOOKED_AT + 500);
    expect(ids(pages.second)).toEqual([3]);
    expect(pages.second.next).toBeNull();
  });

  test('a page by status, external id or tag reads what it shows, and not the project', async () => {
    const rows = await inProject((store, storage, projectId) => {
      fill(storage);
      const named = summary(projectId, { externalId: 'talk-1', createdAt: 5_000, tags: ['x'] });
      store.reserve('talk-1', named.id, 5_000);
      store.putSummaries([named]);
      const meter = metered(storage);
      const read = (filter: Partial<JobFilter>): [number, number] => {
        meter.reset();
        const { items } = store.page({ ...EVERY_JOB, ...filter }, null, 50);
        return [items.length, meter.read];
      };
      return {
        all: read({}),
        failed: read({ statuses: ['FAILED'] }),
        'of a failure': read({ failureClass: 'transient' }),
        named: read({ externalId: 'talk-1' }),
        'nobody of that name': read({ externalId: 'nobody' }),
        tagged: read({ tag: 'x' }),
        'a status that no failure has': read({ statuses: ['DONE'], failureCode: 'A' }),
      };
    });
    expect(rows.all[0]).toBe(50);
    expect(rows.all[1]).toBeLessThan(150);
    // One more is looked at where there are no more.
    expect(rows.failed).toEqual([3, 4]);
    expect(rows['of a failure']).toEqual([0, 4]);
    expect(rows.named[0]).toBe(1);
    // A row is looked for under each status.
    expect(rows.named[1]).toBeLessThan(3 * STATUSES.length);
    expect(rows['nobody of that name']).toEqual([0, 0]);
    expect(rows.tagged[0]).toBe(1);
    expect(rows.tagged[1]).toBeLessThan(3 * STATUSES.length);
    expect(rows['a status that no failure has']).toEqual([0, 0]);
  });

  test('counts are read once, and kept by what is pushed', async () => {
    const rows = await inProject((store, storage, projectId) => {
      fill(storage);
      const meter = metered(storage);
      const first = store.counts().statuses.DONE;
      const read = meter.read;
      store.putSummaries([summary(projectId, { status: 'DONE' })]);
      meter.reset();
      return { first, read, next: store.counts().statuses.DONE, readAgain: meter.read };
    });
    expect(rows).toMatchObject({ first: JOBS - 3, next: JOBS - 2, readAgain: 0 });
    expect(rows.read).toBeGreaterThanOrEqual(JOBS);
  });
});

test('pushes that could not be stored are not counted', async () => {
  const counted = await inProject((store, _storage, projectId) => {
    store.counts();
    const broken = { ...summary(projectId), status: null as unknown as Status };
    expect(() => store.putSummaries([summary(projectId), broken])).toThrow();
    return store.counts();
  });
  expect(counted).toEqual(noJobs());
  expect(Object.keys(counted.statuses)).toEqual([...STATUSES]);
});
