// The editor of one simulated job: asks, asks again while there is no answer, and writes down what became of it.
import type { DispatchAnswer, JobAnswer } from '../../src/actor/answers.ts';
import { planWait } from '../../src/http/prefer.ts';
import * as commands from '../domain/builders.ts';
import type { Call, Ending } from '../rules/case.ts';
import { DEFAULT_WAIT_MS } from './case.ts';
import { endingOfDispatch, endingOfJob, INTERNAL_ERROR } from './records.ts';
import { isFault, type JobInWorld, PROJECT, type World } from './world.ts';

/** How often a browser, a proxy or a person asks again when there was no answer. */
const ATTEMPTS = 6;

export class Editor {
  accepted = 0;
  /** Where the video was said to be, the newest last. */
  readonly videoUris = [commands.confirmUpload().videoUri];
  readonly #world: World;
  readonly #job: JobInWorld;
  readonly #newDispatchId: () => string;
  /** Where it is for all that this editor was told. */
  #videoUri = commands.confirmUpload().videoUri;

  constructor(world: World, job: JobInWorld, newDispatchId: () => string) {
    this.#world = world;
    this.#job = job;
    this.#newDispatchId = newDispatchId;
  }

  /** Until the video is there: an upload that never gets through leaves nothing to simulate. */
  async upload(): Promise<void> {
    while (
      (await this.#ask('create', 'create', {
        id: this.#job.id,
        ...PROJECT,
        ownerIdentity: null,
        requestDigest: null,
      })) === null
    );
    while ((await this.#ask('confirmUpload', 'confirm', commands.confirmUpload())) === null);
  }

  async cancel(): Promise<void> {
    const { deliveryMayHaveStarted: _actors, ...command } = commands.cancel();
    await this.#ask('cancel', 'cancel', command);
  }

  async abandon(): Promise<void> {
    const { deliveryMayHaveStarted: _actors, ...command } = commands.abandon();
    await this.#ask('abandon', 'abandon', command);
  }

  async renewVideo(): Promise<void> {
    const videoUri = `s3://media/talk-${this.videoUris.length}.mp4`;
    this.videoUris.push(videoUri);
    const command = commands.renewVideo({ videoUri, replaces: this.#videoUri });
    const ending = await this.#ask('renewVideo', 'renew', command);
    if (ending?.kind === 'done') this.#videoUri = videoUri;
  }

  async dispatch(kind: 'run' | 'retry', request: string, prefer: string): Promise<void> {
    const { waitMs, windowMs } = planWait(prefer, DEFAULT_WAIT_MS);
    // Each request is made anew, under an id that only the first of them is known by.
    const command = () => {
      const id = this.#newDispatchId();
      return kind === 'run'
        ? commands.run(id, { windowMs })
        : commands.retry(id, { windowMs, clientRequestId: request });
    };
    const ending = await this.#insist<DispatchAnswer>(
      'dispatch',
      { operation: kind, request: kind === 'run' ? 'run' : request, prefer },
      () => [command(), waitMs],
      endingOfDispatch,
    );
    if (ending?.kind === 'done') this.accepted += 1;
  }

  #ask(method: string, operation: Call['operation'], ...args: unknown[]): Promise<Ending | null> {
    const call = { operation, request: null, prefer: null };
    return this.#insist<JobAnswer>(method, call, () => args, endingOfJob);
  }

  /** Answers null when there never was an answer. */
  async #insist<T>(
    method: string,
    call: Pick<Call, 'operation' | 'request' | 'prefer'>,
    request: () => unknown[],
    endingOf: (answer: T) => Ending,
  ): Promise<Ending | null> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
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
