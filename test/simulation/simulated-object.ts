// A Durable Object's surroundings: real SQLite, an alarm, the output gate, and memory that can be lost at any output.
// Writes since the last output are durable together or not at all, as the platform promises.
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { Chance } from './chance.ts';
import { Cursor } from './cursor.ts';
import type { Timeline, Timer } from './timeline.ts';

/** What comes later than this is not lived to see: how long an operation is kept. */
const HORIZON_MS = 10 * 86_400_000;
export const GONE = new Error('The object was reset.');

type Actor = object;
/** `gate` stores what was written and answers whether an output may leave; false when it brought the crash. */
type Make = (ctx: DurableObjectState, gate: () => boolean) => Actor;

interface Instance {
  actor: Actor;
  ready: Promise<void>;
  isAlive: boolean;
  /** Callers whose answer goes down with it. */
  callers: Set<(error: Error) => void>;
}

export class SimulatedObject {
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #make: Make;
  readonly #database = new DatabaseSync(':memory:');
  readonly #statements = new Map<string, StatementSync>();
  #instance: Instance | null = null;
  #isDirty = false;
  /** What was written of the alarm, and what of that is durable. */
  #alarmAt: number | null = null;
  #durableAlarmAt: number | null = null;
  #alarmTimer: Timer | null = null;
  /** The alarm that never comes, while it is the one that stands. */
  #lostAlarm: number | null = null;
  #hasLostAlarm = false;
  /** The same as far as it is durable: an alarm that is set again may be lost with the write. */
  #durablyLostAlarm = false;
  #isRinging = false;
  #commits = 0;

  constructor(timeline: Timeline, chance: Chance, make: Make) {
    this.#timeline = timeline;
    this.#chance = chance;
    this.#make = make;
  }

  /** How often something became durable. */
  get commits(): number {
    return this.#commits;
  }

  /** When the alarm comes; null when none will. */
  get alarmAt(): number | null {
    return this.#alarmAt === this.#lostAlarm ? null : this.#alarmAt;
  }

  /** Whether an alarm was set that never came, and none was set since. */
  get hasLostAlarm(): boolean {
    return this.#hasLostAlarm;
  }

  /**
   * One call of a method, as an RPC reaches it; `begins` is called right before it. Rejects when the object is reset
   * meanwhile.
   */
  async invoke(method: string, args: unknown[], begins: () => void = () => {}): Promise<unknown> {
    const instance = this.#live();
    await instance.ready;
    if (!instance.isAlive) throw GONE;
    begins();
    return new Promise((resolve, reject) => {
      instance.callers.add(reject);
      const call = (instance.actor as Record<string, (...args: unknown[]) => unknown>)[method];
      Promise.resolve()
        .then(() => call?.apply(instance.actor, structuredClone(args)))
        .then((answer) => {
          // An answer is an output like any other.
          if (this.#gate(instance)) resolve(structuredClone(answer));
        })
        .catch((error) => reject(instance.isAlive ? error : GONE))
        .finally(() => instance.callers.delete(reject));
    });
  }

  /** After an event: what was written and waits for no output becomes durable. */
  settle(): void {
    if (this.#isDirty && this.#instance) this.#gate(this.#instance);
  }

  /** The memory is gone; what is durable stays. */
  reset(): void {
    if (this.#instance) this.#crash(this.#instance, true);
  }

  /** For the checker: what is stored, as the object itself sees it. */
  rows(query: string, ...bindings: SQLInputValue[]): Record<string, unknown>[] {
    return this.#statement(query).all(...bindings) as Record<string, unknown>[];
  }

  /** As if another version of the service had stored it. Nobody may be at work here. */
  rewrite(query: string, ...bindings: SQLInputValue[]): void {
    if (this.#instance || this.#isDirty) throw new Error('what is at work is not rewritten');
    this.#statement(query).run(...bindings);
  }

  close(): void {
    this.#database.close();
  }

  #live(): Instance {
    if (this.#instance) return this.#instance;
    const instance: Instance = {
      actor: {},
      ready: Promise.resolve(),
      isAlive: true,
      callers: new Set(),
    };
    this.#instance = instance;
    try {
      instance.actor = this.#make(this.#context(instance), () => this.#gate(instance));
    } catch (error) {
      this.#crash(instance, false);
      throw error;
    }
    return instance;
  }

  /** Whether an output may leave. Before it does, what was written is durable. */
  #gate(instance: Instance): boolean {
    if (!instance.isAlive) return false;
    const fault = this.#chance.fault('gate');
    if (fault === 'lost-and-crashed' || fault === 'stored-and-crashed') {
      this.#crash(instance, fault === 'stored-and-crashed');
      return false;
    }
    this.#store();
    if (fault === 'sent-and-crashed') this.#timeline.after(0, () => this.#crash(instance, true));
    return true;
  }

  #store(): void {
    if (this.#isDirty) {
      this.#database.exec('COMMIT');
      this.#isDirty = false;
      this.#commits += 1;
    }
    this.#durableAlarmAt = this.#alarmAt;
    this.#durablyLostAlarm = this.#hasLostAlarm;
  }

  #crash(instance: Instance, keepsWrites: boolean): void {
    if (!instance.isAlive) return;
    instance.isAlive = false;
    this.#instance = null;
    if (keepsWrites) this.#store();
    else if (this.#isDirty) {
      this.#database.exec('ROLLBACK');
      this.#isDirty = false;
    }
    this.#alarmAt = this.#durableAlarmAt;
    this.#hasLostAlarm = this.#durablyLostAlarm;
    this.#watchAlarm();
    for (const reject of instance.callers) reject(GONE);
  }

  #write(): void {
    if (this.#isDirty) return;
    this.#database.exec('BEGIN');
    this.#isDirty = true;
  }

  #context(instance: Instance): DurableObjectState {
    const alive = () => {
      if (!instance.isAlive) throw GONE;
    };
    const storage = {
      sql: {
        exec: (query: string, ...bindings: SQLInputValue[]) => {
          alive();
          if (!/^\s*SELECT/.test(query)) this.#write();
          return new Cursor(this.#run(query, bindings));
        },
      },
      transactionSync: <T>(work: () => T): T => {
        alive();
        const wasDirty = this.#isDirty;
        this.#write();
        this.#database.exec('SAVEPOINT transaction_sync');
        const writes = this.#total();
        try {
          const result = work();
          this.#database.exec('RELEASE transaction_sync');
          // A transaction that wrote nothing leaves nothing to be made durable.
          if (!wasDirty && this.#total() === writes) {
            this.#database.exec('ROLLBACK');
            this.#isDirty = false;
          }
          return result;
        } catch (error) {
          this.#database.exec('ROLLBACK TO transaction_sync');
          this.#database.exec('RELEASE transaction_sync');
          throw error;
        }
      },
      setAlarm: async (at: number) => {
        // What a lost memory still sets reaches nothing, and nobody waits to hear of that.
        if (!instance.isAlive) return;
        this.#write();
        this.#alarmAt = at;
        this.#lostAlarm = null;
        this.#hasLostAlarm = false;
        this.#watchAlarm();
      },
      deleteAll: async () => {
        alive();
        if (this.#chance.fault('clear') === 'fails') throw new Error('The storage failed.');
        this.#write();
        for (const { name } of this.#run("SELECT name FROM sqlite_master WHERE type = 'table'", []))
          this.#database.exec(`DROP TABLE ${name}`);
        this.#alarmAt = null;
        this.#lostAlarm = null;
        this.#hasLostAlarm = false;
        this.#watchAlarm();
      },
      getAlarm: async () => {
        alive();
        return this.#alarmAt;
      },
    };
    return {
      storage,
      // Nobody looks on.
      getWebSockets: () => [],
      blockConcurrencyWhile: (work: () => Promise<void>) => {
        instance.ready = work();
        return instance.ready;
      },
      waitUntil: (promise: Promise<unknown>) => {
        promise.catch((error) => {
          if (instance.isAlive) throw error;
        });
      },
    } as unknown as DurableObjectState;
  }

  #total(): number {
    return Number(this.#statement('SELECT total_changes() AS n').get()?.n);
  }

  /** Statements that take no bindings may be several at once: migrations. */
  #run(query: string, bindings: SQLInputValue[]): Record<string, unknown>[] {
    if (bindings.length === 0 && /^\s*(--|CREATE|DROP|ALTER)/.test(query)) {
      this.#database.exec(query);
      return [];
    }
    return this.#statement(query).all(...bindings) as Record<string, unknown>[];
  }

  #statement(query: string): StatementSync {
    const known = this.#statements.get(query);
    if (known) return known;
    const prepared = this.#database.prepare(query);
    this.#statements.set(query, prepared);
    return prepared;
  }

  #watchAlarm(): void {
    if (this.#alarmTimer) this.#timeline.cancel(this.#alarmTimer);
    this.#alarmTimer = null;
    if (this.#alarmAt === null || this.#alarmAt === this.#lostAlarm) return;
    const fault = this.#chance.fault('alarm');
    if (fault === 'never-comes') {
      this.#lostAlarm = this.#alarmAt;
      this.#loseAlarm();
      return;
    }
    const lateMs = fault === 'late' ? 30_000 : 0;
    const inMs = this.#alarmAt - this.#timeline.skewMs - this.#timeline.now + lateMs;
    if (inMs > HORIZON_MS) return;
    this.#alarmTimer = this.#timeline.after(inMs, () => {
      this.#alarmTimer = null;
      if (fault === 'vanishes') {
        this.#alarmAt = this.#durableAlarmAt = null;
        this.#loseAlarm();
      } else if (!this.#isRinging) this.#ring();
    });
  }

  #loseAlarm(): void {
    this.#hasLostAlarm = true;
    if (this.#alarmAt === this.#durableAlarmAt) this.#durablyLostAlarm = true;
  }

  /**
   * At least once, and one at a time. Until its handler begins the alarm is seen to stand; it is gone for good only together
   * with what the handler stored.
   */
  async #ring(): Promise<void> {
    const rung = this.#alarmAt;
    this.#isRinging = true;
    try {
      await this.invoke('alarm', [], () => {
        this.#alarmAt = null;
      });
    } catch {
      // Reset on the way: the platform tries again.
      if (this.#alarmAt === null || this.#alarmAt === rung) {
        this.#alarmAt = this.#timeline.now + this.#timeline.skewMs + 2_000;
        this.#durableAlarmAt = this.#alarmAt;
        // Another one than that which never came, although it may be of the same moment.
        this.#lostAlarm = null;
        this.#watchAlarm();
      }
    } finally {
      this.#isRinging = false;
      // What came due meanwhile.
      if (this.#alarmAt !== null && this.#alarmTimer === null) this.#watchAlarm();
    }
  }
}
