// The editor of one simulated job: asks, asks again while there is no answer, and writes down what became of it.
import type {
  Admission,
  DispatchAnswer,
  EditAnswer,
  ErasureAnswer,
  JobAnswer,
  PlanAnswer,
  ShownAnswer,
} from '../../src/actor/answers.ts';
import type { PlanAsked } from '../../src/actor/planning.ts';
import type { StagePlan } from '../../src/domain/dispatch.ts';
import type { EditableStage } from '../../src/domain/lifecycle.ts';
import { currentVersions, type Plan, planTag } from '../../src/domain/plan.ts';
import { planWait } from '../../src/http/prefer.ts';
import * as commands from '../domain/builders.ts';
import type { AskedEdit, Call, Ending } from '../rules/case.ts';
import { holds } from '../rules/holds.ts';
import { requestOf } from '../rules/outside.ts';
import { DEFAULT_WAIT_MS } from './case.ts';
import {
  type Asked,
  BUCKET,
  EXPORTS,
  type ExportName,
  REDOS,
  REQUESTS,
  type RedoName,
  type RequestName,
  rulesOf,
} from './policies.ts';
import {
  type Asking,
  endingOfDispatch,
  endingOfEdit,
  endingOfErasure,
  endingOfJob,
  endingOfShown,
  INTERNAL_ERROR,
} from './records.ts';
import type { WantedEdit } from './scenario.ts';
import { SIZE_BYTES } from './simulated-store.ts';
import { storedPresent } from './stored.ts';
import { isFault, type JobInWorld, PROJECT, type World } from './world.ts';

export const STOPPED_ON_ITS_WAY = 'a pipeline was stopped while its delivery was under way';
export const STOPPED_AND_NEVER_REPORTED =
  'a pipeline was stopped while its delivery was under way, of which nobody heard any more';

/** How often a browser, a proxy or a person asks again when there was no answer. */
const ATTEMPTS = 6;

/** A correction that is ready to be sent, and sent again. */
export interface Edited {
  /** The request's id. */
  name: string;
  sizeBytes: number | null;
  edit: AskedEdit & { stage: EditableStage };
}

export class Editor {
  accepted = 0;
  readonly situations = new Set<string>();
  /** Where the video was said to be, the newest last. */
  readonly videoUris = [commands.confirmUpload().videoUri];
  readonly #world: World;
  readonly #job: JobInWorld;
  readonly #newDispatchId: () => string;
  /** The ids under which this editor asked. */
  readonly #mine = new Set<string>();
  /** What was named and there is no file of. */
  readonly absent: string[] = [];
  /** After how many deployments each edit was made. */
  readonly editedAt: number[] = [];
  readonly #externalId: string | null;
  #edits = 0;
  #labels = 0;
  /** The dispatch that was stopped last while it was on its way to the orchestrator. */
  #stopped: string | null = null;
  /** Where it is for all that this editor was told. */
  #videoUri = commands.confirmUpload().videoUri;

  constructor(
    world: World,
    job: JobInWorld,
    { newDispatchId, externalId }: { newDispatchId: () => string; externalId: string | null },
  ) {
    this.#world = world;
    this.#job = job;
    this.#newDispatchId = newDispatchId;
    this.#externalId = externalId;
  }

  /** Until the video is there: an upload that never gets through leaves nothing to simulate. False where the project is gone. */
  async upload(): Promise<boolean> {
    for (
      let created: 'created' | 'gone' | null = null;
      created !== 'created';
      created = await this.#create()
    ) {
      if (created === 'gone') return false;
    }
    while ((await this.#ask('confirmUpload', 'confirm', commands.confirmUpload())) === null);
    return true;
  }

  /** The project admits it, and it is created: both again where either is not answered, which is null. */
  async #create(): Promise<'created' | 'gone' | null> {
    const { id } = this.#job;
    const externalId = this.#externalId;
    const admission = await this.#admit(id);
    if (admission === null) return null;
    const mayBeGone = this.#world.mayProjectGo && !admission.ok;
    holds('a job’s own creation is admitted, however often it is tried', admission.ok || mayBeGone);
    if (!admission.ok) return 'gone';
    const origin = { id, ...PROJECT, ownerIdentity: null, requestDigest: null, externalId };
    const call = { operation: 'create' as const, request: null, prefer: null };
    const ending = await this.#insist<JobAnswer>(
      'create',
      call,
      () => [origin, admission.at],
      endingOfJob,
      1,
    );
    return ending && 'created';
  }

  /** Another job is to have the external id of this one, which is there. */
  async claim(): Promise<void> {
    if (this.#externalId === null) return;
    const admission = await this.#admit('job_claimant');
    if (admission === null) return;
    // That of one that has gone is free.
    const isHad = storedPresent(this.#job.object)?.job.erasure === null;
    if (!isHad) return;
    holds('an external id that a job has is given to no other', !admission.ok);
    this.situations.add('an external id was asked for that a job has');
  }

  async #admit(jobId: string): Promise<Admission | null> {
    const asked = { jobId, externalId: this.#externalId };
    try {
      return await this.#world.callProject<Admission>('admit', PROJECT.owner, asked);
    } catch (error) {
      if (!isFault(error)) throw error;
      await this.#world.timeline.sleep(400);
      return null;
    }
  }

  /** Adds an entry of its own to the metadata; `seen`: if the job is still what it is shown as. */
  async label(seen: boolean): Promise<void> {
    const name = `n${this.#labels++}`;
    const shown = seen ? await this.#shown() : null;
    const { etag: _actors, ...asked } = commands.changeLabels({
      changes: { metadata: { [name]: 'x' } },
      ifMatch: shown && [shown.etag.slice(1, -1)],
    });
    const call = { operation: 'label' as const, request: requestOf('label', name), prefer: null };
    const ending = await this.#insist<ShownAnswer>('changeLabels', call, () => [asked], endingOfShown);
    if (ending?.kind === 'refused' && ending.status === 412)
      this.situations.add('a change of labels was refused, the job being another');
    if (ending?.kind === 'done' && shown) this.situations.add('labels of a job that was seen were changed');
  }

  async #shown(): Promise<{ etag: string } | null> {
    try {
      const answer = await this.#world.call<ShownAnswer>(this.#job, 'show', PROJECT.owner);
      return answer.ok ? answer : null;
    } catch (error) {
      if (!isFault(error)) throw error;
      return null;
    }
  }

  async cancel(): Promise<void> {
    const { deliveryMayHaveStarted: _actors, ...command } = commands.cancel();
    await this.#stop('cancel', command);
  }

  async abandon(): Promise<void> {
    const { deliveryMayHaveStarted: _actors, ...command } = commands.abandon();
    await this.#stop('abandon', command);
  }

  async #stop(operation: 'cancel' | 'abandon', command: object): Promise<void> {
    const open = storedPresent(this.#job.object)?.job.openDispatchId ?? null;
    const isDelivering = this.#job.records.isDelivering(open);
    const ending = await this.#ask(operation, operation, command);
    if (!isDelivering || ending?.kind !== 'done') return;
    this.situations.add(STOPPED_ON_ITS_WAY);
    this.#stopped = open;
  }

  /** Before the runtime is killed, and all that is under way with it. */
  notesKill(): void {
    const hasBegun = this.#world.orchestrator.executions.some(
      ({ dispatchId }) => dispatchId === this.#stopped,
    );
    if (hasBegun && this.#job.records.isDelivering(this.#stopped))
      this.situations.add(STOPPED_AND_NEVER_REPORTED);
  }

  async erase(): Promise<void> {
    const call = { operation: 'erase' as const, request: null, prefer: null };
    await this.#insist<ErasureAnswer>('erase', call, () => [commands.erase()], endingOfErasure);
  }

  async renewVideo(): Promise<void> {
    const videoUri = `s3://media/talk-${this.videoUris.length}.mp4`;
    this.videoUris.push(videoUri);
    const command = commands.renewVideo({ videoUri, replaces: this.#videoUri });
    const ending = await this.#ask('renewVideo', 'renew', command);
    if (ending?.kind === 'done') this.#videoUri = videoUri;
  }

  async run(prefer: string): Promise<void> {
    const command = (id: string, windowMs: number | null) => commands.run(id, { windowMs });
    await this.#dispatch({ operation: 'run', request: 'run', prefer }, command);
  }

  /** `planned`: looks at the plan before, and wants that done or nothing. */
  retry(request: RequestName, prefer: string, planned: boolean): Promise<void> {
    return this.#resume('retry', request, { asked: REQUESTS[request], prefer, planned });
  }

  redo(request: RedoName, prefer: string, planned: boolean): Promise<void> {
    return this.#resume('redo', request, { asked: REDOS[request], prefer, planned });
  }

  async export(name: ExportName, prefer: string): Promise<void> {
    const { task, discardEdits } = EXPORTS[name];
    const call = {
      ...{ operation: 'export' as const, request: requestOf('export', name), prefer },
      exports: { formats: task.formats, params: task.params },
    };
    await this.#dispatch(call, (id, windowMs) => {
      const { type: _run, modelProfile: _default, ...asked } = commands.run(id, { windowMs });
      return { ...asked, type: 'export', clientRequestId: name, discardEdits, task };
    });
  }

  /** What is corrected, as the job is now; null while there is nothing of that stage. */
  prepareEdit({ stage, of, where }: WantedEdit): Edited | null {
    const job = storedPresent(this.#job.object)?.job;
    const ofStage = job?.versions.filter((version) => version.stage === stage) ?? [];
    const newest = ofStage.at(-1)?.version;
    if (job === undefined || newest === undefined) return null;
    const shown = currentVersions(job, rulesOf(this.#world))[stage]?.version ?? newest;
    const name = `edit-${this.#edits++}`;
    const ref =
      where === 'as-before'
        ? (ofStage[0]?.ref ?? '')
        : `${where === 'elsewhere' ? 's3' : 'r2'}://${BUCKET}/edits/${this.#job.id}/${name}`;
    if (where === 'stored') this.#world.store.put(ref.slice(`r2://${BUCKET}/`.length));
    if (where === 'nowhere') this.#world.store.set(ref, 'gone');
    if (where === 'nowhere' || where === 'other-size') this.absent.push(ref);
    const edits = { newest, shown, stale: newest - 1 }[of];
    const sizeBytes = where === 'other-size' ? SIZE_BYTES + 1 : null;
    const actor = name.endsWith('1') ? 'bob' : 'alice';
    return { name, sizeBytes, edit: { stage, ref, edits, actor } };
  }

  async edit({ name, sizeBytes, edit }: Edited): Promise<void> {
    const { ref: uri, edits, stage, actor: actorId } = edit;
    const { type: _renewal, videoUri: _uri, replaces: _other, ...editor } = commands.renewVideo({ actorId });
    const asked = {
      ...{ ...editor, type: 'edit-artifact', clientRequestId: name, stage, uri, edits },
      ...{ payloadDigest: `${stage} ${uri} ${edits}`, digest: null, sizeBytes },
    };
    const call = { operation: 'edit' as const, request: requestOf('edit', name), prefer: null, edit };
    const ending = await this.#insist<EditAnswer>('edit', call, () => [asked], endingOfEdit);
    if (ending?.kind === 'done') this.editedAt.push(this.#world.deployments);
  }

  async #resume(
    type: 'retry' | 'redo',
    name: string,
    { asked, prefer, planned }: { asked: Asked; prefer: string; planned: boolean },
  ): Promise<void> {
    const plan = planned ? await this.#plan({ kind: type, ...asked }) : null;
    const ifMatch = plan && [planTag(plan)];
    const command = (id: string, windowMs: number | null) => {
      const { evidence: _unproven, ...made } = commands.retry(id, {
        ...{ windowMs, clientRequestId: name, ifMatch },
        ...asked,
      });
      return { ...made, type };
    };
    const call = { operation: type, request: requestOf(type, name), prefer };
    const answer = await this.#dispatch(call, command);
    if (!answer || !plan) return;
    if (!answer.ok && answer.rejection.code === 'PLAN_CHANGED') this.situations.add('a plan had changed');
    // A repeat is answered with what was accepted before, under whatever plan.
    if (!answer.ok || answer.replayed || !this.#mine.has(answer.dispatch.id)) return;
    const done = answer.dispatch.plan?.stages ?? [];
    holds('what was agreed to is what is done', whatIsDone(done) === whatIsDone(plan.stages));
    this.situations.add('a plan was agreed to and done');
  }

  async #plan(asked: PlanAsked): Promise<Plan | null> {
    try {
      const answer = await this.#world.call<PlanAnswer>(this.#job, 'plan', PROJECT.owner, asked);
      return answer.ok ? answer.plan : null;
    } catch (error) {
      if (!isFault(error)) throw error;
      return null;
    }
  }

  /** The last answer; null when there never was one. */
  async #dispatch(
    call: Asking,
    command: (id: string, windowMs: number | null) => object,
  ): Promise<DispatchAnswer | null> {
    const { waitMs, windowMs } = planWait(call.prefer ?? '', DEFAULT_WAIT_MS);
    let last: DispatchAnswer | null = null;
    // Each request is made anew, under an id that only the first of them is known by.
    const made = () => {
      const id = this.#newDispatchId();
      this.#mine.add(id);
      return [command(id, windowMs), waitMs];
    };
    const ending = await this.#insist<DispatchAnswer>('dispatch', call, made, (answer) => {
      last = answer;
      return endingOfDispatch(answer);
    });
    if (ending?.kind === 'done') this.accepted += 1;
    return last;
  }

  #ask(method: string, operation: Call['operation'], ...args: unknown[]): Promise<Ending | null> {
    const call = { operation, request: null, prefer: null };
    return this.#insist<JobAnswer>(method, call, () => args, endingOfJob);
  }

  /** Answers null when there never was an answer. */
  async #insist<T>(
    method: string,
    call: Asking,
    request: () => unknown[],
    endingOf: (answer: T) => Ending,
    attempts = ATTEMPTS,
  ): Promise<Ending | null> {
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const ended = this.#job.records.asks(call);
      try {
        const ending = endingOf(await this.#world.call<T>(this.#job, method, ...request()));
        ended(ending);
        return ending;
      } catch (error) {
        ended(isFault(error) ? { kind: 'unanswered', metFault: true } : INTERNAL_ERROR);
        await this.#world.timeline.sleep(400 * attempt);
      }
    }
    return null;
  }
}

/** What of each stage's plan an editor agrees to. */
const whatIsDone = (stages: readonly StagePlan[]): string =>
  stages
    .map((plan) => [plan.stage, plan.action, plan.action === 'keep' ? plan.version : plan.engine].join(' '))
    .join(', ');
