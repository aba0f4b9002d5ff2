// What a contestant's workerd says about itself as a process of Linux (proc(5)): the time that it computed, the databases that it has open.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Running } from './contestants.ts';

/** An object's database is open for as long as the object is awake; its name is the object's id. */
const OBJECT = /\/[0-9a-f]{64}\.sqlite$/;

export class RuntimeProcess {
  readonly #directory: string;

  private constructor(pid: number) {
    this.#directory = `/proc/${pid}`;
  }

  /** The workerd of a contestant that runs on it. Throws where /proc does not tell. */
  static of({ child }: Running): RuntimeProcess {
    const [, pid] = /^workerd is process (\d+)$/m.exec(child.output) ?? [];
    if (pid === undefined) throw new Error('which process is workerd is not known on this machine');
    return new RuntimeProcess(Number(pid));
  }

  /** Microseconds of CPU that all of its threads have used. */
  cpuUs(): number {
    const nanoseconds = readdirSync(`${this.#directory}/task`).map((task) =>
      Number(readFileSync(`${this.#directory}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
    );
    return nanoseconds.reduce((sum, ns) => sum + ns, 0) / 1_000;
  }

  /** How many objects are awake. */
  objectsAwake(): number {
    return readdirSync(`${this.#directory}/fd`).filter((fd) =>
      OBJECT.test(targetOf(`${this.#directory}/fd/${fd}`)),
    ).length;
  }
}

/** The process of this name that the process `parent` has started; null where /proc does not tell. */
export function childOf(parent: number, name: string): number | null {
  const pids = readdirOf('/proc').filter((entry) => /^\d+$/.test(entry));
  const pid = pids.find((entry) => {
    const [, comm, ppid] = /^\d+ \((.*)\) \w (\d+)/s.exec(textOf(`/proc/${entry}/stat`)) ?? [];
    return comm === name && Number(ppid) === parent;
  });
  return pid === undefined ? null : Number(pid);
}

// Processes end and files are closed while one looks.
const orElse = <T>(act: () => T, otherwise: T): T => {
  try {
    return act();
  } catch {
    return otherwise;
  }
};
const readdirOf = (path: string): string[] => orElse(() => readdirSync(path), []);
const textOf = (path: string): string => orElse(() => readFileSync(path, 'utf8'), '');
const targetOf = (path: string): string => orElse(() => readlinkSync(path), '');
