// A job held in memory, for tests of the pure core: loads the view of a command and applies the changes, as the
// actor does with SQL, and freezes everything so that a decision that writes to its input fails.
import type { Command } from '../../src/domain/commands.ts';
import { decide } from '../../src/domain/decide.ts';
import type { Decision, JobView } from '../../src/domain/decision.ts';
import { type Dispatch, requestKeyOf } from '../../src/domain/dispatch.ts';
import { isAsk } from '../../src/domain/dispatching.ts';
import type { CallbackEvent, RecordedEdit, Transition } from '../../src/domain/history.ts';
import { type Job, newJob } from '../../src/domain/job.ts';
import { RESUME_STATUSES } from '../../src/domain/lifecycle.ts';
import type { Rules } from '../../src/domain/rules.ts';
import { LATE_REPORT_MS } from '../rules/protocol.ts';

export const OWNER = 'own_alice';

export const RULES: Rules = {
  policy: {
    version: 'v1',
    defaultProfile: 'balanced',
    profiles: [
      {
        id: 'balanced',
        title: 'Balanced',
        enabled: true,
        resumeFrom: RESUME_STATUSES,
        engines: { transcript: 'ears-1', draft: 'pen-1' },
      },
      {
        id: 'late',
        title: 'Late',
        enabled: true,
        resumeFrom: ['TRANSCRIPT_READY', 'DRAFT_READY'],
        engines: {},
      },
      { id: 'off', title: 'Off', enabled: false, resumeFrom: RESUME_STATUSES, engines: {} },
    ],
    failureClasses: {},
  },
  dispatchDeadlineMs: 60_000,
  ackTimeoutMs: 600_000,
  stageTimeoutMs: 3_600_000,
  lateReportMs: LATE_REPORT_MS,
  keepEndedMs: null,
  autoRetry: {
    failureClasses: [],
    maxRetries: 3,
    firstPauseMs: 60_000,
    factor: 2,
    longestPauseMs: 3_600_000,
  },
  retriesPerJob: 0,
};

export interface MemoryState {
  job: Job;
  dispatches: Dispatch[];
  events: CallbackEvent[];
  edits: RecordedEdit[];
  transitions: Transition[];
}

export class MemoryJob {
  /** Those of the version of the service that is deployed; a later one may have another policy. */
  rules: Rules = RULES;
  state: MemoryState = {
    job: newJob(
      { id: 'job_1', projectId: 'prj_1', owner: OWNER, ownerIdentity: null, requestDigest: null },
      0,
    ),
    dispatches: [],
    events: [],
    edits: [],
    transitions: [],
  };

  get job(): Job {
    return this.state.job;
  }

  get open(): Dispatch | null {
    return this.#find(this.job.openDispatchId);
  }

  execute(command: Command, now: number): Decision {
    const decision = decide(deepFreeze(this.#view(command)), command, this.rules, now);
    if (decision.kind === 'accepted') this.#apply(decision.changes);
    return decision;
  }

  /** As if so many reports of the pipeline that was heard last had been kept. */
  hasReported(kept: number): void {
    const { latestCallback } = this.job;
    if (latestCallback === null) return;
    this.state = { ...this.state, job: { ...this.job, latestCallback: { ...latestCallback, kept } } };
  }

  /** What the command would be answered; it is not carried out. */
  would(command: Command, now: number): Decision {
    return decide(this.#view(command), command, this.rules, now);
  }

  #view(command: Command): JobView {
    const { job } = this.state;
    const subject = this.#subject(command);
    return {
      job,
      open: this.open,
      subject,
      subjectSuperseded:
        subject !== null &&
        this.state.dispatches.some(
          ({ createdAt, state }) => createdAt > subject.createdAt && state !== 'UNDELIVERABLE',
        ),
      seenEvent:
        (command.type === 'callback' &&
          this.state.events.find(
            ({ dispatchId, eventId }) => dispatchId === command.dispatchId && eventId === command.eventId,
          )) ||
        null,
      seenEdit:
        (command.type === 'edit-artifact' &&
          this.state.edits.find(({ clientRequestId }) => clientRequestId === command.clientRequestId)) ||
        null,
      notices: this.state.dispatches.filter(({ cancelNotice }) => cancelNotice?.state === 'PENDING'),
    };
  }

  #subject(command: Command): Dispatch | null {
    if (isAsk(command)) {
      const clientRequestId = command.type === 'run' ? null : command.clientRequestId;
      return this.#holder(requestKeyOf({ kind: command.type, clientRequestId }));
    }
    switch (command.type) {
      case 'cancel':
      case 'abandon':
      case 'erase':
      case 'disown':
      case 'deadline': {
        const mover = this.#find(this.job.latestCallback?.dispatchId ?? null);
        return mover?.state === 'SETTLED' ? mover : null;
      }
      case 'callback':
      case 'report-delivery':
        return this.#find(command.dispatchId);
      default:
        return null;
    }
  }

  #holder(key: string): Dispatch | null {
    const holds = (dispatch: Dispatch) =>
      dispatch.state !== 'UNDELIVERABLE' && requestKeyOf(dispatch) === key;
    return this.state.dispatches.find(holds) ?? null;
  }

  #find(id: string | null): Dispatch | null {
    return this.state.dispatches.find((dispatch) => dispatch.id === id) ?? null;
  }

  #apply(changes: Extract<Decision, { kind: 'accepted' }>['changes']): void {
    const { job, dispatches, events, edits, transitions } = this.state;
    const replaced = dispatches.map(
      (dispatch) => changes.updated?.find(({ id }) => id === dispatch.id) ?? dispatch,
    );
    this.state = {
      job: changes.job ?? job,
      dispatches: changes.opened ? [...replaced, changes.opened] : replaced,
      events: changes.event ? [...events, changes.event] : events,
      edits: changes.edit ? [...edits, changes.edit] : edits,
      transitions: [...transitions, ...(changes.transitions ?? [])],
    };
  }
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
