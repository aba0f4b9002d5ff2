// What has to hold of a job that goes: nothing of it comes back, whoever asks for it from then on is told that there is none, and in
// the end nothing is left of it anywhere. It reads what is stored, and what was answered.
import type { Erasure, Job } from '../../src/domain/job.ts';
import { holds } from '../rules/holds.ts';
import { isTombstoned, listedStatus, storedDispatches, storedPresent, tablesOf } from './stored.ts';
import type { JobInWorld, World } from './world.ts';

export const ERASURE_SITUATIONS = [
  'a job was erased by its editor',
  'a job was erased while it was on its way to its list',
  'a job was erased and its pipeline told to stop',
  'a job was erased after it had been kept long enough',
  'a job went since its project was erased',
  'a job was never there since its project was erased',
  'a pipeline reported to a job that was erased',
  'an editor asked for a job that was erased',
  'a correction that was sent as its text went with its job',
] as const;

export class ErasureChecker {
  readonly situations = new Set<string>();
  readonly #world: World;
  readonly #job: JobInWorld;
  #mark: Erasure | null = null;
  /** When the job last changed or was asked for anything, by the clock of its machine. */
  #lastChangeAt = 0;

  constructor(world: World, job: JobInWorld) {
    this.#world = world;
    this.#job = job;
  }

  /** Whether there is no such job any more, for all that is stored. */
  get isErased(): boolean {
    return this.#mark !== null || (this.#world.isProjectErased && storedPresent(this.#job.object) === null);
  }

  /**
   * Whether nobody knows of it: a crash came between its creation, which was never answered, and its first push, and its project has
   * gone since. There is nothing in it, and nobody was told its id.
   */
  get isUnheardOf(): boolean {
    const { object, records } = this.#job;
    const isAnswered = records.calls.some(
      ({ operation, ending }) => operation === 'create' && ending.kind === 'done',
    );
    return this.#world.isProjectErased && !isAnswered && storedPresent(object)?.job.status === 'CREATED';
  }

  /** After each commit of the job. */
  committed(): void {
    const { object, records } = this.#job;
    const job = storedPresent(object)?.job ?? null;
    if (this.#mark !== null) {
      holds('what is erased never comes back', job === null || job.erasure !== null);
      if (job === null) this.#cleared();
      else holds('what is being erased has an alarm', object.alarmAt !== null || object.hasLostAlarm);
      return;
    }
    if (job === null) return;
    if (job.erasure === null) {
      this.#lastChangeAt = Math.max(job.updatedAt, job.latestDispatchAt ?? 0);
      return;
    }
    this.#mark = job.erasure;
    records.erasedAt = this.#world.timeline.now;
    this.#noteHow(job);
  }

  /** No push of before may list it again. */
  #cleared(): void {
    const { project, isProjectErased } = this.#world;
    holds(
      'a job is gone after its project knows that',
      isProjectErased || isTombstoned(project, this.#job.id),
    );
  }

  /** Nothing is left to happen. */
  rested(): void {
    const { object, records, id } = this.#job;
    const { project, store, timeline } = this.#world;
    holds('nothing is left of an erased job', tablesOf(object).length === 0 && object.alarmAt === null);
    holds('an erased job is not listed', listedStatus(project, id) === null);
    const erasedAt = records.erasedAt ?? timeline.now;
    holds(
      'what it had in the store is gone',
      store.keptSince(id).every((putAt) => putAt >= erasedAt),
    );
    for (const { operation, sentAt, ending } of records.calls) {
      if (sentAt <= erasedAt || ending.kind !== 'refused') continue;
      const isTold =
        ending.code === 'RESOURCE_NOT_FOUND' || (operation === 'create' && ending.code === 'RESOURCE_ERASED');
      holds('whoever asks for an erased job is told that there is none', isTold);
      this.situations.add('an editor asked for a job that was erased');
    }
    const isDone = records.calls.some(({ sentAt, ending }) => sentAt > erasedAt && ending.kind === 'done');
    holds('nothing is done for an erased job', !isDone);
    if (records.reports.some(({ sentAfter }) => sentAfter > erasedAt))
      this.situations.add('a pipeline reported to a job that was erased');
    if (this.#mark === null) this.situations.add('a job was never there since its project was erased');
  }

  /** A job that has ended, and was to be kept only so long. */
  checkKept(): void {
    const job = storedPresent(this.#job.object)?.job;
    const isOver = job !== undefined && this.#world.keepEndedMs !== null && ENDED.includes(job.status);
    holds('what has been kept long enough is gone', !isOver || job.openDispatchId !== null);
  }

  #noteHow({ status }: Job): void {
    const { keepEndedMs, isProjectErased, project } = this.#world;
    const { id, object } = this.#job;
    const mark = this.#mark;
    if (mark?.actorId != null) {
      holds('a job is erased only at rest', !AT_WORK.includes(status));
      this.situations.add('a job was erased by its editor');
      if (listedStatus(project, id) !== status)
        this.situations.add('a job was erased while it was on its way to its list');
    } else if (isProjectErased) this.situations.add('a job went since its project was erased');
    else {
      const at = this.#lastChangeAt + (keepEndedMs ?? Infinity);
      holds(
        'a job is kept for as long as it is to be',
        (mark?.decidedAt ?? 0) >= at && ENDED.includes(status),
      );
      this.situations.add('a job was erased after it had been kept long enough');
    }
    if (storedDispatches(object).some(({ cancelNotice }) => cancelNotice?.state === 'PENDING'))
      this.situations.add('a job was erased and its pipeline told to stop');
    if (this.#world.store.keptSince(id).length > 0)
      this.situations.add('a correction that was sent as its text went with its job');
  }
}

const ENDED = ['DONE', 'FAILED', 'CANCELLED'];
const AT_WORK = ['AUDIO_EXTRACTING', 'TRANSCRIBING', 'GENERATING', 'REGENERATING', 'EXPORTING'];
