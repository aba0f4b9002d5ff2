// The editor of a whole simulated project: has many jobs retried at once, asks again while there is no answer, and pauses, resumes or
// cancels the operation that was begun last.
import type { BegunAnswer } from '../../src/actor/answers.ts';
import { EVERY_JOB } from '../../src/domain/job-filter.ts';
import type { OperationCommand } from '../../src/domain/operating.ts';
import { REQUESTS } from './policies.ts';
import type { Action } from './scenario.ts';
import { isFault, PROJECT, type World } from './world.ts';

/** How often a browser, a proxy or a person asks again when there was no answer. */
const ATTEMPTS = 6;
const WHO = { actorId: 'alice', actorName: 'Alice Adams' };

export class BulkEditor {
  readonly situations = new Set<string>();
  readonly #world: World;
  #begun = 0;

  constructor(world: World) {
    this.#world = world;
  }

  async begin({ most, of, request }: Extract<Action, { do: 'bulk' }>): Promise<void> {
    const { modelProfile, discardEdits } = REQUESTS[request];
    const id = `opr_${this.#begun++}`;
    const filter = of === 'all' ? EVERY_JOB : { ...EVERY_JOB, statuses: ['FAILED'] };
    const asked = {
      ...{
        id,
        ...{ ...PROJECT, ...WHO, correlationId: id },
        traceparent: 't',
        requestDigest: id,
      },
      ...{ modelProfile, discardEdits, maxInFlight: most, clientRequestId: id, expected: null },
      choice: { filter, jobIds: null, endedIn: null },
    };
    const answer = await this.#insist(() => this.#world.callProject<BegunAnswer>('retryJobs', asked));
    if (answer?.ok)
      this.situations.add(answer.replayed ? 'a bulk retry was repeated' : 'a bulk retry was begun');
  }

  async command(command: OperationCommand): Promise<void> {
    const id = `opr_${this.#begun - 1}`;
    if (!this.#world.operations.has(id)) return;
    const answer = await this.#insist(() =>
      this.#world.callOperation<{ ok: boolean }>(
        id,
        'command',
        { ...PROJECT, ...WHO, correlationId: id },
        command,
      ),
    );
    if (answer) this.situations.add(`${command}: ${answer.ok ? 'taken' : 'refused'}`);
  }

  evict(): void {
    this.#world.operations.get(`opr_${this.#begun - 1}`)?.reset();
  }

  /** Null when there never was an answer. */
  async #insist<T>(ask: () => Promise<T>): Promise<T | null> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      try {
        return await ask();
      } catch (error) {
        if (!isFault(error)) throw error;
        await this.#world.timeline.sleep(400 * attempt);
      }
    }
    return null;
  }
}
