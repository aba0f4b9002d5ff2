// The only place that keeps the log: in memory, and in a file when one is given. Every change is a
// line, appended before it is acted upon, so that a reload ends where a kill interrupted.

import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import {
  type ExecutionRecord,
  type Line,
  lineSchema,
  type OrchestratorLog,
  type RequestAnswer,
  type RequestRecord,
} from './log.ts';
import type { Pulse } from './pulse.ts';

export class Journal {
  readonly #pulse: Pulse;
  readonly #file: string | undefined;
  readonly #log: OrchestratorLog = emptyLog();
  // What the orchestrator has promised outlives a cleared log: keys, executions and tombstones.
  readonly #requests = new Map<string, RequestRecord>();
  readonly #executions = new Map<string, ExecutionRecord>();
  readonly #executionByKey = new Map<string, ExecutionRecord>();
  readonly #executionByDispatch = new Map<string, ExecutionRecord>();
  readonly #cancelledDispatches = new Set<string>();

  constructor(pulse: Pulse, file: string | undefined) {
    this.#pulse = pulse;
    this.#file = file;
    if (file && existsSync(file)) this.#reload(file);
  }

  append(line: Line): void {
    if (this.#file) appendFileSync(this.#file, `${JSON.stringify(line)}\n`, { mode: 0o600 });
    this.#apply(line);
    this.#pulse.beat();
  }

  answer(requestId: string, answer: RequestAnswer): void {
    this.append({ kind: 'answered', request_id: requestId, answer });
  }

  executionOfKey(idempotencyKey: string): ExecutionRecord | undefined {
    return this.#executionByKey.get(idempotencyKey);
  }

  executionOfDispatch(dispatchId: string): ExecutionRecord | undefined {
    return this.#executionByDispatch.get(dispatchId);
  }

  isCancelled(dispatchId: string): boolean {
    return this.#cancelledDispatches.has(dispatchId);
  }

  /** The whole log, or one job's; rejections belong to no job and are only in the whole. */
  read(jobId?: string): OrchestratorLog {
    if (jobId === undefined) return this.#log;
    const ofJob = (record: { job_id: string }) => record.job_id === jobId;
    return {
      requests: this.#log.requests.filter(ofJob),
      executions: this.#log.executions.filter(ofJob),
      made: this.#log.made.filter(ofJob),
      exported: this.#log.exported.filter(ofJob),
      callbacks: this.#log.callbacks.filter(ofJob),
      cancels: this.#log.cancels.filter(ofJob),
      rejections: [],
    };
  }

  #apply(line: Line): void {
    switch (line.kind) {
      case 'request':
        this.#requests.set(line.request_id, line);
        this.#log.requests.push(line);
        return;
      case 'answered': {
        const request = this.#requests.get(line.request_id);
        if (request) request.answer = line.answer;
        return;
      }
      case 'execution':
        this.#executions.set(line.execution_id, line);
        this.#executionByKey.set(line.idempotency_key, line);
        this.#executionByDispatch.set(line.dispatch_id, line);
        this.#log.executions.push(line);
        return;
      case 'ended': {
        const execution = this.#executions.get(line.execution_id);
        if (execution) Object.assign(execution, { state: line.state, reason: line.reason });
        return;
      }
      case 'made':
        this.#log.made.push(line);
        return;
      case 'exported':
        this.#log.exported.push(line);
        return;
      case 'callback':
        this.#log.callbacks.push(line);
        return;
      case 'cancel':
        this.#cancelledDispatches.add(line.dispatch_id);
        this.#log.cancels.push(line);
        return;
      case 'rejection':
        this.#log.rejections.push(line);
        return;
      case 'cleared': {
        const kept = emptyLog();
        if (line.job_id !== null) {
          const stays = (record: { job_id: string }) => record.job_id !== line.job_id;
          kept.requests = this.#log.requests.filter(stays);
          kept.executions = this.#log.executions.filter(stays);
          kept.made = this.#log.made.filter(stays);
          kept.exported = this.#log.exported.filter(stays);
          kept.callbacks = this.#log.callbacks.filter(stays);
          kept.cancels = this.#log.cancels.filter(stays);
          kept.rejections = this.#log.rejections;
        }
        Object.assign(this.#log, kept);
        return;
      }
      default:
        line satisfies never;
    }
  }

  #reload(file: string): void {
    const text = readFileSync(file, 'utf8');
    // A kill in the middle of a write leaves half a line; what it said was not yet acted upon.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) writeFileSync(file, whole);
    for (const [index, line] of whole.split('\n').entries()) {
      if (line === '') continue;
      try {
        this.#apply(lineSchema.parse(JSON.parse(line)));
      } catch (cause) {
        throw new Error(`${file}:${index + 1} is not a line of an orchestrator's log`, { cause });
      }
    }
    for (const request of this.#requests.values()) {
      if (request.answer === 'pending') this.answer(request.request_id, 'dropped');
    }
    for (const { execution_id, state } of this.#executions.values()) {
      if (state !== 'running') continue;
      this.append({ kind: 'ended', execution_id, state: 'lost', reason: 'the orchestrator was stopped' });
    }
  }
}

function emptyLog(): OrchestratorLog {
  return { requests: [], executions: [], made: [], exported: [], callbacks: [], cancels: [], rejections: [] };
}
