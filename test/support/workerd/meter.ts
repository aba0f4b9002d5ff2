// Counts what Cloudflare bills: rows, requests, alarms, messages and log lines of everything that runs in this isolate.
// Actors, consumer and tests share its prototypes, its environment and its console. What it costs is test/cost's.
import { env, runInDurableObject } from 'cloudflare:test';
import { JobActor } from '../../../src/actor/job-actor.ts';
import { JobReads } from '../../../src/actor/job-reads.ts';
import { OperationActor } from '../../../src/actor/operation-actor.ts';
import { ProjectActor } from '../../../src/actor/project-actor.ts';
import { WorkspaceActor } from '../../../src/actor/workspace-actor.ts';
import worker from '../../../src/index.ts';
import { newId } from '../ids.ts';

export interface Counts {
  /** Entries of tables and indexes, without the schema, which is made once per object. */
  jobRows: number;
  /** Of projects and workspaces. */
  listRows: number;
  /** Of bulk operations, and how often their alarms were set. */
  operationRows: number;
  operationAlarms: number;
  /** Each setAlarm is billed as one row written. */
  alarmsSet: number;
  rowsRead: number;
  /** HTTP requests and batches from the queue. */
  workerRequests: number;
  /** Calls of an actor's methods, without alarms. */
  jobCalls: number;
  listCalls: number;
  operationCalls: number;
  alarmsFired: number;
  /** Different objects that were called, which wakes those that sleep. */
  objectsCalled: number;
  /** Per 64 KB of a message: one to write it, one each time it is read, one to delete it. */
  queueOperations: number;
  logLines: number;
}

type Actor = 'job' | 'list' | 'operation';
interface Rows {
  written: number;
  read: number;
}

/** Made once per object, by statements whose cursors do not count it all. */
const IS_SCHEMA = /^\s*(--|CREATE)/;
/** The service's own, which are counted in place of being shown; the tests' are shown. */
const IS_LOG_LINE = /^\{"level"/;
const CHUNK_BYTES = 64_000;
const MESSAGE_OVERHEAD_BYTES = 100;
/** Alarms are set this much later than asked for: they fire when the test says so and at no other time. */
const ALARM_SHIFT_MS = 86_400_000;

export class Meter {
  #counts = noCounts();
  /** By the object that holds them: an actor reads before its first call tells what it is. */
  #rows = new Map<object, Rows>();
  #actors = new WeakMap<object, Actor>();
  #called = new Set<object>();
  #underWay = 0;
  #messagesLeft = 0;
  #muted = false;
  /** The objects that are being called, until they wait for something. */
  readonly #inside = new Set<unknown>();
  readonly #undo: (() => void)[] = [];

  private constructor(storage: DurableObjectStorage) {
    this.#meterStorage(storage);
    this.#meterActor('job', JobActor.prototype);
    this.#meterActor('job', JobReads.prototype);
    this.#meterActor('list', ProjectActor.prototype);
    this.#meterActor('list', WorkspaceActor.prototype);
    this.#meterActor('operation', OperationActor.prototype);
    this.#meterWorker();
    this.#meterLog();
  }

  /** Counts from here on, until `stop()`. */
  static start(): Promise<Meter> {
    const anywhere = env.JOB.getByName(newId('job'));
    return runInDurableObject(anywhere, (_actor, { storage }) => new Meter(storage));
  }

  stop(): void {
    for (const undo of this.#undo.reverse()) undo();
  }

  reset(): void {
    this.#counts = noCounts();
    this.#rows = new Map();
    this.#called = new Set();
  }

  /** Since the last reset. */
  counts(): Counts {
    const counts = { ...this.#counts, objectsCalled: this.#called.size };
    for (const [sql, { written, read }] of this.#rows) {
      const actor = this.#actors.get(sql);
      // What no call has reached was only looked at by the test.
      if (actor === undefined) continue;
      counts[`${actor}Rows`] += written;
      counts.rowsRead += read;
    }
    return counts;
  }

  /** Whether nothing is being handled and no message is on its way. */
  isQuiet(): boolean {
    return this.#underWay === 0 && this.#messagesLeft === 0;
  }

  /** Runs what must not be counted. */
  muted<T>(look: () => T): T {
    this.#muted = true;
    try {
      return look();
    } finally {
      this.#muted = false;
    }
  }

  #meterStorage(storage: DurableObjectStorage): void {
    const counted = new WeakMap<object, { sql: object; rows: Rows }>();
    // A cursor counts what was taken from it so far.
    const count = (cursor: Cursor) => {
      const known = counted.get(cursor);
      if (!known) return;
      const { rowsWritten: written, rowsRead: read } = cursor;
      const total = this.#rows.get(known.sql) ?? { written: 0, read: 0 };
      this.#rows.set(known.sql, {
        written: total.written + written - known.rows.written,
        read: total.read + read - known.rows.read,
      });
      known.rows = { written, read };
    };
    this.#wrap(Object.getPrototypeOf(storage.sql), 'exec', (exec, [query, ...bindings], sql) => {
      const cursor = exec(query, ...bindings) as Cursor;
      if (this.#muted || IS_SCHEMA.test(String(query))) return cursor;
      counted.set(cursor, { sql, rows: { written: 0, read: 0 } });
      count(cursor);
      return cursor;
    });
    const cursorPrototype = Object.getPrototypeOf(storage.sql.exec('SELECT 1'));
    for (const name of ['next', 'toArray', 'one']) {
      this.#wrap(cursorPrototype, name, (take, args, cursor) => {
        const taken = take(...args);
        count(cursor as Cursor);
        return taken;
      });
    }
    this.#wrap(Object.getPrototypeOf(storage), 'setAlarm', (setAlarm, [at], called) => {
      this.#counts.alarmsSet += 1;
      const { sql } = called as DurableObjectStorage;
      if (this.#actors.get(sql) === 'operation') this.#counts.operationAlarms += 1;
      return setAlarm(Number(at) + ALARM_SHIFT_MS);
    });
    this.#wrap(Object.getPrototypeOf(storage), 'getAlarm', async (getAlarm) => {
      const at = (await getAlarm()) as number | null;
      return at === null ? null : at - ALARM_SHIFT_MS;
    });
  }

  /** Every public method of an actor is called by others only, so that each call is a request of its own. */
  #meterActor(actor: Actor, prototype: object): void {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (name === 'constructor' || typeof value !== 'function') continue;
      const counted = name === 'alarm' ? 'alarmsFired' : (`${actor}Calls` as const);
      this.#wrap(prototype, name, (method, args, called) => {
        // What an object asks of itself is no call.
        if (this.#inside.has(called)) return method(...args);
        const { ctx } = called as { ctx: DurableObjectState };
        this.#actors.set(ctx.storage.sql, actor);
        this.#called.add(ctx.storage.sql);
        this.#counts[counted] += 1;
        return this.#during(() => {
          this.#inside.add(called);
          try {
            return method(...args);
          } finally {
            this.#inside.delete(called);
          }
        });
      });
    }
  }

  #meterWorker(): void {
    this.#wrap(worker, 'fetch', (fetch, args) => {
      this.#counts.workerRequests += 1;
      return this.#during(() => fetch(...args));
    });
    this.#wrap(worker, 'queue', (consume, args) => {
      const [{ messages }, , context] = args as [MessageBatch, unknown, ExecutionContext];
      this.#counts.workerRequests += 1;
      const kept = new Set<Message>();
      for (const message of messages) {
        wrap(message, 'retry', (retry, options) => {
          kept.add(message);
          return retry(...options);
        });
      }
      // What goes on when the queue has its answer.
      wrap(context, 'waitUntil', (waitUntil, [goesOn]) => waitUntil(this.#during(() => goesOn)));
      return this.#during(async () => {
        await consume(...args);
        for (const message of messages) {
          const chunks = chunksOf(message.body);
          this.#counts.queueOperations += kept.has(message) ? chunks : 2 * chunks;
          if (!kept.has(message)) this.#messagesLeft -= 1;
        }
      });
    });
    this.#wrap(env.DISPATCHES, 'send', (send, [body, ...options]) => {
      this.#counts.queueOperations += chunksOf(body);
      this.#messagesLeft += 1;
      return send(body, ...options);
    });
  }

  #meterLog(): void {
    for (const name of ['log', 'warn', 'error']) {
      this.#wrap(console, name, (write, args) => {
        if (!IS_LOG_LINE.test(String(args[0]))) return write(...args);
        this.#counts.logLines += 1;
      });
    }
  }

  async #during<T>(act: () => T | Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await act();
    } finally {
      this.#underWay -= 1;
    }
  }

  #wrap(owner: object, name: string, around: Around): void {
    this.#undo.push(wrap(owner, name, around));
  }
}

type Cursor = SqlStorageCursor<Record<string, SqlStorageValue>>;
type Around = (original: (...args: unknown[]) => unknown, args: unknown[], called: object) => unknown;

/** Puts `around` in place of a method, and answers how to undo that. */
function wrap(owner: object, name: string, around: Around): () => void {
  const original: (...args: unknown[]) => unknown = Reflect.get(owner, name);
  Reflect.set(owner, name, function (this: object, ...args: unknown[]) {
    return around((...given) => original.apply(this, given), args, this);
  });
  return () => Reflect.set(owner, name, original);
}

const chunksOf = (body: unknown): number =>
  Math.ceil(
    (new TextEncoder().encode(JSON.stringify(body)).byteLength + MESSAGE_OVERHEAD_BYTES) / CHUNK_BYTES,
  );

const noCounts = (): Counts => ({
  jobRows: 0,
  listRows: 0,
  operationRows: 0,
  operationAlarms: 0,
  alarmsSet: 0,
  rowsRead: 0,
  workerRequests: 0,
  jobCalls: 0,
  listCalls: 0,
  operationCalls: 0,
  alarmsFired: 0,
  objectsCalled: 0,
  queueOperations: 0,
  logLines: 0,
});
