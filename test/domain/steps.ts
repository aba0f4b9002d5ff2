// The steps of a random history: what is asked of a job and reported to it, mostly what is worth trying where it stands.
import fc from 'fast-check';
import type { Command } from '../../src/domain/commands.ts';
import {
  abandon,
  cancel,
  changeLabels,
  confirmUpload,
  deadline,
  renewVideo,
  retryDue,
  run,
} from './builders.ts';
import {
  correcting,
  exporting,
  look,
  lookOf,
  owner,
  profile,
  repeating,
  resuming,
  windowMs,
} from './editors.ts';
import { findings, type Look } from './looks.ts';
import type { ModelJob } from './model.ts';
import { POLICIES, type WordedPolicy } from './policies.ts';
import { age, nameOf, report } from './reported.ts';

/**
 * A command; or an editor looks at a plan; or another version of the service is deployed, with another policy, or keeps jobs for
 * another time; or the pipeline of which the latest report came has reported as much as is kept.
 */
export type Act =
  | Command
  | Look
  | { type: 'deploy'; policy: WordedPolicy }
  | { type: 'keep'; endedMs: number }
  | { type: 'chatter' };
/** The tag that an editor who looks now is shown. */
export type See = (look: Look) => string;
/** A step knows the job only through the model, from which it picks what is worth trying. */
export type Make = (model: ModelJob, index: number, now: number, see: See) => Act;
export interface Step {
  /** Negative when the clock steps back. */
  waitMs: number;
  make: Make;
}

const delivery = fc
  .record({
    back: age,
    deliveryMayHaveStarted: fc.constantFrom(false, false, false, true),
    message: fc.constantFrom('dispatch' as const, 'dispatch' as const, 'cancel' as const),
    outcome: fc.constantFrom(
      { kind: 'delivered' as const, executionId: 'x1' },
      { kind: 'delivered' as const, executionId: null },
      { kind: 'delivered' as const, executionId: 'x2' },
      { kind: 'refused' as const, error: 'no' },
      { kind: 'unreachable' as const, error: 'later', retryAfterMs: null },
      { kind: 'unreachable' as const, error: 'much later', retryAfterMs: 90_000 },
      { kind: 'unknown' as const, error: 'silence', retryAfterMs: 5_000 },
      { kind: 'dead-lettered' as const },
    ),
  })
  .map(
    ({ back, ...c }): Make =>
      (model) => ({ type: 'report-delivery', dispatchId: nameOf(model, back), ...c }),
  );

const policy = fc.constantFrom(...POLICIES);

/** As many entries as there is room for: one of another name is too many. */
const full = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`a${n}`, 'x']));
const metadata = fc.dictionary(fc.constantFrom('a1', 'b1', 'c'), fc.option(fc.constantFrom('x', 'y')), {
  noNullPrototype: true,
});
const labelling: fc.Arbitrary<Make> = fc
  .record({
    changes: fc.record(
      {
        metadata: fc.oneof(
          { weight: 4, arbitrary: metadata },
          { weight: 1, arbitrary: fc.constant(full) },
          fc.constant(null),
        ),
        tags: fc.option(fc.uniqueArray(fc.constantFrom('x', 'y', 'z'))),
      },
      { requiredKeys: [] },
    ),
    ifMatch: fc.constantFrom(null, null, ['now'], ['before', 'now'], ['before']),
    owner,
  })
  .map(
    (c): Make =>
      () =>
        changeLabels({ etag: 'now', ...c }),
  );

export const make: fc.Arbitrary<Make> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ videoUri: fc.constantFrom('s3://v', 's3://v', 's3://other'), owner }).map(
      (c): Make =>
        () =>
          confirmUpload(c),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({ modelProfile: fc.option(profile), owner, windowMs }).map(
      (c): Make =>
        (_model, index) =>
          run(`dsp_${index}`, c),
    ),
  },
  { weight: 4, arbitrary: resuming },
  { weight: 2, arbitrary: exporting },
  { weight: 1, arbitrary: repeating },
  { weight: 3, arbitrary: correcting },
  {
    weight: 1,
    arbitrary: look.map(
      (looking): Make =>
        (model) =>
          lookOf(looking, model),
    ),
  },
  {
    weight: 1,
    arbitrary: policy.map(
      (next): Make =>
        () => ({ type: 'deploy', policy: next }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ owner, deliveryMayHaveStarted: fc.boolean(), really: fc.constantFrom(false, false, true) })
      // A cancelled job has little left to live through.
      .map(
        ({ really, ...c }): Make =>
          (_model, index) =>
            really || index > 25 ? cancel(c) : deadline(c),
      ),
  },
  { weight: 2, arbitrary: labelling },
  { weight: 12, arbitrary: report },
  { weight: 6, arbitrary: delivery },
  {
    weight: 2,
    arbitrary: fc.boolean().map(
      (deliveryMayHaveStarted): Make =>
        () =>
          deadline({ deliveryMayHaveStarted }),
    ),
  },
  {
    weight: 2,
    arbitrary: findings.map(
      (store): Make =>
        (model, index) =>
          retryDue(`dsp_${index}`, { evidence: store(model) }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ owner, deliveryMayHaveStarted: fc.boolean() }).map(
      (c): Make =>
        () =>
          abandon(c),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        videoUri: fc.constantFrom('s3://v', 's3://v2', 's3://v3'),
        replaces: fc.constantFrom('s3://v', 's3://v2'),
        owner,
      })
      .map(
        (c): Make =>
          () =>
            renewVideo(c),
      ),
  },
);
