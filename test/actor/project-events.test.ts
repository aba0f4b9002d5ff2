// What viewers of a project are told, by what its store holds: rows as they are, each job's latest, counts once a second, and
// operations when they move.
import { env, runInDurableObject } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { NOTHING_TOLD, ProjectEvents, type ProjectTold } from '../../src/actor/project-events.ts';
import { ProjectStore } from '../../src/actor/project-store.ts';
import { newJob } from '../../src/domain/job.ts';
import { EVERY_JOB } from '../../src/domain/job-filter.ts';
import type { Status } from '../../src/domain/lifecycle.ts';
import type { OperationState } from '../../src/domain/operation.ts';
import { type JobSummary, summaryOf } from '../../src/domain/project.ts';
import { newId } from '../support/ids.ts';

const START = 1_000_000;

const notNone = (counts: Record<Status, number>) =>
  Object.fromEntries(Object.entries(counts).filter(([, jobs]) => jobs > 0));

interface Told {
  summaries: [string, Status][];
  erased: string[];
  counts: Partial<Record<Status, number>> | null;
  moreAt: number | null;
}

const NOTHING_MORE: Told = { summaries: [], erased: [], counts: null, moreAt: null };

/** A project whose jobs are pushed, and one viewer of it. */
class Project {
  readonly id = newId('prj');
  readonly #store: ProjectStore;
  #events: ProjectEvents;
  #told: ProjectTold = NOTHING_TOLD;

  constructor(storage: DurableObjectStorage) {
    this.#store = new ProjectStore(storage);
    this.#store.create({
      id: this.id,
      owner: 'own_1',
      requestDigest: null,
      name: 'Talks',
      createdAt: 1,
      erasedAt: null,
    });
    this.#events = new ProjectEvents(this.#store);
  }

  job(createdAt = 1): JobSummary {
    const id = newId('job');
    const origin = { id, projectId: this.id, owner: 'own_1', ownerIdentity: null, requestDigest: null };
    return summaryOf(newJob(origin, createdAt), null);
  }

  push(...summaries: JobSummary[]): void {
    this.#store.putSummaries(summaries);
    this.#events.changed(summaries);
  }

  /** While nobody looks on nothing is noted. */
  pushUnseen(...summaries: JobSummary[]): void {
    this.#store.putSummaries(summaries);
  }

  /** Another viewer comes. */
  come(): void {
    this.#told = NOTHING_TOLD;
  }

  /** What the viewer is told then. */
  told(now: number): Told {
    const { records, told, moreAt } = this.#events.owed(this.#told, now);
    if (records.length > 0) this.#told = told;
    const all = records.map((record) => JSON.parse(record));
    return {
      summaries: all.flatMap(({ summary }) =>
        summary ? [[summary.id, summary.status]] : [],
      ) as Told['summaries'],
      erased: all.flatMap(({ type, job_id }) => (type === 'erased' ? [job_id] : [])),
      counts: all.some(({ counts }) => counts)
        ? notNone(all.find(({ counts }) => counts).counts.by_status)
        : null,
      moreAt,
    };
  }

  allTold(): void {
    this.#events.allTold();
  }

  erase(job: JobSummary): void {
    this.#store.eraseJob(job, START);
    this.#events.erased(job.id);
  }

  begin(id: string, createdAt = 1): void {
    const origin = {
      id,
      projectId: this.id,
      owner: 'own_1',
      actorId: 'alice',
      actorName: 'Alice Adams',
      correlationId: 'cor',
      traceparent: '',
    };
    const asked = { requestDigest: '', modelProfile: 'balanced', discardEdits: [], maxInFlight: 10 };
    const choice = { filter: EVERY_JOB, endedIn: null };
    this.#store.operations.add({ ...origin, ...asked, choice, createdAt, total: 0, shown: null }, []);
  }

  move(id: string, state: OperationState, createdAt = 1): void {
    const shown = { state, resumeAt: null, startedAt: 2, endedAt: null, counts: null };
    this.#store.operations.show({ id, createdAt }, shown);
    this.#events.operationMoved(id);
  }

  /** Where the operations are that the viewer is told of then. */
  toldOperations(now: number): [string, OperationState][] {
    const { records, told } = this.#events.owed(this.#told, now);
    this.#told = told;
    return records.flatMap((record) => {
      const { operation } = JSON.parse(record);
      return operation ? [[operation.id, operation.state]] : [];
    }) as [string, OperationState][];
  }

  /** The memory is gone; what the viewer was told lies with its socket. */
  wake(): void {
    this.#events = new ProjectEvents(this.#store);
  }
}

const inProject = (act: (project: Project) => void): Promise<void> =>
  runInDurableObject(env.PROJECT.getByName(newId('prj')), (_actor, { storage }) => act(new Project(storage)));

const moved = (summary: JobSummary, status: Status, by = 1): JobSummary => ({
  ...summary,
  status,
  revision: summary.revision + by,
});

test('who comes is told the newest fifty jobs and how many there are in all', async () => {
  await inProject((project) => {
    const jobs = Array.from({ length: 60 }, (_, index) => project.job(index + 1));
    project.push(...jobs);
    const { summaries, counts } = project.told(START);
    expect(summaries.map(([id]) => id)).toEqual(
      jobs
        .map(({ id }) => id)
        .reverse()
        .slice(0, 50),
    );
    expect(counts).toEqual({ CREATED: 60 });
    expect(project.told(START + 5_000)).toEqual(NOTHING_MORE);
  });
});

test('a job that changed several times is told once, as it is', async () => {
  await inProject((project) => {
    const [one, other] = [project.job(1), project.job(2)];
    project.push(one, other);
    project.told(START);
    project.push(moved(one, 'UPLOADING'));
    project.push(moved(one, 'UPLOADED', 2));
    expect(project.told(START + 2_000).summaries).toEqual([[one.id, 'UPLOADED']]);
    expect(project.told(START + 4_000).summaries).toEqual([]);
  });
});

test('a push that came too late is told as what is known', async () => {
  await inProject((project) => {
    const [one, other] = [project.job(1), project.job(2)];
    project.push(moved(one, 'UPLOADED', 5), other);
    project.told(START);
    project.push(moved(one, 'UPLOADING', 2));
    expect(project.told(START + 2_000).summaries).toEqual([[one.id, 'UPLOADED']]);
  });
});

test('counts are told once a second at the most, and those that were held back when it is over', async () => {
  await inProject((project) => {
    const job = project.job();
    project.push(job);
    expect(project.told(START).counts).toEqual({ CREATED: 1 });
    project.push(moved(job, 'UPLOADED'));
    const held = project.told(START + 999);
    expect(held).toEqual({ ...NOTHING_MORE, summaries: [[job.id, 'UPLOADED']], moreAt: START + 1_000 });
    expect(project.told(START + 1_000)).toEqual({ ...NOTHING_MORE, counts: { UPLOADED: 1 } });
  });
});

test('counts that are as they were told are not told again', async () => {
  await inProject((project) => {
    const job = project.job();
    project.push(job);
    project.told(START);
    project.push({ ...moved(job, 'CREATED'), externalId: 'cms-1' });
    expect(project.told(START + 5_000)).toMatchObject({ summaries: [[job.id, 'CREATED']], counts: null });
  });
});

test('who comes is told the counts as they are, whoever looked before and whatever changed since', async () => {
  await inProject((project) => {
    const job = project.job();
    project.push(job);
    expect(project.told(START).counts).toEqual({ CREATED: 1 });
    project.pushUnseen(moved(job, 'UPLOADED'));
    project.come();
    expect(project.told(START + 10).counts).toEqual({ UPLOADED: 1 });
  });
});

test('who is there is told once of a job that is erased, and is told no row of it any more; who comes, of none', async () => {
  await inProject((project) => {
    const [one, other] = [project.job(1), project.job(2)];
    project.push(one, other);
    project.told(START);
    project.push(moved(one, 'UPLOADED'));
    project.erase(one);
    project.push(moved(one, 'FAILED', 2));
    expect(project.told(START + 2_000)).toEqual({
      ...NOTHING_MORE,
      erased: [one.id],
      counts: { CREATED: 1 },
    });
    expect(project.told(START + 4_000)).toEqual(NOTHING_MORE);
    project.come();
    expect(project.told(START + 6_000)).toMatchObject({ summaries: [[other.id, 'CREATED']], erased: [] });
  });
});

test('what changes after an awakening is told to who was there before it, and nothing twice', async () => {
  await inProject((project) => {
    const jobs = [project.job(1), project.job(2), project.job(3)];
    for (const job of jobs) project.push(job);
    project.told(START);
    project.allTold();
    project.wake();
    expect(project.told(START + 2_000).summaries).toEqual([]);
    const [first] = jobs as [JobSummary];
    project.push(moved(first, 'UPLOADED'));
    expect(project.told(START + 4_000).summaries).toEqual([[first.id, 'UPLOADED']]);
    expect(project.told(START + 6_000).summaries).toEqual([]);
  });
});

test('who comes is told the newest ten operations, and then each that moves, once and as it is', async () => {
  await inProject((project) => {
    for (let number = 1; number <= 12; number += 1) project.begin(`opr_${number}`, number);
    const told = project.toldOperations(START).map(([id]) => id);
    expect(told).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map((number) => `opr_${number}`));
    project.move('opr_12', 'waiting', 12);
    project.move('opr_12', 'paused', 12);
    expect(project.toldOperations(START + 10)).toEqual([['opr_12', 'paused']]);
    expect(project.toldOperations(START + 20)).toEqual([]);
  });
});

test('an operation that moves after an awakening is told to who was there before it', async () => {
  await inProject((project) => {
    project.begin('opr_1');
    project.toldOperations(START);
    project.allTold();
    project.wake();
    expect(project.toldOperations(START + 10)).toEqual([]);
    project.move('opr_1', 'done');
    expect(project.toldOperations(START + 20)).toEqual([['opr_1', 'done']]);
  });
});
