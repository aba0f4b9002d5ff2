// A second, deliberately simple job, written from spec/job-lifecycle.md and spec/dispatch.md rather than from the
// code: one mutable object, one method for each command, statuses as plain text. It shares types with src/, no rule.
import type { Callback, Command, ReportDelivery } from '../../src/domain/commands.ts';
import {
  ARTIFACT_FIELD as FIELD,
  FURTHEST_FIRST,
  IN_PROGRESS,
  OPEN,
  PAUSES,
  RESTING,
  TABLE,
} from '../rules/protocol.ts';

/** The policy of the tests in words: "late" resumes from the transcript on, "off" is disabled. */
function mayUse(profile: string, from: string | null): boolean {
  if (profile === 'late') return from === null || from === 'TRANSCRIPT_READY' || from === 'DRAFT_READY';
  return profile === 'balanced';
}

const WINDOW = 60_000;
const ACK = 600_000;
const STAGE = 3_600_000;
const GRACE = 1_000;

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
  failure: string | null = null;
  progress: number | null = null;
  /** The newest reference of each checkpoint. */
  checkpoints: Record<string, string> = {};
  dispatches: ModelDispatch[] = [];
  events: Record<string, string> = {};
  heartbeat: { event: string; print: string } | null = null;
  trail: string[] = [];
  latest: { dispatch: string; at: number } | null = null;
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
    if (RESTING.includes(this.status)) return null;
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
    const now = Math.max(clock, this.changedAt, this.open?.changedAt ?? 0);
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
      case 'callback':
        return this.#callback(command, now);
      case 'report-delivery':
        return command.message === 'cancel' ? this.#noticeEnded(command, now) : this.#tried(command, now);
      case 'deadline':
        return this.#timePasses(now);
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
    const refusal = this.#mayMove(this.effective, 'CANCELLED', 'e');
    if (refusal) return refusal;
    const notice = { state: 'PENDING', until: now + WINDOW, attempts: 0 };
    const { open } = this;
    if (open) {
      if (open.state !== 'PENDING' || mayHaveStarted) open.notice = notice;
      open.state = 'CANCELLED';
    } else if (!RESTING.includes(this.status)) {
      // A settled pipeline that went on.
      const mover = this.dispatches.find(({ id }) => id === this.latest?.dispatch);
      if (mover) mover.notice = notice;
    }
    this.#move('CANCELLED', 'editor', open?.id ?? null, now);
    return 'accepted';
  }

  #callback(report: Callback, now: number): string {
    // Two pipelines may number their reports alike.
    const event = `${report.dispatchId} ${report.eventId}`;
    const seen = this.events[event] ?? (this.heartbeat?.event === event ? this.heartbeat.print : undefined);
    if (seen !== undefined) return seen === report.payloadDigest ? 'replayed' : 'EVENT_ID_PAYLOAD_MISMATCH';
    const dispatch = this.dispatches.find(({ id }) => id === report.dispatchId);
    if (!dispatch) return 'RESOURCE_NOT_FOUND';
    const newest = this.dispatches.filter(({ state }) => state !== 'UNDELIVERABLE').at(-1);
    const goesOn = dispatch === newest && ['SETTLED', 'FAILED'].includes(dispatch.state);
    if (dispatch !== this.open && !(this.open === null && goesOn)) return 'DISPATCH_NOT_CURRENT';

    // The first report of a run that nobody knew delivered says both that it was and what comes now.
    const provesRun = dispatch.state === 'PENDING' && dispatch.kind === 'run';
    const from = provesRun ? 'AUDIO_EXTRACTING' : this.effective;
    if (this.latest?.dispatch === dispatch.id && report.occurredAt < this.latest.at)
      return 'CALLBACK_OUT_OF_ORDER';
    const restates = this.status === 'FAILED' && from === report.status && FIELD[from] !== undefined;
    const refusal = restates ? null : this.#mayMove(from, report.status, 'p');
    if (refusal) return refusal;

    if (dispatch.state === 'PENDING') this.#arrived(dispatch, dispatch.executionId, now);
    const field = FIELD[report.status];
    if (field) {
      const brought = report.artifacts[field];
      const known = brought ?? this.manifest[field];
      if (known !== null) this.checkpoints[report.status] = known;
    }
    this.manifest.audioUri = report.artifacts.audioUri ?? this.manifest.audioUri;
    this.manifest.transcriptUri = report.artifacts.transcriptUri ?? this.manifest.transcriptUri;
    this.manifest.draftUri = report.artifacts.draftUri ?? this.manifest.draftUri;
    if (report.status === 'FAILED') this.failure = report.failure?.failureCode ?? null;
    const progress = report.progressPct ?? (report.status === this.status ? this.progress : null);
    const moves = report.status !== this.status || report.status === 'FAILED';
    if (moves) {
      this.#move(report.status, report.actor, dispatch.id, now);
    }
    this.progress = progress;
    this.changedAt = now;
    if (OPEN.includes(dispatch.state)) {
      dispatch.state =
        report.status === 'FAILED' ? 'FAILED' : RESTING.includes(report.status) ? 'SETTLED' : 'RUNNING';
    }
    // Of signs of life that bring nothing only the newest is known again.
    if (moves || report.artifactsJson !== null) this.events[event] = report.payloadDigest;
    else this.heartbeat = { event, print: report.payloadDigest };
    this.latest = { dispatch: dispatch.id, at: report.occurredAt };
    this.lastSign = now;
    return 'accepted';
  }

  #tried({ dispatchId, outcome }: ReportDelivery, now: number): string {
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
        dispatch.notice ??= { state: 'PENDING', until: now + WINDOW, attempts: 0 };
      } else return 'replayed';
      return 'accepted';
    }
    if (dispatch.state !== 'PENDING') return 'replayed';
    dispatch.changedAt = now;
    if (outcome.kind !== 'dead-lettered') dispatch.attempts += 1;
    const again =
      outcome.kind === 'unreachable' || outcome.kind === 'unknown'
        ? now + pause(dispatch.attempts, outcome.retryAfterMs)
        : Infinity;
    if (again + 250 > dispatch.until) dispatch.state = 'UNDELIVERABLE';
    return 'accepted';
  }

  #noticeEnded({ dispatchId, outcome }: ReportDelivery, now: number): string {
    const dispatch = this.dispatches.find(({ id }) => id === dispatchId);
    if (!dispatch) return 'RESOURCE_NOT_FOUND';
    const { notice } = dispatch;
    if (notice?.state !== 'PENDING') return 'replayed';
    if (outcome.kind === 'delivered') notice.state = 'DELIVERED';
    else if (outcome.kind === 'refused' || outcome.kind === 'dead-lettered') notice.state = 'GIVEN_UP';
    else {
      notice.attempts += 1;
      if (now + pause(notice.attempts, outcome.retryAfterMs) + 250 > notice.until) notice.state = 'GIVEN_UP';
    }
    return 'accepted';
  }

  #timePasses(now: number): string {
    const overdue = this.dispatches.filter(
      ({ notice }) => notice?.state === 'PENDING' && now >= notice.until + GRACE,
    );
    for (const { notice } of overdue) if (notice) notice.state = 'GIVEN_UP';
    const { awaits, open } = this;
    if (!awaits || now < awaits.until) return overdue.length > 0 ? 'accepted' : 'replayed';
    if (awaits.what === 'delivery') {
      if (open) open.state = 'UNDELIVERABLE';
      return 'accepted';
    }
    if (this.status !== 'FAILED') {
      this.failure = 'ORCHESTRATOR_TIMEOUT';
      this.#move('FAILED', 'system', open?.id ?? this.latest?.dispatch ?? null, now);
    }
    if (open) open.state = 'TIMED_OUT';
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
    this.changedAt = now;
    this.trail.push(`${this.status} > ${to} by ${by} of ${dispatch}`);
    this.status = to;
    this.progress = null;
  }

  #mayMove(from: string, to: string, who: 'e' | 'p'): string | null {
    const row = TABLE[from];
    if (row === undefined) return 'FSM_TERMINAL_IMMUTABLE';
    const ends = (to === 'FAILED' && who === 'p') || (to === 'CANCELLED' && who === 'e');
    return ends || row.split(' ').includes(`${to}:${who}`) ? null : 'FSM_TRANSITION_INVALID';
  }
}

function pause(attempts: number, retryAfterMs: number | null): number {
  if (retryAfterMs !== null) return Math.max(1_000, retryAfterMs);
  return PAUSES[Math.min(attempts, PAUSES.length) - 1] ?? 1_000;
}
