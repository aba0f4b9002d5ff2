// The run of a scenario, from the first event until nothing is left to happen; and once more from the next touch on, where
// an alarm never came.
import { holds } from '../rules/holds.ts';
import { type RuleName, requireKept } from '../rules/judge.ts';
import { OPEN, RESTING } from '../rules/protocol.ts';
import { BulkEditor } from './bulk-editor.ts';
import { caseOf, mayBeListedOtherwise } from './case.ts';
import { Checker } from './checker.ts';
import { Editor } from './editor.ts';
import { OperationChecker } from './operation-checker.ts';
import type { Action, Scenario } from './scenario.ts';
import { situationsOf } from './situations.ts';
import { isListedAs, namesProject, storedDispatches, storedPresent } from './stored.ts';
import { isFault, type JobInWorld, PROJECT, World } from './world.ts';

const ENDED = ['DONE', 'FAILED', 'CANCELLED'];

const MAX_EVENTS = 40_000;
/** Long after any alarm was due, by every clock: an alarm may be late. */
const LOST_FOR_MS = 4_000_000;

export interface Tally {
  faults: Map<string, number>;
  executions: number;
  accepted: number;
  events: number;
  /** What there was to judge: requests to the orchestrator, attempts to report. */
  requests: number;
  reports: number;
  /** The rules for which there was evidence. */
  rules: ReadonlySet<RuleName>;
  /** One each time that a job was in it. */
  situations: readonly string[];
}

/** What the patched clock and timers of the process belong to. */
let current: World | null = null;
export const world = (): World => {
  if (current === null) throw new Error('no world is being simulated');
  return current;
};

/** Lives through the scenario; throws at the first broken promise. */
export async function simulate(scenario: Scenario): Promise<Tally> {
  const simulated = new World(scenario.chances, { ...scenario, scripts: scenario.plans });
  current = simulated;
  try {
    return await new Life(simulated, scenario).live();
  } finally {
    current = null;
    simulated.close();
  }
}

interface Inhabitant {
  job: JobInWorld;
  editor: Editor;
  checker: Checker;
}

class Life {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #inhabitants: readonly [Inhabitant, ...Inhabitant[]];
  #broken: unknown = null;
  /** When a fault or an editor last stirred the world. */
  #lastStirredAt: number;
  readonly #bulk: BulkEditor;
  readonly #operations: OperationChecker;
  #faults = 0;
  #touches = 0;

  constructor(world: World, scenario: Scenario) {
    this.#world = world;
    this.#lastStirredAt = world.timeline.now;
    this.#scenario = scenario;
    this.#bulk = new BulkEditor(world);
    this.#operations = new OperationChecker(world);
    let ids = 0;
    this.#inhabitants = world.jobs.map((job) => ({
      job,
      editor: new Editor(world, job, {
        newDispatchId: () => `dsp_${ids++}`,
        externalId: scenario.named ? `talk of ${job.id}` : null,
      }),
      checker: new Checker(world, job),
    })) as [Inhabitant, ...Inhabitant[]];
  }

  async live(): Promise<Tally> {
    const { timeline, chance, orchestrator, jobs } = this.#world;
    timeline.after(0, () => this.#guard(this.#begin()));
    await this.#run();
    let touchesWhenCalm = 0;
    while (this.#isWaitingForAnAlarm()) {
      holds('the next touch repairs what an alarm that never came left', touchesWhenCalm < 1);
      if (chance.isSpent) touchesWhenCalm += 1;
      // One that is for what has been kept long enough is not missed before.
      const lostForMs = LOST_FOR_MS + (this.#world.keepEndedMs ?? 0);
      timeline.after(lostForMs, () => this.#guard(this.#touch()));
      await this.#run();
    }
    const clockWasSet = this.#scenario.actions.some(({ action }) => action.do === 'clock');
    const lastStirredAt = this.#lastStirredAt;
    holds('an erased project is not listed', !this.#world.isProjectErased || this.#isForgotten());
    this.#operations.atRest();
    const rules = new Set<RuleName>();
    const situations = [...this.#bulk.situations, ...this.#operations.situations];
    for (const { job, editor, checker } of this.#inhabitants) {
      const { erasure } = checker;
      if (erasure.isErased) {
        erasure.rested();
        situations.push(...erasure.situations);
        continue;
      }
      if (erasure.isUnheardOf) continue;
      erasure.checkKept();
      const { videoUris } = editor;
      const jobCase = caseOf(this.#world, job, {
        ...{ lastStirredAt, clockWasSet, videoUris },
        planOf: (dispatchId) => checker.planOf(dispatchId),
        editedAfter: (stage, version) => checker.editedAfter(stage, version),
        absent: editor.absent,
      });
      for (const rule of requireKept(jobCase)) rules.add(rule);
      const { longestRow } = checker;
      situations.push(
        ...situationsOf(jobCase, this.#scenario, {
          ...{ job, chance, longestRow, touches: this.#touches },
          ...{ editedAt: editor.editedAt, deployments: this.#world.deployments },
        }),
        ...checker.lineage.situations,
        ...editor.situations,
      );
    }
    const sum = (count: (inhabitant: Inhabitant) => number) =>
      this.#inhabitants.reduce((total, inhabitant) => total + count(inhabitant), 0);
    return {
      faults: chance.injected,
      executions: orchestrator.executions.length,
      accepted: sum(({ editor }) => editor.accepted),
      events: timeline.events,
      requests: jobs.reduce((total, { records }) => total + records.requests.length, 0),
      reports: jobs.reduce((total, { records }) => total + records.reports.length, 0),
      ...{ rules, situations },
    };
  }

  #isForgotten(): boolean {
    const { workspace, chance } = this.#world;
    return !namesProject(workspace) || mayBeListedOtherwise(chance);
  }

  /** Until nothing is left to happen. */
  async #run(): Promise<void> {
    const { timeline } = this.#world;
    await timeline.run(
      () => this.#settled(),
      () => this.#broken !== null || timeline.events > MAX_EVENTS,
    );
    if (this.#broken !== null) throw this.#broken;
    holds('the world comes to rest', timeline.events <= MAX_EVENTS);
  }

  #settled(): void {
    const { chance, timeline } = this.#world;
    this.#world.settle();
    if (chance.count > this.#faults) this.#lastStirredAt = timeline.now;
    this.#faults = chance.count;
    this.#world.noteProject();
    for (const { checker } of this.#inhabitants) checker.settled();
    this.#operations.settled();
  }

  #guard(work: Promise<unknown>): void {
    work.catch((error) => {
      this.#broken ??= error;
    });
  }

  async #begin(): Promise<void> {
    while (!(await this.#isProjectMade()));
    const { projectGoesAfterMs } = this.#scenario;
    if (projectGoesAfterMs !== null)
      this.#world.timeline.after(projectGoesAfterMs, () => this.#guard(this.#eraseProject()));
    for (const { editor } of this.#inhabitants) {
      if (await editor.upload()) this.#guard(editor.run('respond-async'));
    }
    for (const { afterMs, job, action } of this.#scenario.actions) {
      await this.#world.timeline.sleep(afterMs);
      this.#lastStirredAt = this.#world.timeline.now;
      this.#guard(this.#act(this.#inhabitants[job] ?? this.#inhabitants[0], action));
    }
  }

  async #isProjectMade(): Promise<boolean> {
    const { projectId: id, owner } = PROJECT;
    try {
      return (
        (await this.#world.callProject('create', { id, owner, name: 'Talks', requestDigest: null })) !== null
      );
    } catch {
      await this.#world.timeline.sleep(400);
      return false;
    }
  }

  /** Its owner asks as often as anybody, and is refused as long as it has jobs. */
  async #eraseProject(): Promise<void> {
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      try {
        await this.#world.callProject('erase', {
          owner: PROJECT.owner,
          actorId: 'alice',
          correlationId: 'cor_project',
        });
        return;
      } catch (error) {
        if (!isFault(error)) throw error;
        await this.#world.timeline.sleep(400 * attempt);
      }
    }
  }

  async #act({ job, editor }: Inhabitant, action: Action): Promise<void> {
    switch (action.do) {
      case 'run':
        return editor.run(action.prefer);
      case 'retry':
        return this.#ask(action, () => editor.retry(action.request, action.prefer, action.planned));
      case 'redo':
        return this.#ask(action, () => editor.redo(action.request, action.prefer, action.planned));
      case 'export':
        return this.#ask(action, () => editor.export(action.request, action.prefer));
      case 'edit': {
        const edit = editor.prepareEdit(action);
        if (edit && action.twice === 'another') this.#guard(editor.edit(editor.prepareEdit(action) ?? edit));
        return edit ? this.#ask({ twice: action.twice === 'same' }, () => editor.edit(edit)) : undefined;
      }
      case 'cancel':
        return editor.cancel();
      case 'abandon':
        return editor.abandon();
      case 'erase':
        return editor.erase();
      case 'renew':
        return editor.renewVideo();
      case 'label':
        if (action.twice) this.#guard(editor.label(action.seen));
        return editor.label(action.seen);
      case 'claim':
        return editor.claim();
      case 'evict':
        return this.#world.evict(job);
      case 'restart':
        for (const inhabitant of this.#inhabitants) inhabitant.editor.notesKill();
        return this.#world.restart();
      case 'deploy':
        return this.#deploy(action.over);
      case 'tamper':
        return this.#world.tamper(job, action.state);
      case 'clock':
        return this.#world.setClock(action.skewMs);
      case 'pause':
        return this.#world.pauseQueue(action.ms);
      case 'slow':
        return this.#world.orchestrator.slowDown(action.ms);
      case 'bulk':
        return this.#bulk.begin(action);
      case 'bulk-pause':
        return this.#bulk.command('pause');
      case 'bulk-resume':
        return this.#bulk.command('resume');
      case 'bulk-cancel':
        return this.#bulk.command('cancel');
      case 'bulk-evict':
        return this.#bulk.evict();
      default:
        return action satisfies never;
    }
  }

  #ask({ twice }: { twice: boolean }, ask: () => Promise<void>): Promise<void> {
    if (twice) this.#guard(ask());
    return ask();
  }

  #deploy(over: Extract<Action, { do: 'deploy' }>['over']): void {
    switch (over) {
      case 'policy':
        this.#world.deployPolicy();
        break;
      case 'defaults':
        this.#world.deploy();
        break;
      default:
        this.#world.deployOver(over);
        if (over !== 'version-1') break;
        for (const { checker } of this.#inhabitants) checker.lineage.forget();
    }
  }

  /** Whether something is still to happen, and the alarm that was to see to it never came. */
  #isWaitingForAnAlarm(): boolean {
    const { project, workspace, jobs, chance, isProjectErased, keepEndedMs } = this.#world;
    return (
      (project.hasLostAlarm &&
        namesProject(workspace) === isProjectErased &&
        !mayBeListedOtherwise(chance)) ||
      this.#operations.isWaitingForAnAlarm() ||
      jobs.some(({ object }) => {
        const present = object.hasLostAlarm ? storedPresent(object) : null;
        if (present === null) return false;
        const dispatches = storedDispatches(object, present);
        const goes =
          present.job.erasure !== null || (keepEndedMs !== null && ENDED.includes(present.job.status));
        return (
          goes ||
          !RESTING.includes(present.job.status) ||
          present.job.nextRetryAt !== null ||
          dispatches.some(
            ({ state, cancelNotice }) => OPEN.includes(state) || cancelNotice?.state === 'PENDING',
          ) ||
          !(isListedAs(project, present.job) || mayBeListedOtherwise(chance))
        );
      })
    );
  }

  /** Somebody looks at each job, and at the project. */
  async #touch(): Promise<void> {
    this.#touches += 1;
    this.#lastStirredAt = this.#world.timeline.now;
    const looks = [
      this.#world.callProject('show', PROJECT.owner),
      ...[...this.#world.operations.keys()].map((id) => this.#world.callOperation(id, 'show', PROJECT.owner)),
      ...this.#world.jobs.map((job) => this.#world.call(job, 'show', PROJECT.owner)),
    ];
    for (const look of await Promise.allSettled(looks)) {
      if (look.status === 'rejected' && !isFault(look.reason)) throw look.reason;
    }
  }
}
