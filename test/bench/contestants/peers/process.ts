// What a peer needs of the machine: its server as a child process, a directory of its own, and an end that leaves
// neither behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';

const PREFIX = 'retake-peer-';
const STOP_TIMEOUT_MS = 3_000;

/** Where this contestant POSTs dispatches, as its command line says. */
export function orchestratorUrl(): string {
  return parseArgs({ options: { orchestrator: { type: 'string', default: '' } } }).values.orchestrator;
}

/** Says in one line why this contestant cannot run here, and ends without it being an error. */
export function unavailable(what: string): never {
  console.log(`unavailable: ${what}`);
  process.exit(0);
}

/** Where the program is among these directories, then those of the PATH. */
export function findProgram(name: string, directories: readonly string[] = []): string | null {
  for (const directory of [...directories, ...(process.env.PATH ?? '').split(delimiter)]) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return null;
}

/** A directory that is gone when this process has ended, or was killed and another peer starts after it. */
export function scratchDirectory(): string {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = new RegExp(`^${PREFIX}(\\d+)-`).exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid)))
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
  const directory = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface ServerOptions {
  env?: Record<string, string>;
  user?: { uid: number; gid: number } | undefined;
  /** How it is asked to stop. */
  stopSignal?: NodeJS.Signals;
}

/** A server that this process started, in the same process group. If it ends before it is stopped, so does this process. */
export class PeerServer {
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #stopSignal: NodeJS.Signals;
  #isStopping = false;
  #output = '';

  constructor(program: string, args: readonly string[], options: ServerOptions = {}) {
    this.#stopSignal = options.stopSignal ?? 'SIGTERM';
    this.#process = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...options.user,
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-5_000);
      });
    }
    this.#exited = new Promise((resolve) => {
      this.#process.on('error', (error) => this.#ended(String(error)));
      this.#process.on('exit', (code, signal) => {
        resolve();
        this.#ended(`exit ${code ?? signal}`);
      });
    });
    process.on('exit', () => this.#process.kill('SIGKILL'));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#process.kill(this.#stopSignal);
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #ended(how: string): void {
    if (this.#isStopping) return;
    console.error(`${this.#process.spawnfile} ended (${how}):\n${this.#output}`);
    process.exit(1);
  }
}

/** On SIGTERM, runs these in turn and ends. */
export function stopOnSignal(...steps: readonly (() => unknown)[]): void {
  process.once('SIGTERM', async () => {
    for (const step of steps) await step();
    process.exit(0);
  });
}

/** Tries until it succeeds, for a server that is still starting. */
export async function untilReady<T>(attempt: () => Promise<T>, timeoutMs = 30_000): Promise<T> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
