// What pipelines of the histories report: mostly what may follow, with artifacts in places of their own or in others', early or
// late, and now and then more than a job has room for.
import fc from 'fast-check';
import { REPORTABLE_STATUSES, type ReportableStatus } from '../../src/domain/lifecycle.ts';
import { callback, NO_ARTIFACTS } from './builders.ts';
import type { ModelJob } from './model.ts';
import type { Make } from './steps.ts';

/** Mostly the newest dispatch, sometimes an older one, sometimes one that never was. */
export const age = fc.constantFrom(1, 1, 1, 1, 2, 3, 99);
export const nameOf = (model: ModelJob, back: number): string => model.dispatches.at(-back)?.id ?? 'dsp_none';
/** Mostly one that may follow, and mostly not the end: so histories get somewhere. */
export const statusOf = (
  model: ModelJob,
  n: number,
  walk: 'on' | 'any next' | 'anywhere',
): ReportableStatus => {
  const all: readonly string[] = REPORTABLE_STATUSES;
  const next = model.nextStatuses().filter((status) => all.includes(status));
  const on = next.filter((status) => status !== 'FAILED');
  const from = walk === 'anywhere' ? all : walk === 'any next' || on.length === 0 ? next : on;
  return (from[n % from.length] ?? all[n % all.length]) as ReportableStatus;
};

export const FIELDS = { audio: 'audioUri', transcript: 'transcriptUri', draft: 'draftUri' } as const;
type Named = keyof typeof FIELDS;
export const REACHED: Readonly<Record<string, Named>> = {
  AUDIO_READY: 'audio',
  TRANSCRIPT_READY: 'transcript',
  DRAFT_READY: 'draft',
};
/** What a pipeline reports next that makes its draft. */
export const ONWARD: Readonly<Record<string, ReportableStatus>> = {
  UPLOADED: 'AUDIO_EXTRACTING',
  AUDIO_EXTRACTING: 'AUDIO_READY',
  AUDIO_READY: 'TRANSCRIBING',
  TRANSCRIBING: 'TRANSCRIPT_READY',
  TRANSCRIPT_READY: 'GENERATING',
  GENERATING: 'DRAFT_READY',
};
/** Some write to a key of their own, some to one that others use too, and some to the same for everything. */
export const key = fc.constantFrom('own', 'own', 'own', 'fixed', 'fixed', 'one of three', 'one for all');
export type Key = typeof key extends fc.Arbitrary<infer T> ? T : never;
export const keyOf = (key: Key, stage: Named, dispatchId: string, index: number): string =>
  ({
    own: `r2://media/${dispatchId}/${stage}`,
    fixed: `r2://media/${stage}`,
    'one of three': `r2://media/${index % 3}/${stage}`,
    'one for all': 'r2://media/one',
  })[key];
const [SHA_A, SHA_B] = ['a'.repeat(64), 'b'.repeat(64)] as const;
export const facts = fc.record({
  digest: fc.constantFrom(null, null, null, `sha-256:${SHA_A}`, `sha-256:${SHA_B}`, 'md5:c'),
  sizeBytes: fc.constantFrom(null, null, 10, 20),
});

export const report = fc
  .record({
    back: age,
    status: fc.nat(11),
    walk: fc.constantFrom(
      'on' as const,
      'on' as const,
      'on' as const,
      'any next' as const,
      'anywhere' as const,
    ),
    // Milliseconds before or after the present, on the orchestrator's own clock.
    skewMs: fc.constantFrom(0, 0, 0, 3_000, -3_000, -600_000),
    event: fc.option(fc.nat(3), { freq: 5 }),
    digest: fc.constantFrom('x', 'x', 'x', 'y'),
    key,
    facts,
    brings: fc.constantFrom(
      ...([null, 'reached', 'reached', 'reached', 'all'] as const),
      ...(['audio', 'transcript', 'draft'] as const),
    ),
    exports: fc.constantFrom(...Array<'none'>(20).fill('none'), 'one', 'one', 'many', 'long'),
    hasMetrics: fc.constantFrom(false, false, false, true),
    failedStage: fc.constantFrom('TRANSCRIBING', 'AUDIO_EXTRACTING', 'GENERATING', 'the cellar', null),
    failureCode: fc.constantFrom('CRASHED', 'CRASHED', 'constructor'),
    failureClass: fc.constantFrom(null, null, 'input' as const),
    retryAfterMs: fc.constantFrom(null, null, 90_000),
    progressPct: fc.constantFrom(null, null, 40),
    actor: fc.constantFrom('orchestrator' as const, 'orchestrator' as const, 'system' as const),
  })
  .map(
    (c): Make =>
      (model, index, now) => {
        const status = statusOf(model, c.status, c.walk);
        const dispatchId = nameOf(model, c.back);
        const stages = Object.keys(FIELDS) as Named[];
        const named = stages.filter(
          (stage) => c.brings === 'all' || stage === (c.brings === 'reached' ? REACHED[status] : c.brings),
        );
        const refs = named.map((stage) => [FIELDS[stage], keyOf(c.key, stage, dispatchId, index)]);
        return callback(dispatchId, status, {
          occurredAt: now + c.skewMs,
          // A few ids come again and again, as repeats and as clashes.
          eventId: c.event === null ? `event-of-${index}` : `event-${c.event}`,
          payloadDigest: c.digest,
          artifacts: {
            ...NO_ARTIFACTS,
            ...Object.fromEntries(refs),
            ...c.facts,
            exports: exportsOf(isNearlyFull(model) ? 'many' : c.exports, index),
            hasMetrics: c.hasMetrics,
          },
          artifactsJson: refs.length === 0 ? null : JSON.stringify(refs),
          progressPct: c.progressPct,
          actor: c.actor,
          failure:
            status === 'FAILED'
              ? {
                  ...{ failureCode: c.failureCode, failureMessage: null, failedStage: c.failedStage },
                  ...{ failureClass: c.failureClass, retryAfterMs: c.retryAfterMs },
                }
              : null,
        });
      },
  );

const isNearlyFull = ({ exports }: ModelJob): boolean => Object.keys(exports).length > 100;

/** Some reports bring so many or so long exports that a job has no room for all of them. */
export function exportsOf(size: 'none' | 'one' | 'many' | 'long', index: number): Record<string, string> {
  const count = { none: 0, one: 1, many: 90, long: 30 }[size];
  const length = size === 'long' ? 2_000 : 10;
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`${size}-${index % 4}-${n}`, 's3://'.padEnd(length, 'x')]),
  );
}
