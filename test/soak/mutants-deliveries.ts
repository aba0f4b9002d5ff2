// Planted bugs of how a dispatch or a cancel gets to the orchestrator: claims, messages, pauses, and those who wait for the
// outcome.
import type { Mutant } from './mutants-suites.ts';

export const MUTANTS_OF_DELIVERIES: readonly Mutant[] = [
  {
    bug: 'the claim does not ask whether the dispatch is still wanted',
    from: `state === 'PENDING' ? deliverUntil : null`,
    to: 'deliverUntil',
    suite: 'consumer',
  },
  {
    bug: 'two copies of a message are delivered side by side',
    within: 'claim',
    from: 'held.claim !== claim',
    to: 'false',
    suite: 'consumer',
  },
  {
    bug: 'cancel does not tell a pipeline whose delivery was under way',
    from: '!known?.wasMadeHere || known.messages.dispatch.claims.size > 0 ||',
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'an unknown outcome counts as delivered',
    within: 'reportDelivery',
    from: 'command, rules',
    to: `command.outcome.kind === 'unknown' ? { ...command, outcome: { kind: 'delivered', executionId: null } } : $&`,
    suite: 'simulation',
  },
  {
    bug: 'what the queue lost is not sent again',
    from: 'await send(undelivered);',
    to: '',
    suite: 'deadlines',
  },
  {
    bug: 'a withdrawn dispatch stays the open one',
    within: 'withdraw',
    from: 'openDispatchId: null',
    to: '',
    suite: 'model',
  },
  {
    bug: 'a lost memory under a request is a 500',
    from: '|| durableObjectReset',
    to: '',
    suite: 'histories',
  },
  {
    bug: 'a late ghost is not told to stop',
    within: 'mayBeGhost',
    from: `state === 'UNDELIVERABLE' ||`,
    to: '',
    suite: 'model',
  },
  {
    bug: 'a caller waits longer than the wait',
    within: 'outcomeOf',
    from: '}, waitMs',
    to: '$& + 5_000',
    suite: 'simulation',
  },
  {
    bug: 'a silent pipeline is not told to stop',
    from: `tellToStop(move(silent, 'TIMED_OUT', now), rules, now)`,
    to: `move(silent, 'TIMED_OUT', now)`,
    suite: 'model',
  },
  {
    bug: 'a pipeline that may have been taken before its dispatch was withdrawn is not told to stop',
    from: 'mayBeTaken ? tellToStop(moved, rules, now) : moved',
    to: 'moved',
    suite: 'model',
  },
  {
    bug: 'a settled pipeline is not told of a cancel',
    from: 'open ?? settled',
    to: 'open',
    suite: 'model',
  },
  {
    bug: 'a dead letter ends a delivery that has time left',
    from: 'updated(job, { ...subject, lastError, updatedAt: now })',
    to: 'withdraw(job, { ...subject, lastError }, false, rules, now)',
    suite: 'model',
  },
  {
    bug: 'a call that hangs is waited for without limit',
    from: 'Promise.race([call, over])',
    to: '(over.catch(() => {}), call)',
    suite: 'simulation',
  },
  {
    bug: 'of those who wait for one dispatch only the first is woken',
    within: 'wake',
    from: 'of this.#waiting.get(dispatchId) ?? []',
    to: 'of [...(this.#waiting.get(dispatchId) ?? [])].slice(0, 1)',
    suite: 'simulation',
  },
  {
    bug: 'a claim that nobody reported is forgotten once another is reported',
    within: 'release',
    from: `carried.claims.set(claim, 'reported')`,
    to: `carried.claims = new Map([[claim, 'reported']])`,
    suite: 'leases',
  },
  {
    bug: 'a claim that is held is forgotten for the many that were made since',
    from: 'if (!isCarried) this.#known.delete(oldest);',
    to: 'this.#known.delete(oldest);',
    suite: 'leases',
  },
  {
    bug: 'the queue waits until its messages are delivered',
    from: 'ctx.waitUntil(carry(parsed.data, claim, env).finally(() => taken.giveBack()))',
    to: 'await carry(parsed.data, claim, env).finally(() => taken.giveBack())',
    suite: 'simulation',
  },
  {
    bug: 'a retry is sent without what is kept',
    within: 'workOf',
    from: 'delivery.stages.flatMap',
    to: 'delivery.stages.slice(0, 0).flatMap',
    suite: 'delivery',
  },
];
