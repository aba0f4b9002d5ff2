// What becomes of a job that has its draft: corrections, redos and exports, each with whatever becomes of its pipeline.
import fc from 'fast-check';
import type { Callback } from '../../src/domain/commands.ts';
import type { ReportableStatus } from '../../src/domain/lifecycle.ts';
import {
  abandon,
  callback,
  cancel,
  deadline,
  delivered,
  editArtifact,
  exportDraft,
  NO_ARTIFACTS,
  undelivered,
} from './builders.ts';
import { asking, correction, correctionOf, look, lookOf, task } from './editors.ts';
import type { ModelJob } from './model.ts';
import { FIELDS, facts, type Key, key, keyOf, nameOf, ONWARD } from './reported.ts';
import type { Act, Make, Step } from './steps.ts';

const step = (make: Make, waitMs = 1): Step => ({ waitMs, make });

const STAGES_AT: Readonly<Record<string, (keyof typeof FIELDS)[]>> = {
  AUDIO_READY: ['audio'],
  TRANSCRIPT_READY: ['transcript'],
  DRAFT_READY: ['draft'],
  REGENERATING: ['transcript'],
};

/** What the pipeline that is at work says next: it comes nearer to what it is for. */
function nextOf(model: ModelJob, turn: number, closes: boolean): ReportableStatus {
  const { effective, open } = model;
  const isRedo = open?.task === 'redraft';
  if (effective === 'DRAFT_READY' || effective === 'EDITING') return isRedo ? 'REGENERATING' : 'EXPORTING';
  if (effective === 'REGENERATING') return turn % 2 === 1 ? 'REGENERATING' : 'DRAFT_READY';
  if (effective === 'EXPORTING') return closes ? 'DONE' : 'EDITING';
  return ONWARD[effective] ?? 'EXPORTING';
}

interface Saying {
  key: Key;
  facts: Partial<Callback['artifacts']>;
  closes: boolean;
}
const said = (turn: number, { key, facts, closes }: Saying): Step =>
  step((model, index, now) => {
    const id = nameOf(model, 1);
    const status = nextOf(model, turn, closes);
    const refs = (STAGES_AT[status] ?? []).map((name) => [FIELDS[name], keyOf(key, name, id, index)]);
    const artifacts = { ...NO_ARTIFACTS, ...Object.fromEntries(refs), ...facts };
    return callback(id, status, { occurredAt: now, artifacts, artifactsJson: '{}' });
  });

const failed = (failedStage: string | null, brings: boolean): Step =>
  step((model, index, now) => {
    const id = nameOf(model, 1);
    const failure = {
      ...{ failureCode: 'CRASHED', failureMessage: null, failedStage },
      ...{ failureClass: null, retryAfterMs: null },
    };
    const draftUri = brings ? keyOf('own', 'draft', id, index) : null;
    return callback(id, 'FAILED', { occurredAt: now, failure, artifacts: { ...NO_ARTIFACTS, draftUri } });
  });

/** More versions of a stage than are kept at hand: of one editor after the other, or of one pipeline. */
const flooded = (how: 'edits' | 'reports', stage: 'transcript' | 'draft'): Step[] =>
  Array.from({ length: 18 }, () =>
    step((model, index, now): Act => {
      if (how === 'edits') {
        const edits = model.lineage.versions.findLast((version) => version.stage === stage)?.n ?? 1;
        const uri = `r2://media/edits/${index}`;
        return editArtifact({ stage, edits, uri, clientRequestId: `edit-${index}` });
      }
      const artifacts = { ...NO_ARTIFACTS, [FIELDS[stage]]: `r2://media/many/${index}` };
      return callback(nameOf(model, 1), 'REGENERATING', { occurredAt: now, artifacts });
    }),
  );

const chapter = fc.record({
  corrections: fc.array(correction, { maxLength: 2 }),
  speaksLate: fc.constantFrom(false, false, true),
  asks: fc.constantFrom('redo', 'redo', 'export'),
  ...{ looking: look, again: look, task },
  isWanted: fc.constantFrom(true, true, false),
  arrives: fc.constantFrom('taken', 'taken', 'taken', 'unknown', 'withdrawn', 'never heard of'),
  flood: fc.constantFrom(
    ...Array<null>(9).fill(null),
    'edits' as const,
    'reports' as const,
    'reports' as const,
  ),
  floods: fc.constantFrom('transcript' as const, 'transcript' as const, 'draft' as const),
  reports: fc.nat(4),
  saying: fc.record({ key, facts, closes: fc.constantFrom(false, false, false, true) }),
  ends: fc.constantFrom('fails', 'fails', 'fails', 'goes on', 'is abandoned', 'is cancelled', 'is silent'),
  failedStage: fc.constantFrom(null, null, 'TRANSCRIBING', 'REGENERATING', 'EXPORTING'),
  brings: fc.boolean(),
  retries: fc.nat(1),
  getsBack: fc.boolean(),
});
type Chapter = typeof chapter extends fc.Arbitrary<infer T> ? T : never;

function written(c: Chapter, nth: number): Step[] {
  const ask = step((model, index): Act => {
    const id = `dsp_${index}`;
    if (c.asks === 'export') {
      const evidence = c.looking.store(model);
      return exportDraft(id, { task: c.task, evidence, clientRequestId: `chapter-${nth}` });
    }
    const looked = lookOf({ ...c.looking, fits: true }, model);
    const resumeFrom = c.isWanted ? null : looked.resumeFrom;
    return asking({ ...looked, resumeFrom }, id, { clientRequestId: `chapter-${nth}` });
  });
  const ARRIVALS: Readonly<Record<Chapter['arrives'], Step[]>> = {
    taken: [step((model) => delivered(nameOf(model, 1)))],
    unknown: [],
    withdrawn: [step((model) => undelivered(nameOf(model, 1)), 61_000)],
    'never heard of': [step((model) => delivered(nameOf(model, 1))), step(() => deadline(), 700_000)],
  };
  const ENDS: Readonly<Record<Chapter['ends'], Step[]>> = {
    fails: [failed(c.failedStage, c.brings)],
    'goes on': [],
    'is abandoned': [step(() => abandon())],
    'is cancelled': [step(() => (nth > 0 ? cancel() : abandon()))],
    'is silent': [step(() => deadline(), 4_000_000)],
  };
  const going = Array.from({ length: c.reports }, (_, turn) => said(turn, c.saying));
  return [
    ...(c.flood === 'edits' ? flooded('edits', c.floods) : []),
    ...c.corrections.map((correcting, n) =>
      step((model, index) =>
        editArtifact({ ...correctionOf(model, correcting, index), clientRequestId: `chapter-${nth}-${n}` }),
      ),
    ),
    ...(c.speaksLate ? [said(0, c.saying)] : []),
    ask,
    ...ARRIVALS[c.arrives],
    ...(c.flood === 'reports' ? flooded('reports', c.floods) : []),
    ...going,
    ...ENDS[c.ends],
    ...Array.from({ length: c.retries }, (_, n) => [
      step((model, index) => {
        const looked = lookOf({ ...c.again, fits: true }, model);
        const isBack = c.getsBack && model.task === 'redraft';
        const back = isBack ? { resumeFrom: 'DRAFT_READY' as const, modelProfile: 'any' } : {};
        return asking({ ...looked, ...back }, `dsp_${index}`, {
          clientRequestId: `chapter-${nth}-again-${n}`,
        });
      }),
      step((model) => delivered(nameOf(model, 1))),
      ...going,
      ...ENDS[c.ends],
    ]).flat(),
  ];
}

/** From the draft on. */
export const chapters: fc.Arbitrary<Step[]> = fc
  .record({
    saying: fc.record({ key, facts, closes: fc.constant(false) }),
    more: fc.array(chapter, { minLength: 1, maxLength: 2 }),
  })
  .map(({ saying, more }) => [
    ...Array.from({ length: 5 }, (_, turn) => said(turn, saying)),
    ...more.flatMap(written),
  ]);
