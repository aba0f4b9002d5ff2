// A second, deliberately simple job, written from spec/job-lifecycle.md and spec/dispatch.md rather than from the
// code: one mutable object, one method for each command, statuses as plain text. It shares types with src/, no rule.
import type { Callback, Command, ReportDelivery, Retry } from '../../src/domain/commands.ts';
import { type Evidence, NO_EVIDENCE } from '../../src/domain/evidence.ts';
import {
  ARTIFACT_FIELD as FIELD,
  IN_PROGRESS,
  OPEN,
  ORDER,
  PAUSES,
  RESTING,
  TABLE,
} from '../rules/protocol.ts';
import type { Look } from './looks.ts';
import { ModelLineage, type ModelMaker, type ModelPlan, refusedProfile } from './model-lineage.ts';
import { POLICIES, type WordedPolicy, type WordedProfile } from './policies.ts';

const FIELDS = ['audioUri', 'transcriptUri', 'draftUri'] as const;

const WINDOW = 60_000;
const ACK = 600_000;
const STAGE = 3_600_000;
const GRACE = 1_000;
const LATE_REPORT = 7_200_000;
const MOST_AHEAD = 300_000;
const MOST_EXPORTS = 200;
const MOST_BYTES = 262_144;
const MOST_KEPT = 1_000;

/** A request for a pipeline, answered without being carried out. */
export interface ModelAnswer extends ModelPlan {
  kind: 'run' | 'retry';
  profile: string;
  engines: WordedProfile['engines'];
  asked: string | null;
  /** The code, and the reason where there is one; null when it is allowed. */
  refusal: string | null;
  /** What would be done: what of the answer an editor who has seen it relies on. */
  words: string;
}

export interface ModelDispatch extends ModelMaker {
  kind: 'run' | 'retry';
  state: string;
  /** The client's request id; "run" for the run. */
  request: string;
  policyVersion: string;
  ref: string | null;
  plan: Pick<ModelAnswer, 'asked' | 'does' | 'why' | 'proof'>;
  /** How its pipeline failed. */
  failure: string | null;
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
  /** Under which profile that was. */
  failedUnder: string | null = null;
  lineage = new ModelLineage();
  policy: WordedPolicy = POLICIES[0];
  /** The tags that editors have seen, with what each of them promised. */
  tags = new Map<string, string>();
  lastTag: string | null = null;
  lastLook: Look | null = null;
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

  /** What a run or a retry would be answered now. */
  plan(kind: 'run' | 'retry', profile: string, asked: string | null, evidence: Evidence): ModelAnswer {
    const engines = this.#engines(profile);
    const { videoUri } = this.manifest;
    const limit = kind === 'run' ? 'UPLOADED' : asked;
    const plan = this.lineage.plan(engines, limit, evidence, videoUri);
    const refusal = this.#refused(kind, profile, asked, plan, () => {
      const best = this.lineage.plan(engines, null, evidence, videoUri);
      return best.ref === null ? 'null' : best.from;
    });
    const [code, reason] = refusal?.split(' ') ?? [];
    // How far it could go is said to who is refused, and promised to nobody.
    const what =
      refusal === null
        ? `${plan.from} ${plan.does}`
        : code === 'RESUME_POINT_NOT_AVAILABLE'
          ? code
          : `${code} ${reason}`;
    return { ...plan, kind, profile, engines, asked, refusal, words: `${profile} ${what}` };
  }

  /** An editor looks at the plan, and is shown this tag with it. */
  saw(look: Look, tag: string): void {
    const { words } = this.plan('retry', look.modelProfile, look.resumeFrom, look.evidence);
    this.tags.set(tag, words);
    [this.lastTag, this.lastLook] = [tag, look];
  }

  #engines(profile: string): WordedProfile['engines'] {
    return Object.hasOwn(this.policy.profiles, profile) ? (this.policy.profiles[profile]?.engines ?? {}) : {};
  }

  #refused(
    kind: 'run' | 'retry',
    profile: string,
    asked: string | null,
    { from, ref }: ModelPlan,
    furthest: () => string,
  ): string | null {
    if (this.open || IN_PROGRESS.includes(this.status)) return 'JOB_ALREADY_RUNNING';
    const refusal = kind === 'run' ? this.#mayMove(this.status, 'AUDIO_EXTRACTING', 'p') : null;
    if (refusal) return refusal;
    if (kind === 'retry' && this.status !== 'FAILED') return 'RETRY_NOT_ALLOWED_STATE not_failed';
    const unusable = refusedProfile(this.policy, profile, null);
    if (unusable) return `MODEL_PROFILE_NOT_ALLOWED ${unusable}`;
    if (asked !== null && (asked !== from || ref === null)) return `RESUME_POINT_NOT_AVAILABLE ${furthest()}`;
    const unfit = refusedProfile(this.policy, profile, ref && from);
    if (unfit) return `MODEL_PROFILE_NOT_ALLOWED ${unfit}`;
    return ref === null ? 'RETRY_NOT_ALLOWED_STATE nothing_to_resume_from' : null;
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
        return this.#retry(command, now);
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
      case 'redo':
      case 'export':
      case 'edit-artifact':
        throw new Error(`not modelled: ${command.type}`);
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
    const plan = this.plan('run', profile ?? this.policy.byDefault, null, NO_EVIDENCE);
    if (plan.refusal) return codeOf(plan.refusal);
    this.#dispatch(id, 'run', plan, windowMs, now);
    return 'accepted';
  }

  #retry(
    { modelProfile, clientRequestId, resumeFrom, ifMatch, evidence, newDispatchId, windowMs }: Retry,
    now: number,
  ): string {
    const request = `retry:${clientRequestId}`;
    const known = this.#holderOf(request);
    if (known && this.status !== 'CANCELLED') {
      this.named = known.id;
      const isSame = known.profile === modelProfile && known.plan.asked === resumeFrom;
      return isSame ? 'replayed' : 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH';
    }
    const plan = this.plan('retry', modelProfile, resumeFrom, evidence);
    if (ifMatch && !ifMatch.some((tag) => this.tags.get(tag) === plan.words)) return 'PLAN_CHANGED';
    if (plan.refusal) return codeOf(plan.refusal);
    this.#dispatch(newDispatchId, request, plan, windowMs, now);
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
      return this.status === 'FAILED' && this.failure?.startsWith('ABANDONED ')
        ? 'replayed'
        : 'JOB_NOT_RUNNING';
    }
    const profile = (this.open ?? this.settled)?.profile ?? null;
    const ended = this.#stop(mayHaveStarted, now);
    const failure = `ABANDONED ${this.#classOf('ABANDONED') ?? 'unknown'} null`;
    this.#fails(failure, profile, this.dispatches.find(({ id }) => id === ended) ?? null);
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
    const versions = this.lineage.after(report, dispatch, from);
    const leaves = moves || changes || versions !== this.lineage.versions || report.artifacts.hasMetrics;
    const kept = (mine?.kept ?? 0) + (leaves ? 1 : 0);
    if (kept > MOST_KEPT && report.status !== 'FAILED' && report.status !== 'DONE')
      return 'REPORTS_EXHAUSTED';

    if (dispatch.state === 'PENDING') this.#arrived(dispatch, dispatch.executionId, now);
    this.lineage.versions = versions;
    for (const field of FIELDS) this.manifest[field] = report.artifacts[field] ?? this.manifest[field];
    this.exports = exports;
    if (report.failure) {
      const { failureCode, failureClass, retryAfterMs } = report.failure;
      const kind = failureClass ?? this.#classOf(failureCode) ?? 'unknown';
      const retryAt = retryAfterMs === null ? null : now + retryAfterMs;
      this.#fails(`${failureCode} ${kind} ${retryAt}`, dispatch.profile, dispatch);
    }
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

  #classOf(code: string): string | undefined {
    return Object.entries(this.policy.classes).find(([known]) => known === code)?.[1];
  }

  /** What a dispatch fails of stays with it. */
  #fails(failure: string, profile: string | null, dispatch: ModelDispatch | null): void {
    this.failure = failure;
    this.failedUnder = profile;
    if (dispatch) dispatch.failure = failure;
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
    const failure = `ORCHESTRATOR_TIMEOUT ${this.#classOf('ORCHESTRATOR_TIMEOUT') ?? 'timeout'} null`;
    if (silent) silent.failure = failure;
    if (this.status !== 'FAILED') {
      this.#fails(failure, silent?.profile ?? null, silent);
      this.#move('FAILED', 'system', silent?.id ?? null, now);
    }
    return 'accepted';
  }

  #dispatch(id: string, request: string, plan: ModelAnswer, windowMs: number | null, now: number): void {
    const { kind, profile, engines, given, from, ref } = plan;
    const createdAt = Math.max(now, (this.dispatches.at(-1)?.createdAt ?? 0) + 1);
    this.dispatches.push({
      ...{ id, kind, request, profile, engines, given, plan },
      state: 'PENDING',
      policyVersion: this.policy.version,
      resumeFrom: kind === 'run' ? null : from,
      ref: kind === 'run' ? null : ref,
      failure: null,
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

const codeOf = (refusal: string): string => refusal.split(' ')[0] ?? '';

function pause(attempts: number, retryAfterMs: number | null): number {
  if (retryAfterMs !== null) return Math.max(1_000, retryAfterMs);
  return PAUSES[Math.min(attempts, PAUSES.length) - 1] ?? 1_000;
}
