// A program that runs beside the tests or the demo: in a process group of its own, so that all of it can be
// stopped or killed, its own children included, and none of it outlives the one who started it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const STOP_TIMEOUT_MS = 5_000;
const KEPT_LINES = 200;

export interface ChildOptions {
  env?: Record<string, string>;
  /** Called with each line of stdout and stderr. */
  onLine?: ((line: string) => void) | undefined;
}

export class Child {
  /** Resolves when the program has ended, to how it did. */
  readonly exited: Promise<string>;
  readonly #process: ChildProcess;
  readonly #group: number;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<(line: string) => void>();

  /** Starts `node ...args` with the Node that runs this. */
  constructor(args: readonly string[], { env = {}, onLine }: ChildOptions = {}) {
    if (onLine) this.#watchers.add(onLine);
    this.#process = spawn(process.execPath, args, {
      cwd: new URL('../..', import.meta.url),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    if (this.#process.pid === undefined) throw new Error(`cannot start ${args[0]}`);
    this.#group = this.#process.pid;
    running.add(this);
    this.exited = once(this.#process, 'exit').then(([code, signal]) => {
      this.#signal('SIGKILL');
      running.delete(this);
      return signal === null ? `exit status ${code}` : `signal ${signal}`;
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream) createInterface(stream).on('line', (line) => this.#take(line));
    }
  }

  /** What it said last, for the message of an error. */
  get output(): string {
    return this.#lines.join('\n');
  }

  /** The first line, past or future, that matches; rejects when the program ends before it says one. */
  async line(pattern: RegExp): Promise<string> {
    const said = this.#lines.find((line) => pattern.test(line));
    if (said !== undefined) return said;
    const { promise, resolve } = Promise.withResolvers<string>();
    const watch = (line: string) => pattern.test(line) && resolve(line);
    this.#watchers.add(watch);
    const ended = this.exited.then((how) => {
      throw new Error(`ended (${how}) without saying ${pattern}:\n${this.output}`);
    });
    return Promise.race([promise, ended]).finally(() => this.#watchers.delete(watch));
  }

  /** Asks it to stop, and makes it when it doesn't. */
  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    this.resume();
    const timer = setTimeout(() => this.#signal('SIGKILL'), STOP_TIMEOUT_MS);
    await this.exited;
    clearTimeout(timer);
    await this.#allGone();
  }

  /** Stops the clock of all of it, until `resume()`: of children in groups of their own too. */
  pause(): void {
    this.#signalAll('SIGSTOP');
  }

  resume(): void {
    this.#signalAll('SIGCONT');
  }

  /** How many bytes of memory its processes of this name hold (proc_pid_status(5): VmRSS); 0 where that is not known. */
  residentBytes(name: string): number {
    return processesOf(this.#group).reduce((sum, pid) => {
      const status = readText(`/proc/${pid}/status`);
      const [, kibibytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
      return status.startsWith(`Name:\t${name}\n`) ? sum + Number(kibibytes) * 1024 : sum;
    }, 0);
  }

  /** SIGKILL to all of it at once. */
  async kill(): Promise<void> {
    this.killNow();
    await this.exited;
    await this.#allGone();
  }

  /** The same without waiting; for `process.on('exit')`. */
  killNow(): void {
    this.#signalAll('SIGKILL');
  }

  /** What a killed process held is free only when the process is gone, and its children go a little later. */
  async #allGone(): Promise<void> {
    while (hasLiveProcesses(this.#group)) await sleep(10);
  }

  #signal(signal: NodeJS.Signals): void {
    send(signal, -this.#group);
  }

  #signalAll(signal: NodeJS.Signals): void {
    // Looked up first: children of who is killed are nobody's.
    const descendants = descendantsOf(this.#group);
    this.#signal(signal);
    for (const pid of descendants) send(signal, pid);
  }

  #take(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    for (const watch of [...this.#watchers]) watch(line);
  }
}

const running = new Set<Child>();
process.on('exit', () => {
  for (const child of running) child.killNow();
});

const hasLiveProcesses = (group: number): boolean => processesOf(group).length > 0;

/** One that has ended meanwhile is left alone. */
function send(signal: NodeJS.Signals, target: number): void {
  try {
    process.kill(target, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const processesOf = (group: number): number[] =>
  liveProcesses().flatMap(({ pid, pgrp }) => (pgrp === group ? [pid] : []));

/** Children and theirs, whatever their group; none where /proc does not tell. */
function descendantsOf(ancestor: number): number[] {
  const family = new Set([ancestor]);
  const others = liveProcesses();
  for (let size = 0; size < family.size; ) {
    size = family.size;
    for (const { pid, ppid } of others) if (family.has(ppid)) family.add(pid);
  }
  family.delete(ancestor);
  return [...family];
}

/** From proc_pid_stat(5): `pid (name) state ppid pgrp …`; what is dead but not reaped does not count. */
function liveProcesses(): { pid: number; ppid: number; pgrp: number }[] {
  if (!existsSync('/proc/self/stat')) return [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      const [, state = 'X', ppid, pgrp] =
        /^\d+ \(.*\) (\w) (\d+) (\d+)/s.exec(readText(`/proc/${entry}/stat`)) ?? [];
      const isLive = state !== 'Z' && state !== 'X';
      return isLive ? [{ pid: Number(entry), ppid: Number(ppid), pgrp: Number(pgrp) }] : [];
    });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
