// When the model's job is retried by itself: written from spec/automatic-retry.md rather than from the code. It shares types with
// src/, no rule.
import type { WordedPolicy } from './policies.ts';

/** The attempt that failed, of which the next would be another. */
interface Failed {
  profile: string;
  /** What kind of failure it was. */
  kind: string;
  correlation: string;
}

export class ModelAutomatic {
  /** When the job is to be retried; what is open then comes first. */
  due: number | null = null;
  last: Failed | null = null;
  /** How many of its own the orchestrator has had since one of an editor's, and how many in a row it has not had since. */
  had = 0;
  missed = 0;

  failed(failed: Failed, retryAt: number | null, policy: WordedPolicy, now: number): void {
    this.due = null;
    if (this.isOver(failed.kind, policy)) return;
    this.last = failed;
    this.missed = 0;
    const earliest = now + pauseAfter(this.had, policy);
    this.due = retryAt !== null && retryAt > earliest ? retryAt : earliest;
  }

  /** The orchestrator has a dispatch. */
  arrived(isOwn: boolean): void {
    this.due = null;
    if (isOwn) this.had += 1;
    else [this.had, this.last] = [0, null];
    this.missed = 0;
  }

  /** It has not, and will not. */
  withdrawn(
    isOwn: boolean,
    { forGood, asked }: { forGood: boolean; asked: number | null },
    policy: WordedPolicy,
    now: number,
  ): void {
    if (!isOwn) return;
    if (forGood) {
      this.due = null;
      return;
    }
    this.missed += 1;
    this.due = now + pauseAfter(this.had + this.missed, policy);
    if (asked !== null && asked > this.due) this.due = Math.min(asked, now + 604_800_000);
  }

  /** Whether there may be no more of them after such a failure. */
  isOver(kind: string, { auto }: WordedPolicy): boolean {
    return !auto.classes.some((known) => known === kind) || this.had >= auto.most;
  }

  callOff(): void {
    this.due = null;
  }
}

function pauseAfter(times: number, { auto: { first, factor, longest } }: WordedPolicy): number {
  let pause = first;
  for (let time = 0; time < times && pause < longest; time += 1) pause *= factor;
  return Math.min(pause, longest);
}
