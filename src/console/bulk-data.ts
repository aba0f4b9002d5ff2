// What a retry of many jobs would do: the profiles that there are, and a dry run, page by page.
import { batch, type Signal, signal } from '@preact/signals';
import { ask, type OfferedPlan, type Refusal, type Schemas } from './api.ts';
import { type Choice, toBulkFilter, toQuery } from './filter.ts';
import { askPlan } from './plans.ts';

/** So many jobs are asked at a time. */
const PAGE = 100;

export type BulkBody = Schemas['RetryJobsRequest'];
export type PlannedJob = Schemas['PlannedJob'];

export interface DryRun {
  /** How many match in all. */
  found: number;
  /** Those that were looked at. */
  jobs: readonly PlannedJob[];
  next: string | null;
  at: number;
}

export interface BulkChoices {
  choice: Choice;
  /** Null for the installation's own. */
  profile: string | null;
  isRedoingCorrected: boolean;
  inFlight: number;
}

export class BulkData {
  readonly profiles: Signal<OfferedPlan['profiles']> = signal([]);
  readonly profile: Signal<string | null> = signal(null);
  readonly run: Signal<DryRun | null> = signal(null);
  readonly refusal: Signal<Refusal | null> = signal(null);
  readonly isLoadingMore = signal(false);
  /** How many there were before they changed by themselves, and when. */
  readonly before: Signal<{ found: number; at: number } | null> = signal(null);
  readonly #projectId: string;
  #asking = new AbortController();

  constructor(projectId: string) {
    this.#projectId = projectId;
  }

  dispose(): void {
    this.#asking.abort();
  }

  /** No dry run is shown for a choice that it does not belong to. */
  async load(choices: BulkChoices, before: DryRun | null = null): Promise<void> {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    batch(() => {
      this.run.value = null;
      this.refusal.value = null;
      this.before.value = before && { found: before.found, at: before.at };
    });
    const offered = await this.#offered(choices, signal);
    if (signal.aborted) return;
    this.profile.value = offered?.profile ?? null;
    if (offered === null) return;
    if (offered.profile === null) {
      this.run.value = { found: 0, jobs: [], next: null, at: Date.now() };
      return;
    }
    await this.#look(choices, offered.profile, null);
  }

  async more(choices: BulkChoices): Promise<void> {
    const { run, profile } = { run: this.run.peek(), profile: this.profile.peek() };
    if (run === null || run.next === null || profile === null || this.isLoadingMore.peek()) return;
    this.isLoadingMore.value = true;
    await this.#look(choices, profile, run);
    this.isLoadingMore.value = false;
  }

  /** As it is sent: for the number of jobs that was shown. */
  body(choices: BulkChoices, clientRequestId?: string): BulkBody | null {
    const filter = toBulkFilter(choices.choice);
    const profile = this.profile.peek();
    const run = this.run.peek();
    if (filter === null || profile === null || run === null) return null;
    return {
      ...asked(choices, profile, filter),
      expected: run.found,
      ...(clientRequestId === undefined ? {} : { client_request_id: clientRequestId }),
    };
  }

  async #look(choices: BulkChoices, profile: string, before: DryRun | null): Promise<void> {
    const { signal } = this.#asking;
    const filter = toBulkFilter(choices.choice);
    if (filter === null) return;
    const body: BulkBody = {
      ...asked(choices, profile, filter),
      dry_run: true,
      limit: PAGE,
      cursor: before?.next ?? null,
    };
    const answer = await ask(
      (client, signal) =>
        client.POST('/projects/{projectId}/retries', {
          params: { path: { projectId: this.#projectId } },
          body,
          signal,
        }),
      signal,
    );
    if (signal.aborted) return;
    if (!answer.ok) {
      this.refusal.value = answer.refusal;
      return;
    }
    const { found, items, next_cursor } = answer.data as Schemas['BulkDryRun'];
    this.run.value = {
      found,
      jobs: [...(before?.jobs ?? []), ...items],
      next: next_cursor,
      at: before?.at ?? Date.now(),
    };
  }

  /** As the first of the jobs is offered them; no profile where there is no job. Null where that could not be asked. */
  async #offered({ choice, profile }: BulkChoices, signal: AbortSignal) {
    if (this.profiles.peek().length > 0 && profile !== null) return { profile };
    const first = await this.#first(choice, signal);
    if (!first.ok) return this.#refused(first.refusal);
    if (first.data === null) return { profile: null };
    const choices = { profile: null, from: null, discard: [] };
    const plan = await askPlan('retry', first.data, choices, signal);
    if (!plan.ok) return this.#refused(plan.refusal);
    this.profiles.value = plan.data.profiles;
    return { profile: profile ?? plan.data.model_profile };
  }

  #refused(refusal: Refusal): null {
    if (refusal.code !== 'LEFT') this.refusal.value = refusal;
    return null;
  }

  async #first(choice: Choice, signal: AbortSignal) {
    if (toBulkFilter(choice) === null) return { ok: true as const, data: null };
    if (choice.jobs.length > 0) return { ok: true as const, data: choice.jobs[0] ?? null };
    const { operation, outcome } = choice;
    const answer =
      operation !== null && outcome !== null
        ? await ask(
            (client, signal) =>
              client.GET('/operations/{operationId}/items', {
                params: { path: { operationId: operation }, query: { outcome, limit: 1 } },
                signal,
              }),
            signal,
          )
        : await ask(
            (client, signal) =>
              client.GET('/projects/{projectId}/jobs', {
                params: { path: { projectId: this.#projectId }, query: { ...toQuery(choice), limit: 1 } },
                signal,
              }),
            signal,
          );
    if (!answer.ok) return answer;
    const [item] = answer.data.items;
    const id = item === undefined ? null : 'job_id' in item ? item.job_id : item.id;
    return { ok: true as const, data: id };
  }
}

const asked = (
  { isRedoingCorrected, inFlight }: BulkChoices,
  profile: string,
  filter: BulkBody['filter'],
): BulkBody => ({
  model_profile: profile,
  filter,
  max_in_flight: inFlight,
  ...(isRedoingCorrected ? { discard_edits: ['transcript', 'draft'] } : {}),
});
