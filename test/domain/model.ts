// A second, deliberately simple job, written from spec/job-lifecycle.md and spec/dispatch.md rather than from the
// code: one mutable object, one method for each command, statuses as plain text. It shares types with src/, no rule.
import type { Callback, Command, ReportDelivery } from '../../src/domain/commands.ts';
import {
  ARTIFACT_FIELD as FIELD,
  FURTHEST_FIRST,
  IN_PROGRESS,
  OPEN,
  ORDER,
  PAUSES,
  RESTING,
  TABLE,
} from '../rules/protocol.ts';

const FIELDS = ['audioUri', 'transcriptUri', 'draftUri'] as const;

/** The policy of the tests in words: "late" resumes from the transcript on, "off" is disabled. */
function mayUse(profile: string, from: string | null): boolean {
  if (profile === 'late') return from === null || from === 'TRANSCRIPT_READY' || from === 'DRAFT_READY';
  return profile === 'balanced';
}

const WINDOW = 60_000;
const ACK = 600_000;
const STAGE = 3_600_000;
const GRACE = 1_000;
const LATE_REPORT = 7_200_000;
const MOST_AHEAD = 300_000;
const MOST_EXPORTS = 200;
const MOST_BYTES = 262_144;
const MOST_KEPT = 1_000;

export interface ModelDispatch {
  id: string;
  kind: 'run' | 'retry';
  state: string;
  /** The client's request id; "run" for the run. */
  request: string;
  profile: string;
  resumeFrom: string | null;
  ref: string | null;
  until: number;
  deliveredAt: number | null;
  attempts: number;
  executionId: string | null;
  /** An attempt got no answer. */
  unsure: boolean;
  notice: { state: string; until: number; attempts: number } | null;
  /** Later than that of every dispatch before. */
  createdAt: number;
  changedAt: number;
}

export class ModelJob {
  status = 'CREATED';
  manifest = {
    videoUri: null as string | null,
    audioUri: null as string | null,
    transcriptUri: null as string | null,
    draftUri: null as string | null,
  };
  exports: Record<string, string> = {};
  failure: string | null = null;
  progress: number | null = null;
  /** The newest reference of each checkpoint. */
  checkpoints: Record<string, string> = {};
  dispatches: ModelDispatch[] = [];
  events: Record<string, string> = {};
  heartbeat: { event: string; print: string } | null = null;
  trail: string[] = [];
  latest: { dispatch: string; at: number; kept: number } | null = null;
  lastSign: number | null = null;
  /** When something last changed that an editor can see of the job itself. */
  changedAt = 0;
  /** The dispatch that the last accepted or replayed run or retry was answered with. */
  named: string | null = null;
  readonly owner: string;

  constructor(owner: string) {
    this.owner = owner;
  }

  get open(): ModelDispatch | null {
    return this.dispatches.find(({ state }) => OPEN.includes(state)) ?? null;
  }

  get effective(): string {
    const { open } = this;
    return this.status === 'FAILED' && open?.kind === 'retry' ? (open.resumeFrom ?? '') : this.status;
  }

  get resumePoint(): { from: string; ref: string } | null {
    const from = FURTHEST_FIRST.find((status) => this.checkpoints[status] !== undefined);
    if (from) return { from, ref: this.checkpoints[from] ?? '' };
    return this.manifest.videoUri === null ? null : { from: 'UPLOADED', ref: this.manifest.videoUri };
  }

  /** What the job waits for and until when. */
  get awaits(): { what: string; until: number } | null {
    const { open } = this;
    if (open?.state === 'PENDING') return { what: 'delivery', until: open.until + GRACE };
    if (open?.state === 'DELIVERED') return { what: 'ack', until: (open.deliveredAt ?? 0) + ACK };
    if (RESTING.includes(this.status) && !open) return null;
    return { what: 'stage', until: (this.lastSign ?? 0) + STAGE };
  }

  /** Which statuses may follow, by anybody. */
  nextStatuses(): string[] {
    const row = TABLE[this.effective];
    return row ? [...row.split(' ').map((cell) => cell.slice(0, -2)), 'FAILED', 'CANCELLED'] : [];
  }

  /** Does the command; answers "accepted", "replayed" (nothing changed), or the code of the refusal. */
  apply(command: Command, clock: number): string {
    // Clocks step back, a job's history does not.
    const known = Math.max(this.changedAt, this.open?.changedAt ?? 0);
    const now = Math.max(clock, Math.min(known, clock + MOST_AHEAD));
    if ('owner' in command && command.owner !== this.owner) return 'RESOURCE_NOT_FOUND';
    return this.#do(command, now);
  }

  #do(command: Command, now: number): string {
    switch (command.type) {
      case 'confirm-upload': {
        if (this.manifest.videoUri === command.videoUri) return 'replayed';
        if (this.manifest.videoUri !== null) return 'VIDEO_URI_CONFLICT';
        const refusal = this.#mayMove(this.status, 'UPLOADED', 'e');
        if (refusal) return refusal;
        this.manifest.videoUri = command.videoUri;
        this.#move('UPLOADED', 'editor', null, now);
        return 'accepted';
      }
      case 'renew-video': {
        const { videoUri } = this.manifest;
        if (videoUri === command.videoUri) return 'replayed';
        if (videoUri === null || videoUri !== command.replaces) return 'VIDEO_URI_CONFLICT';
        if (this.open || IN_PROGRESS.includes(this.status)) return 'JOB_ALREADY_RUNNING';
        if (this.status === 'DONE' || this.status === 'CANCELLED') return 'FSM_TERMINAL_IMMUTABLE';
        this.manifest.videoUri = command.videoUri;
        this.#write(this.status, 'editor', null, now);
        return 'accepted';
      }
      case 'run':
        return this.#run(command.modelProfile, command.newDispatchId, command.windowMs, now);
      case 'retry':
        return this.#retry(
          command.modelProfile,
          command.clientRequestId,
          command.newDispatchId,
          command.windowMs,
          now,
        );
      case 'cancel':
        return this.#cancel(command.deliveryMayHaveStarted, now);
      case 'abandon':
        return this.#abandon(command.deliveryMayHaveStarted, now);
      case 'callback':
        return this.#callback(command, now);
      case 'report-delivery':
        return command.message === 'cancel' ? this.#noticeEnded(command, now) : this.#tried(command, now);
      case 'deadline':
        return this.#timePasses(command.deliveryMayHaveStarted, now);
      default:
        return command satisfies never;
    }
  }

  #run(profile: string | null, id: string, windowMs: number | null, now: number): string {
    const known = this.#holderOf('run');
    if (known && this.status !== 'CANCELLED' && (profile === null || profile === known.profile)) {
      this.named = known.id;
      return 'replayed';
    }
    if (this.open || IN_PROGRESS.includes(this.status)) return 'JOB_ALREADY_RUNNING';
    const refusal = this.#mayMove(this.status, 'AUDIO_EXTRACTING', 'p');
    if (refusal) return refusal;
    const chosen = profile ?? 'balanced';
    if (!mayUse(chosen, 'UPLOADED')) return 'MODEL_PROFILE_NOT_ALLOWED';
    this.#dispatch(
      { id, kind: 'run', request: 'run', profile: chosen, resumeFrom: null, ref: null },
      windowMs,
      now,
    );
    return 'accepted';
  }

  #retry(profile: string, request: string, id: string, windowMs: number | null, now: number): string {
    const known = this.#holderOf(`retry:${request}`);
    if (known && this.status !== 'CANCELLED') {
      this.named = known.id;
      return known.profile === profile ? 'replayed' : 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH';
    }
    if (this.open || IN_PROGRESS.includes(this.status)) return 'JOB_ALREADY_RUNNING';
    if (this.status !== 'FAILED') return 'RETRY_NOT_ALLOWED_STATE';
    const point = this.resumePoint;
    if (!mayUse(profile, point?.from ?? null)) return 'MODEL_PROFILE_NOT_ALLOWED';
    if (!point) return 'RETRY_NOT_ALLOWED_STATE';
    this.#dispatch(
      { id, kind: 'retry', request: `retry:${request}`, profile, resumeFrom: point.from, ref: point.ref },
      windowMs,
      now,
    );
    return 'accepted';
  }

  #cancel(mayHaveStarted: boolean, now: number): string {
    if (this.status === 'CANCELLED') return 'replayed';
    const refusal = this.#mayMove(this.effective, 'CANCELLED', 'e');
    if (refusal) return refusal;
    const ended = this.#stop(mayHaveStarted, now);
    this.#move('CANCELLED', 'editor', ended, now);
    return 'accepted';
  }

  #abandon(mayHaveStarted: boolean, now: number): string {
    if (!this.open && !IN_PROGRESS.includes(this.status)) {
      return this.status === 'FAILED' && this.failure === 'ABANDONED' ? 'replayed' : 'JOB_NOT_RUNNING';
    }
    const ended = this.#stop(mayHaveStarted, now);
    this.failure = 'ABANDONED';
    this.#move('FAILED', 'editor', ended, now);
    return 'accepted';
  }

  /** An editor ends the open pipeline, or the settled one that may go on. */
  #stop(mayHaveStarted: boolean, now: number): string | null {
    const ended = this.open ?? this.settled;
    if (!ended) return null;
    if (ended.state !== 'PENDING' || mayHaveStarted) this.#tell(ended, now);
    ended.state = 'CANCELLED';
    return ended.id;
  }

  #tell(dispatch: ModelDispatch, now: number): void {
    dispatch.notice ??= { state: 'PENDING', until: now + WINDOW, attempts: 0 };
  }

  /** The pipeline that moved the job last, if it has settled. */
  get settled(): ModelDispatch | null {
    return (
      this.dispatches.find(({ id, state }) => id === this.latest?.dispatch && state === 'SETTLED') ?? null
    );
  }

  #callback(report: Callback, now: number): string {
    const dispatch = this.dispatches.find(({ id }) => id === report.dispatchId);
    if (!dispatch) return 'DISPATCH_NOT_CURRENT';
    const newest = this.dispatches.filter(({ state }) => state !== 'UNDELIVERABLE').at(-1);
    const isLate = now - (this.lastSign ?? now) > LATE_REPORT;
    const goesOn = dispatch === newest && ['SETTLED', 'FAILED'].includes(dispatch.state) && !isLate;
    if (dispatch !== this.open && !(this.open === null && goesOn)) return 'DISPATCH_NOT_CURRENT';
    // Two pipelines may number their reports alike.
    const event = `${report.dispatchId} ${report.eventId}`;
    const seen = this.events[event] ?? (this.heartbeat?.event === event ? this.heartbeat.print : undefined);
    if (seen !== undefined) return seen === report.payloadDigest ? 'replayed' : 'EVENT_ID_PAYLOAD_MISMATCH';

    // The first report of a run that nobody knew delivered says both that it was and what comes now.
    const provesRun = dispatch.state === 'PENDING' && dispatch.kind === 'run';
    const from = provesRun ? 'AUDIO_EXTRACTING' : this.effective;
    const status = provesRun ? 'AUDIO_EXTRACTING' : this.status;
    const restates = status === 'FAILED' && from === report.status && FIELD[from] !== undefined;
    const refusal = restates ? null : this.#mayMove(from, report.status, 'p');
    const mine = this.latest?.dispatch === dispatch.id ? this.latest : null;
    const goesBack = ORDER.indexOf(report.status) < ORDER.indexOf(from);
    if (mine && report.occurredAt < mine.at && (refusal || (goesBack && report.status !== 'FAILED')))
      return 'CALLBACK_OUT_OF_ORDER';
    if (refusal) return refusal;

    let exports = { ...this.exports, ...report.artifacts.exports };
    const fits = (all: Record<string, string>): boolean => {
      const refs = FIELDS.map((field) => report.artifacts[field] ?? this.manifest[field] ?? '');
      const texts = [...Object.keys(all), ...Object.values(all), ...refs, this.manifest.videoUri ?? ''];
      return Object.keys(all).length <= MOST_EXPORTS && texts.join('').length <= MOST_BYTES;
    };
    const same = JSON.stringify(exports) === JSON.stringify(this.exports);
    const brings = FIELDS.filter((field) => report.artifacts[field] !== null);
    const changes = !same || brings.some((field) => report.artifacts[field] !== this.manifest[field]);
    if (changes && !fits(exports)) {
      if (report.status !== 'FAILED') return 'MANIFEST_FULL';
      exports = this.exports;
    }
    const moves = report.status !== status || report.status === 'FAILED';
    const reached = this.#reaches(report, from, status);
    const leaves = moves || changes || Object.keys(reached).length > 0 || report.artifacts.hasMetrics;
    const kept = (mine?.kept ?? 0) + (leaves ? 1 : 0);
    if (kept > MOST_KEPT && report.status !== 'FAILED' && report.status !== 'DONE')
      return 'REPORTS_EXHAUSTED';

    if (dispatch.state === 'PENDING') this.#arrived(dispatch, dispatch.executionId, now);
    Object.assign(this.checkpoints, reached);
    for (const field of FIELDS) this.manifest[field] = report.artifacts[field] ?? this.manifest[field];
    this.exports = exports;
    if (report.status === 'FAILED') this.failure = report.failure?.failureCode ?? null;
    const progress = report.progressPct ?? (report.status === this.status ? this.progress : null);
    if (moves) this.#move(report.status, report.actor, dispatch.id, now);
    this.progress = progress;
    this.changedAt = now;
    if (OPEN.includes(dispatch.state)) {
      const settles = RESTING.includes(report.status) && !restates;
      dispatch.state = report.status === 'FAILED' ? 'FAILED' : settles ? 'SETTLED' : 'RUNNING';
    }
    // Of signs of life that bring nothing only the newest is known again.
    if (leaves) this.events[event] = report.payloadDigest;
    else this.heartbeat = { event, print: report.payloadDigest };
    this.latest = {
      dispatch: dispatch.id,
      at: Math.max(Math.min(report.occurredAt, now), mine?.at ?? 0),
      kept,
    };
    this.lastSign = now;
    return 'accepted';
  }

  /** What can be resumed from because of this report, by checkpoint: its pipeline has reached that, or lies behind it. */
  #reaches(report: Callback, from: string, status: string): Record<string, string> {
    const made: Record<string, string> = {};
    for (const checkpoint of FURTHEST_FIRST) {
      const at = ORDER.indexOf(checkpoint);
      const failed = report.status === 'FAILED';
      const places = failed ? [from, report.failure?.failedStage ?? ''] : [report.status];
      if (!places.some((place) => ORDER.indexOf(place) >= at)) continue;
      const field = FIELD[checkpoint];
      const brought = field ? report.artifacts[field] : null;
      const early = field ? this.manifest[field] : null;
      const arrives = report.status === checkpoint && status !== checkpoint;
      if (brought !== null && (arrives || brought !== this.checkpoints[checkpoint]))
        made[checkpoint] = brought;
      else if (brought === null && early !== null && (arrives || failed)) {
        if (early !== this.checkpoints[checkpoint]) made[checkpoint] = early;
      }
    }
    return made;
  }

  #tried({ dispatchId, outcome, deliveryMayHaveStarted }: ReportDelivery, now: number): string {
    const dispatch = this.dispatches.find(({ id }) => id === dispatchId);
    if (!dispatch) return 'RESOURCE_NOT_FOUND';
    if (outcome.kind === 'delivered') {
      if (dispatch.state === 'PENDING') this.#arrived(dispatch, outcome.executionId, now);
      else if (OPEN.includes(dispatch.state)) {
        if (dispatch.executionId !== null || outcome.executionId === null) return 'replayed';
        dispatch.executionId = outcome.executionId;
        dispatch.changedAt = now;
      } else if (['UNDELIVERABLE', 'CANCELLED'].includes(dispatch.state)) {
        // A ghost: it is told to stop.
        dispatch.executionId ??= outcome.executionId;
        this.#tell(dispatch, now);
      } else return 'replayed';
      return 'accepted';
    }
    if (dispatch.state !== 'PENDING') {
      const mayBeGhost =
        outcome.kind === 'unknown' && ['UNDELIVERABLE', 'CANCELLED'].includes(dispatch.state);
      if (!mayBeGhost || dispatch.notice) return 'replayed';
      this.#tell(dispatch, now);
      return 'accepted';
    }
    dispatch.changedAt = now;
    if (outcome.kind === 'dead-lettered') return 'accepted';
    dispatch.attempts += 1;
    if (outcome.kind === 'unknown') dispatch.unsure = true;
    const again =
      outcome.kind === 'unreachable' || outcome.kind === 'unknown'
        ? now + pause(dispatch.attempts, outcome.retryAfterMs)
        : Infinity;
    if (again + 250 > dispatch.until) this.#withdraw(dispatch, deliveryMayHaveStarted, now);
    return 'accepted';
  }

  #noticeEnded({ dispatchId, outcome }: ReportDelivery, now: number): string {
    const dispatch = this.dispatches.find(({ id }) => id === dispatchId);
    if (!dispatch) return 'RESOURCE_NOT_FOUND';
    const { notice } = dispatch;
    if (notice?.state !== 'PENDING') return 'replayed';
    if (outcome.kind === 'delivered') notice.state = 'DELIVERED';
    else if (outcome.kind === 'refused') notice.state = 'GIVEN_UP';
    else if (outcome.kind !== 'dead-lettered') {
      notice.attempts += 1;
      if (now + pause(notice.attempts, outcome.retryAfterMs) + 250 > notice.until) notice.state = 'GIVEN_UP';
    }
    return 'accepted';
  }

  #withdraw(dispatch: ModelDispatch, mayHaveStarted: boolean, now: number): void {
    dispatch.state = 'UNDELIVERABLE';
    if (dispatch.unsure || mayHaveStarted) this.#tell(dispatch, now);
  }

  #timePasses(mayHaveStarted: boolean, now: number): string {
    const overdue = this.dispatches.filter(
      ({ notice }) => notice?.state === 'PENDING' && now >= notice.until + GRACE,
    );
    for (const { notice } of overdue) if (notice) notice.state = 'GIVEN_UP';
    const { awaits, open } = this;
    if (!awaits || now < awaits.until) return overdue.length > 0 ? 'accepted' : 'replayed';
    if (awaits.what === 'delivery') {
      if (open) this.#withdraw(open, mayHaveStarted, now);
      return 'accepted';
    }
    const silent = open ?? this.settled;
    if (silent) {
      // It may be alive all the same.
      silent.state = 'TIMED_OUT';
      this.#tell(silent, now);
    }
    if (this.status !== 'FAILED') {
      this.failure = 'ORCHESTRATOR_TIMEOUT';
      this.#move('FAILED', 'system', silent?.id ?? null, now);
    }
    return 'accepted';
  }

  #dispatch(
    {
      id,
      kind,
      request,
      profile,
      resumeFrom,
      ref,
    }: Pick<ModelDispatch, 'id' | 'kind' | 'request' | 'profile' | 'resumeFrom' | 'ref'>,
    windowMs: number | null,
    now: number,
  ): void {
    const createdAt = Math.max(now, (this.dispatches.at(-1)?.createdAt ?? 0) + 1);
    this.dispatches.push({
      id,
      kind,
      state: 'PENDING',
      request,
      profile,
      resumeFrom,
      ref,
      until: now + Math.min(windowMs ?? WINDOW, WINDOW),
      deliveredAt: null,
      attempts: 0,
      executionId: null,
      unsure: false,
      notice: null,
      createdAt,
      changedAt: createdAt,
    });
    this.named = id;
  }

  #arrived(dispatch: ModelDispatch, executionId: string | null, now: number): void {
    dispatch.state = 'DELIVERED';
    dispatch.attempts += 1;
    dispatch.deliveredAt = now;
    dispatch.executionId = executionId;
    dispatch.changedAt = now;
    if (dispatch.kind === 'run') {
      this.#move('AUDIO_EXTRACTING', 'system', dispatch.id, now);
      this.lastSign = now;
    }
  }

  /** Who made this request, unless it was withdrawn. */
  #holderOf(request: string): ModelDispatch | null {
    return this.dispatches.find((d) => d.request === request && d.state !== 'UNDELIVERABLE') ?? null;
  }

  #move(to: string, by: string, dispatch: string | null, now: number): void {
    this.#write(to, by, dispatch, now);
    this.status = to;
    this.progress = null;
  }

  #write(to: string, by: string, dispatch: string | null, now: number): void {
    this.changedAt = now;
    this.trail.push(`${this.status} > ${to} by ${by} of ${dispatch}`);
  }

  #mayMove(from: string, to: string, who: 'e' | 'p'): string | null {
    const row = TABLE[from];
    if (row === undefined) return 'FSM_TERMINAL_IMMUTABLE';
    const ends = to === 'FAILED' || (to === 'CANCELLED' && who === 'e');
    return ends || row.split(' ').includes(`${to}:${who}`) ? null : 'FSM_TRANSITION_INVALID';
  }
}

function pause(attempts: number, retryAfterMs: number | null): number {
  if (retryAfterMs !== null) return Math.max(1_000, retryAfterMs);
  return PAUSES[Math.min(attempts, PAUSES.length) - 1] ?? 1_000;
}
