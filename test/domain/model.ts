// A second, deliberately simple job, written from spec/job-lifecycle.md and spec/dispatch.md rather than from the
// code: one mutable object, one method for each command, statuses as plain text. It shares types with src/, no rule.
import type {
  Ask,
  Callback,
  ChangeLabels,
  Command,
  EditArtifact,
  ReportDelivery,
  RetryDue,
} from '../../src/domain/commands.ts';
import { NO_EVIDENCE } from '../../src/domain/evidence.ts';
import {
  ARTIFACT_FIELD as FIELD,
  IN_PROGRESS,
  LATE_REPORT_MS,
  OPEN,
  ORDER,
  PAUSES,
  RESTING,
  TABLE,
} from '../rules/protocol.ts';
import type { Look } from './looks.ts';
import {
  answerOf,
  type ModelAnswer,
  type ModelKind,
  type ModelRequest,
  refusedEdit,
  refusedMove,
  requestOf,
} from './model-asks.ts';
import { ModelAutomatic } from './model-automatic.ts';
import { ModelLineage } from './model-lineage.ts';
import { type ModelMaker, POINT } from './model-versions.ts';
import { POLICIES, type WordedPolicy } from './policies.ts';

const FIELDS = ['audioUri', 'transcriptUri', 'draftUri'] as const;

const WINDOW = 60_000;
const ACK = 600_000;
const STAGE = 3_600_000;
const GRACE = 1_000;
const MOST_AHEAD = 300_000;
const MOST_EXPORTS = 200;
const MOST_METADATA = 50;
const MOST_BYTES = 262_144;
export const MOST_KEPT = 1_000;

export interface ModelDispatch extends ModelMaker {
  kind: ModelKind;
  state: string;
  /** Whether the job was retried by itself. */
  isOwn: boolean;
  /** The client's request id; "run" for the run. */
  request: string;
  correlation: string;
  policyVersion: string;
  ref: string | null;
  plan: Pick<ModelAnswer, 'asked' | 'discard' | 'editsDiscarded' | 'does' | 'why' | 'proof'>;
  /** What its pipeline is for. */
  task: string;
  /** Whether its pipeline has reported anything. */
  isHeardOf: boolean;
  /** How its pipeline failed. */
  failure: string | null;
  until: number;
  deliveredAt: number | null;
  attempts: number;
  executionId: string | null;
  /** An attempt got no answer. */
  unsure: boolean;
  /** Until when the orchestrator wants to be left alone. */
  asked: number | null;
  notice: { state: string; until: number; attempts: number } | null;
  /** Later than that of every dispatch before. */
  createdAt: number;
  changedAt: number;
}

/** Who asks for a dispatch, and by what it is known. */
type Asking = Pick<ModelDispatch, 'id' | 'request' | 'isOwn' | 'correlation'> & { windowMs: number | null };

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
  /** The profile of the pipeline that moved the job last. */
  lastProfile: string | null = null;
  /** What a retry goes on with. */
  task = 'draft';
  /** The corrections that were made, by their requests. */
  edits: Record<string, string> = {};
  lastEdit: EditArtifact | null = null;
  lastAsk: Exclude<Ask, { type: 'run' }> | null = null;
  /** When the last of them was made; and how many dispatches there were then, which have no more to say. */
  editedAt: number | null = null;
  fenced = 0;
  /** What editors call the job by. */
  metadata = new Map<string, string>();
  tagged: string[] = [];
  lineage = new ModelLineage();
  automatic = new ModelAutomatic();
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
  /** Nobody finds it any more. */
  isErased = false;
  /** How long it is kept when it has ended. */
  keptFor: number | null = null;
  readonly owner: string;

  constructor(owner: string) {
    this.owner = owner;
  }

  get open(): ModelDispatch | null {
    return this.dispatches.find(({ state }) => OPEN.includes(state)) ?? null;
  }

  /** How often it was retried. */
  get retries(): number {
    return this.dispatches.filter(({ kind, state }) => kind === 'retry' && state !== 'UNDELIVERABLE').length;
  }

  get effective(): string {
    const { open } = this;
    return this.status === 'FAILED' && open ? (open.resumeFrom ?? '') : this.status;
  }

  /** What a request for a pipeline would be answered now. */
  plan(request: ModelRequest): ModelAnswer {
    return answerOf(this, request);
  }

  /** An editor looks at the plan, and is shown this tag with it. */
  saw(look: Look, tag: string): void {
    this.tags.set(tag, this.plan(asRequest(look)).words);
    [this.lastTag, this.lastLook] = [tag, look];
  }

  get isAtWork(): boolean {
    return this.open !== null || IN_PROGRESS.includes(this.status);
  }

  /** What the job waits for and until when. */
  get awaits(): { what: string; until: number } | null {
    const { open } = this;
    if (this.isErased) return null;
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
    // Time goes on, and what was to be told to stop still is.
    const isAboutStop = command.type === 'report-delivery' && command.message === 'cancel';
    if (this.isErased && command.type !== 'deadline' && !isAboutStop) return 'RESOURCE_NOT_FOUND';
    return this.#do(command, now);
  }

  #do(command: Command, now: number): string {
    switch (command.type) {
      case 'confirm-upload': {
        if (this.manifest.videoUri === command.videoUri) return 'replayed';
        if (this.manifest.videoUri !== null) return 'VIDEO_URI_CONFLICT';
        const refusal = refusedMove(this.status, 'UPLOADED', 'e');
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
      case 'change-labels':
        return this.#label(command, now);
      case 'run':
      case 'retry':
      case 'redo':
      case 'export':
        return this.#ask(command, now);
      case 'edit-artifact':
        return this.#edit(command, now);
      case 'cancel':
        return this.#cancel(command.deliveryMayHaveStarted, now);
      case 'abandon':
        return this.#abandon(command.deliveryMayHaveStarted, now);
      case 'erase':
        return this.#erase(now);
      case 'disown':
        // Whatever is at work is stopped.
        if (this.open || !['DONE', 'FAILED', 'CANCELLED'].includes(this.status))
          this.#stop(command.deliveryMayHaveStarted, now);
        return this.#gone(now);
      case 'callback':
        return this.#callback(command, now);
      case 'report-delivery':
        return command.message === 'cancel' ? this.#noticeEnded(command, now) : this.#tried(command, now);
      case 'deadline':
        return this.#timePasses(command.deliveryMayHaveStarted, now);
      case 'retry-due':
        return this.#isDue(command, now);
      default:
        return command satisfies never;
    }
  }

  #ask(command: Ask, now: number): string {
    const key = command.type === 'run' ? 'run' : `${command.type}:${command.clientRequestId}`;
    const ifMatch = 'ifMatch' in command ? command.ifMatch : null;
    const request = requestOf(fieldsOf(command));
    const known = this.dispatches.find((d) => d.request === key && d.state !== 'UNDELIVERABLE');
    if (known && this.status !== 'CANCELLED') {
      this.named = known.id;
      const isSame =
        [null, known.profile].includes(request.profile) &&
        known.plan.asked === request.asked &&
        known.plan.discard.join() === request.discard.join() &&
        [undefined, known.task].includes(request.task);
      if (isSame) return 'replayed';
      if (command.type !== 'run') return 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH';
    }
    const plan = this.plan(request);
    if (ifMatch && !ifMatch.some((tag) => this.tags.get(tag) === plan.words)) return 'PLAN_CHANGED';
    if (plan.refusal) return codeOf(plan.refusal);
    const { newDispatchId: id, windowMs, correlationId: correlation } = command;
    this.#dispatch({ id, request: key, isOwn: false, windowMs, correlation }, plan, now);
    if (command.type !== 'run') this.lastAsk = command;
    return 'accepted';
  }

  /** As if an editor had asked for it under the profile of before, and nobody is told what it is refused for. */
  #isDue({ newDispatchId: id, evidence }: RetryDue, now: number): string {
    const { due, last } = this.automatic;
    if (this.open || due === null || last === null || now < due) return 'replayed';
    const plan = this.plan({ kind: 'retry', profile: last.profile, asked: null, discard: [], evidence });
    if (plan.refusal || this.automatic.isOver(last.kind, this.policy)) {
      this.automatic.callOff();
      return 'accepted';
    }
    const request = `auto:${this.retries + 1}`;
    this.#dispatch({ id, request, isOwn: true, windowMs: null, correlation: last.correlation }, plan, now);
    return 'accepted';
  }

  #edit(command: EditArtifact, now: number): string {
    const { clientRequestId, payloadDigest, stage, uri } = command;
    const known = this.edits[clientRequestId];
    if (known !== undefined)
      return known === payloadDigest ? 'replayed' : 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH';
    const refusal = refusedEdit(this, command);
    if (refusal) return refusal;
    const field = FIELD[POINT[stage]];
    if (!field) throw new Error(`nobody corrects ${stage}`);
    if (!fits({ ...this.manifest, [field]: uri }, this.exports)) return 'MANIFEST_FULL';
    this.lineage.edit(command);
    this.manifest[field] = uri;
    this.edits[clientRequestId] = payloadDigest;
    this.lastEdit = command;
    this.automatic.callOff();
    this.editedAt = Math.max(now, this.dispatches.at(-1)?.createdAt ?? 0);
    this.fenced = this.dispatches.length;
    this.#write(this.status, 'editor', null, now);
    return 'accepted';
  }

  #label({ changes, ifMatch, etag }: ChangeLabels, now: number): string {
    const metadata = new Map(changes.metadata === null ? [] : this.metadata);
    for (const [name, value] of Object.entries(changes.metadata ?? {})) {
      if (value === null) metadata.delete(name);
      else metadata.set(name, value);
    }
    const tags = changes.tags === undefined ? this.tagged : (changes.tags ?? []);
    const isAsBefore =
      tags.join() === this.tagged.join() && [...metadata].join() === [...this.metadata].join();
    if (isAsBefore) return 'replayed';
    if (ifMatch?.every((seen) => seen !== etag)) return 'JOB_CHANGED';
    if (metadata.size > MOST_METADATA) return 'METADATA_FULL';
    this.metadata = metadata;
    this.tagged = [...tags];
    this.#write(this.status, 'editor', null, now);
    return 'accepted';
  }

  #cancel(mayHaveStarted: boolean, now: number): string {
    if (this.status === 'CANCELLED') return 'replayed';
    const refusal = refusedMove(this.effective, 'CANCELLED', 'e');
    if (refusal && this.automatic.due === null) return refusal;
    this.automatic.callOff();
    const ended = this.#stop(mayHaveStarted, now);
    this.#move('CANCELLED', 'editor', ended, now);
    return 'accepted';
  }

  #abandon(mayHaveStarted: boolean, now: number): string {
    const isToCome = this.automatic.due !== null;
    this.automatic.callOff();
    if (!this.open && !IN_PROGRESS.includes(this.status)) {
      if (isToCome) return 'accepted';
      return this.status === 'FAILED' && this.failure?.startsWith('ABANDONED ')
        ? 'replayed'
        : 'JOB_NOT_RUNNING';
    }
    const { open } = this;
    const profile = (open ?? this.settled)?.profile ?? null;
    const failure = `ABANDONED ${this.#classOf('ABANDONED') ?? 'unknown'} null`;
    // Nobody has heard of it, and there is a draft: the job rests on.
    if (open && !open.isHeardOf && ['DRAFT_READY', 'EDITING'].includes(this.status)) {
      open.failure = failure;
      this.#stop(mayHaveStarted, now);
      return 'accepted';
    }
    if (open) this.#remember(open);
    const ended = this.#stop(mayHaveStarted, now);
    this.#fails(failure, profile, this.dispatches.find(({ id }) => id === ended) ?? null);
    this.#move('FAILED', 'editor', ended, now);
    return 'accepted';
  }

  #erase(now: number): string {
    if (this.open || !RESTING.includes(this.status)) return 'JOB_ALREADY_RUNNING';
    // A draft's pipeline may go on for so long after it was heard of.
    const mayGoOn =
      ['DRAFT_READY', 'EDITING'].includes(this.status) && now - (this.lastSign ?? 0) <= LATE_REPORT_MS;
    if (mayGoOn) this.#stop(true, now);
    return this.#gone(now);
  }

  #gone(now: number): string {
    this.isErased = true;
    this.automatic.callOff();
    this.progress = null;
    this.changedAt = now;
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
    const isLate = now - (this.lastSign ?? now) > LATE_REPORT_MS;
    const isFenced = this.dispatches.indexOf(dispatch) < this.fenced;
    const hasEnded = ['SETTLED', 'FAILED'].includes(dispatch.state);
    const goesOn = dispatch === newest && hasEnded && !isLate && !isFenced;
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
    const refusal = restates ? null : refusedMove(from, report.status, 'p');
    const mine = this.latest?.dispatch === dispatch.id ? this.latest : null;
    // A sign of life that came before the end may come again after it.
    const work = { redraft: 'REGENERATING', export: 'EXPORTING' }[dispatch.task.split(' ')[0] ?? ''];
    const isDone = dispatch.state === 'SETTLED' && report.status === work;
    const goesBack = isDone || ORDER.indexOf(report.status) < ORDER.indexOf(from);
    if (mine && report.occurredAt < mine.at && (refusal || (goesBack && report.status !== 'FAILED')))
      return 'CALLBACK_OUT_OF_ORDER';
    if (refusal) return refusal;

    let exports = { ...this.exports, ...report.artifacts.exports };
    const named = FIELDS.map((field) => [field, report.artifacts[field] ?? this.manifest[field]]);
    const manifest = { ...this.manifest, ...Object.fromEntries(named) };
    const same = JSON.stringify(exports) === JSON.stringify(this.exports);
    const brings = FIELDS.filter((field) => report.artifacts[field] !== null);
    const changes = !same || brings.some((field) => report.artifacts[field] !== this.manifest[field]);
    if (changes && !fits(manifest, exports)) {
      if (report.status !== 'FAILED') return 'MANIFEST_FULL';
      exports = this.exports;
    }
    const moves = report.status !== status || report.status === 'FAILED';
    // Until it is heard of a pipeline is where it begins, wherever the job is.
    const at = dispatch.isHeardOf ? from : (dispatch.resumeFrom ?? from);
    const versions = this.lineage.after(report, dispatch, at);
    const leaves = moves || changes || versions !== this.lineage.versions || report.artifacts.hasMetrics;
    const kept = (mine?.kept ?? 0) + (leaves ? 1 : 0);
    // An export is at work until it has exported, also where it makes the draft on the way.
    const isOnTheWay = dispatch.task.startsWith('export') && report.status === 'DRAFT_READY';
    const settles = RESTING.includes(report.status) && !restates && !isOnTheWay;
    const ends = ['FAILED', 'DONE'].includes(report.status) || (settles && OPEN.includes(dispatch.state));
    if (kept > MOST_KEPT && !ends) return 'REPORTS_EXHAUSTED';

    if (dispatch.state === 'PENDING') this.#arrived(dispatch, dispatch.executionId, now);
    if (versions !== this.lineage.versions) this.lineage.keep(versions);
    this.manifest = manifest;
    this.exports = exports;
    if (report.failure) {
      const { failureCode, failureClass, retryAfterMs } = report.failure;
      const kind = failureClass ?? this.#classOf(failureCode) ?? 'unknown';
      const retryAt = retryAfterMs === null ? null : now + retryAfterMs;
      this.#fails(`${failureCode} ${kind} ${retryAt}`, dispatch.profile, dispatch);
      this.#schedules(dispatch, kind, retryAt, now);
    }
    const progress = report.progressPct ?? (report.status === this.status ? this.progress : null);
    if (moves) this.#move(report.status, report.actor, dispatch.id, now);
    this.progress = progress;
    this.changedAt = now;
    const wasOpen = OPEN.includes(dispatch.state);
    if (wasOpen) {
      this.#remember(dispatch);
      dispatch.state = report.status === 'FAILED' ? 'FAILED' : settles ? 'SETTLED' : 'RUNNING';
    }
    dispatch.isHeardOf = true;
    this.lastProfile = dispatch.profile;
    // A draft is what most pipelines are for; an export is over when its pipeline says so.
    const isExport = this.task.startsWith('export');
    const isOver =
      ['EDITING', 'DONE'].includes(report.status) || (report.status === 'DRAFT_READY' && !isExport);
    if (isOver && !restates) this.task = 'draft';
    // Of signs of life that bring nothing only the newest is known again.
    if (leaves) this.events[event] = report.payloadDigest;
    else this.heartbeat = { event, print: report.payloadDigest };
    this.latest = {
      dispatch: dispatch.id,
      // More than five minutes ahead is a clock that is wrong.
      at: Math.max(report.occurredAt - now > 300_000 ? now : report.occurredAt, mine?.at ?? 0),
      kept,
    };
    this.lastSign = now;
    return 'accepted';
  }

  /** A retry goes on with what this pipeline was for. */
  #remember({ profile, task }: ModelDispatch): void {
    this.lastProfile = profile;
    this.task = task;
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

  /** It may be retried by itself. */
  #schedules(
    { profile, correlation }: ModelDispatch,
    kind: string,
    retryAt: number | null,
    now: number,
  ): void {
    this.automatic.failed({ profile, kind, correlation }, retryAt, this.policy, now);
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
    const forGood = outcome.kind === 'refused';
    const wish = outcome.kind === 'refused' ? null : outcome.retryAfterMs;
    dispatch.asked = wish === null ? null : now + wish;
    if (again + 250 > dispatch.until) this.#withdraw(dispatch, deliveryMayHaveStarted, forGood, now);
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

  #withdraw(dispatch: ModelDispatch, mayHaveStarted: boolean, forGood: boolean, now: number): void {
    dispatch.state = 'UNDELIVERABLE';
    this.automatic.withdrawn(dispatch.isOwn, { forGood, asked: dispatch.asked }, this.policy, now);
    if (dispatch.unsure || mayHaveStarted) this.#tell(dispatch, now);
  }

  #timePasses(mayHaveStarted: boolean, now: number): string {
    const overdue = this.dispatches.filter(
      ({ notice }) => notice?.state === 'PENDING' && now >= notice.until + GRACE,
    );
    for (const { notice } of overdue) if (notice) notice.state = 'GIVEN_UP';
    const { awaits, open } = this;
    const hasEnded = !open && ['DONE', 'FAILED', 'CANCELLED'].includes(this.status);
    const since = Math.max(this.changedAt, this.dispatches.at(-1)?.createdAt ?? 0);
    if (
      this.keptFor !== null &&
      hasEnded &&
      this.automatic.due === null &&
      !this.isErased &&
      now >= since + this.keptFor
    )
      return this.#gone(now);
    if (!awaits || now < awaits.until) return overdue.length > 0 ? 'accepted' : 'replayed';
    if (awaits.what === 'delivery') {
      if (open) this.#withdraw(open, mayHaveStarted, false, now);
      return 'accepted';
    }
    const silent = open ?? this.settled;
    if (silent) {
      // It may be alive all the same.
      silent.state = 'TIMED_OUT';
      this.#tell(silent, now);
    }
    const kind = this.#classOf('ORCHESTRATOR_TIMEOUT') ?? 'timeout';
    const failure = `ORCHESTRATOR_TIMEOUT ${kind} null`;
    if (silent) silent.failure = failure;
    // What was never heard of leaves a job that rests as it was.
    const rests = awaits.what === 'ack' && RESTING.includes(this.status);
    if (this.status !== 'FAILED' && !rests) {
      this.#fails(failure, silent?.profile ?? null, silent);
      this.#move('FAILED', 'system', silent?.id ?? null, now);
    }
    if (silent && this.status === 'FAILED') this.#schedules(silent, kind, null, now);
    return 'accepted';
  }

  #dispatch({ id, request, isOwn, windowMs, correlation }: Asking, plan: ModelAnswer, now: number): void {
    const { kind, profile, engines, given, task, from, ref } = plan;
    const before = Math.max(this.dispatches.at(-1)?.createdAt ?? 0, this.editedAt ?? 0);
    const createdAt = Math.max(now, before + 1);
    this.dispatches.push({
      ...{ id, kind, request, isOwn, correlation, profile, engines, given, task, plan, isHeardOf: false },
      discards: plan.editsDiscarded.map(wordOf),
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
      asked: null,
      notice: null,
      createdAt,
      changedAt: createdAt,
    });
    this.named = id;
  }

  #arrived(dispatch: ModelDispatch, executionId: string | null, now: number): void {
    this.automatic.arrived(dispatch.isOwn);
    dispatch.state = 'DELIVERED';
    dispatch.attempts += 1;
    dispatch.deliveredAt = now;
    dispatch.executionId = executionId;
    dispatch.changedAt = now;
    if (dispatch.kind === 'run') {
      this.#remember(dispatch);
      this.#move('AUDIO_EXTRACTING', 'system', dispatch.id, now);
      this.lastSign = now;
    }
  }

  #move(to: string, by: string, dispatch: string | null, now: number): void {
    this.#write(to, by, dispatch, now);
    this.status = to;
    this.progress = null;
  }

  #write(to: string, by: string, dispatch: string | null, now: number): void {
    this.changedAt = now;
    const name = by === 'editor' ? 'Alice Adams' : null;
    this.trail.push(`${this.status} > ${to} by ${by} ${name} of ${dispatch}`);
  }
}

const wordOf = (text: string): string => text.split(' ')[0] ?? '';
const codeOf = wordOf;

export const asRequest = (look: Look): ModelRequest => requestOf({ ...look, task: null });

/** What stands in a request, and what goes without saying. */
const fieldsOf = (command: Ask) => ({
  ...{ kind: command.type, modelProfile: null, resumeFrom: null, discardEdits: [], task: null },
  ...{ evidence: NO_EVIDENCE, ...command },
});

/** Whether a job has room for all of this. */
function fits(manifest: ModelJob['manifest'], exports: Record<string, string>): boolean {
  const refs = Object.values(manifest).map((ref) => ref ?? '');
  const texts = [...Object.keys(exports), ...Object.values(exports), ...refs];
  return Object.keys(exports).length <= MOST_EXPORTS && texts.join('').length <= MOST_BYTES;
}

function pause(attempts: number, retryAfterMs: number | null): number {
  if (retryAfterMs !== null) return Math.max(1_000, retryAfterMs);
  return PAUSES[Math.min(attempts, PAUSES.length) - 1] ?? 1_000;
}
