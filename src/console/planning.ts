// What is chosen in the dialogue of a retry or redo, which stands in the address, and the plan for it.
import { batch, computed, type Signal, signal } from '@preact/signals';
import type { OfferedPlan, Plan, Refusal, ResumeStatus } from './api.ts';
import { askPlan, type Choices, type PlanKind } from './plans.ts';
import { go, path, query, to } from './router.ts';
import { RESUME_POINTS, type Stage } from './words.ts';

type Text = 'transcript' | 'draft';

/** The plan for what is chosen now, and the one that it has taken the place of. */
export class Planning {
  readonly plan: Signal<OfferedPlan | null> = signal(null);
  readonly refusal: Signal<Refusal | null> = signal(null);
  /** When the plan is from. */
  readonly at: Signal<number> = signal(0);
  /** As it was shown before it changed by itself. */
  readonly before: Signal<{ plan: Plan; at: number } | null> = signal(null);
  /** As far as it could start, whatever is chosen. */
  readonly furthest: Signal<ResumeStatus | null> = signal(null);
  /** All stages with a correction in question, chosen or not. */
  readonly corrected: Signal<ReadonlySet<Text>> = signal(new Set());
  #asking = new AbortController();
  readonly #kind: PlanKind;
  readonly #jobId: string;

  constructor(kind: PlanKind, jobId: string) {
    this.#kind = kind;
    this.#jobId = jobId;
  }

  /** No plan is shown for a choice that it does not belong to. */
  async load(choices: Choices): Promise<void> {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    batch(() => {
      this.plan.value = null;
      this.refusal.value = null;
      this.before.value = null;
    });
    const [answer, unbound] = await Promise.all([
      askPlan(this.#kind, this.#jobId, choices, signal),
      choices.from === null ? null : askPlan(this.#kind, this.#jobId, { ...choices, from: null }, signal),
    ]);
    if (signal.aborted) return;
    batch(() => {
      if (!answer.ok) {
        this.refusal.value = answer.refusal;
        return;
      }
      this.#show(answer.data);
      const free = unbound === null ? answer.data : unbound.ok ? unbound.data : null;
      this.furthest.value = free?.resume?.status ?? null;
    });
  }

  /** What a 412 brings has neither prices nor the menu of profiles: those of before are kept. */
  changedTo(plan: Plan): void {
    const before = this.plan.value;
    if (before === null) return;
    batch(() => {
      this.before.value = { plan: before, at: this.at.value };
      this.#show({ ...before, ...plan });
      if (choices.peek().from === null) this.furthest.value = plan.resume?.status ?? null;
    });
  }

  #show(plan: OfferedPlan): void {
    this.plan.value = plan;
    this.at.value = Date.now();
    const inTheWay = (plan.refusal?.details.edits ?? []) as { stage: Stage }[];
    const stages = [...plan.edits_kept, ...plan.edits_discarded, ...inTheWay].map(({ stage }) => stage);
    const texts = stages.filter((stage): stage is Text => stage !== 'audio');
    this.corrected.value = new Set([...this.corrected.value, ...texts]);
  }

  dispose(): void {
    this.#asking.abort();
  }
}

export const isResumePoint = (value: string | null): value is ResumeStatus =>
  value !== null && value in RESUME_POINTS;

/** What is chosen stands in the address. */
export const choices = computed((): Choices => {
  const from = query.value.get('from');
  const discard = (query.value.get('discard') ?? '').split(',');
  return {
    profile: query.value.get('profile'),
    from: isResumePoint(from) ? from : null,
    discard: (['transcript', 'draft'] as const).filter((stage) => discard.includes(stage)),
  };
});

export function choose(change: Partial<Choices>): void {
  const { profile, from, discard } = { ...choices.value, ...change };
  go(to(path.value, { profile, from, discard: discard.join(',') }), { replace: true });
}
