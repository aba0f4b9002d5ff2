// What viewers of an operation are told, by what its store holds: the whole of it, four times a second at the most, the latest always.
import { env, runInDurableObject } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { NOTHING_TOLD, OperationEvents, type OperationTold } from '../../src/actor/operation-events.ts';
import { OperationStore } from '../../src/actor/operation-store.ts';
import { toOperationResource } from '../../src/contract/operations.ts';
import { EVERY_JOB } from '../../src/domain/job-filter.ts';
import { type Item, newOperation, type Operation } from '../../src/domain/operation.ts';
import { newId } from '../support/ids.ts';

const START = 1_000_000;
const JOBS = ['job_1', 'job_2', 'job_3'];

/** An operation over three jobs, and one viewer of it. */
class Watched {
  #store: OperationStore;
  #events: OperationEvents;
  readonly #storage: DurableObjectStorage;
  #told: OperationTold = NOTHING_TOLD;
  #operation: Operation;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    const who = {
      projectId: newId('prj'),
      owner: 'own_1',
      actorId: 'alice',
      actorName: null,
      correlationId: 'cor',
    };
    const asked = { requestDigest: '', modelProfile: 'balanced', discardEdits: [], maxInFlight: 10 };
    const choice = { filter: EVERY_JOB, endedIn: null };
    const origin = { id: newId('opr'), ...who, ...asked, choice, traceparent: '', createdAt: 1 };
    this.#operation = newOperation(origin, 1);
    this.#store = new OperationStore(storage);
    this.#store.create(this.#operation, JOBS, {});
    this.#events = new OperationEvents(this.#store);
  }

  moves(jobId: string, to: Partial<Item>): void {
    const before = this.#store.item(jobId);
    if (before === null) throw new Error(`${jobId} is not in it`);
    this.#store.commit(null, { before, after: { ...before, ...to } });
  }

  becomes(patch: Partial<Operation>): void {
    this.#operation = { ...this.#operation, ...patch };
    this.#store.commit(this.#operation, null);
  }

  /** As the viewer is told it then; and when there is more. */
  told(now: number) {
    const { records, told, moreAt } = this.#events.owed(this.#told, now);
    this.#told = told;
    return { records: records.map((record) => JSON.parse(record)), moreAt };
  }

  shown() {
    return { type: 'operation', operation: toOperationResource(this.#operation, this.#store.counts()) };
  }

  /** The memory is gone; what the viewer was told lies with its socket. */
  wake(): void {
    this.#store = new OperationStore(this.#storage);
    this.#events = new OperationEvents(this.#store);
  }
}

const inOperation = (act: (watched: Watched) => void): Promise<void> =>
  runInDurableObject(env.OPERATION.getByName(newId('opr')), (_actor, { storage }) =>
    act(new Watched(storage)),
  );

test('who comes is told the whole operation, and nothing more until it changes', async () => {
  await inOperation((watched) => {
    expect(watched.told(START)).toEqual({ records: [watched.shown()], moreAt: null });
    expect(watched.told(START + 10_000)).toEqual({ records: [], moreAt: null });
  });
});

test('every change is told: of where a job stands, whether it was delivered, why it was refused, of the state, of the wait', async () => {
  await inOperation((watched) => {
    watched.told(START);
    const changes = [
      () => watched.moves('job_1', { state: 'in_flight', dispatchId: 'dsp_1', isAccepted: true }),
      () => watched.moves('job_1', { isDelivered: true }),
      () => watched.moves('job_1', { state: 'succeeded' }),
      () => watched.moves('job_2', { state: 'refused', code: 'RETRY_NOT_ALLOWED_STATE' }),
      () => watched.becomes({ state: 'waiting', resumeAt: START }),
      () => watched.becomes({ resumeAt: START + 1 }),
      () => watched.becomes({ state: 'done', resumeAt: null, endedAt: START }),
    ];
    for (const [index, change] of changes.entries()) {
      change();
      expect(watched.told(START + (index + 1) * 1_000)).toEqual({ records: [watched.shown()], moreAt: null });
    }
  });
});

test('four times a second at the most; what was held back is told when that is over, as it is then', async () => {
  await inOperation((watched) => {
    watched.told(START);
    watched.moves('job_1', { state: 'succeeded' });
    expect(watched.told(START + 1)).toEqual({ records: [], moreAt: START + 250 });
    watched.moves('job_2', { state: 'failed', code: 'NO_AUDIO' });
    expect(watched.told(START + 249)).toEqual({ records: [], moreAt: START + 250 });
    expect(watched.told(START + 250)).toEqual({ records: [watched.shown()], moreAt: null });
    expect(watched.told(START + 260)).toEqual({ records: [], moreAt: null });
  });
});

test('a clock that was set back holds nothing back', async () => {
  await inOperation((watched) => {
    watched.told(START);
    watched.moves('job_1', { state: 'succeeded' });
    expect(watched.told(START - 10_000).records).toEqual([watched.shown()]);
  });
});

test('what changed while the object slept is told by the one that wakes, and nothing twice', async () => {
  await inOperation((watched) => {
    watched.told(START);
    watched.wake();
    expect(watched.told(START + 1_000)).toEqual({ records: [], moreAt: null });
    watched.moves('job_1', { state: 'succeeded' });
    watched.wake();
    expect(watched.told(START + 2_000).records).toEqual([watched.shown()]);
  });
});
