// What editors of the histories ask a pipeline for, and what they correct: mostly what can be done where the job stands.
import fc from 'fast-check';
import type { EditArtifact, Retry } from '../../src/domain/commands.ts';
import { NO_EVIDENCE } from '../../src/domain/evidence.ts';
import { EDITABLE_STAGES, type StageName } from '../../src/domain/lifecycle.ts';
import { editArtifact, exportDraft, redo, retry } from './builders.ts';
import { discardEdits, findingOf, findings, type Look, resumeFrom, tagsOf, word } from './looks.ts';
import { OWNER } from './memory-job.ts';
import type { ModelJob } from './model.ts';
import { enginesOf } from './model-asks.ts';
import { newestOf } from './model-versions.ts';
import { facts } from './reported.ts';
import type { Act, Make } from './steps.ts';

export const owner = fc.constantFrom(OWNER, OWNER, OWNER, OWNER, OWNER, 'own_mallory');
export const profile = fc.constantFrom(
  ...['balanced', 'balanced', 'balanced', 'writer', 'writer', 'listener', 'listener', 'any'],
  ...['late', 'off', 'nobody', 'constructor'],
);
export const windowMs = fc.constantFrom(null, null, 8_000, 600_000);

/** The last is what a retry by itself is known by. */
const clientRequestId = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'auto:1');
const fits = fc.constantFrom(true, true, true, true, true, false);

/** A retry of what has failed, and a redo of what has not: or, now and then, the other. */
export const look = fc.record({ fits, modelProfile: profile, resumeFrom, discardEdits, store: findings });
type Looking = typeof look extends fc.Arbitrary<infer T> ? T : never;
export const lookOf = (looking: Looking, model: ModelJob): Look => {
  const hasFailed = model.status === 'FAILED';
  const wish = {
    kind: hasFailed === looking.fits ? ('retry' as const) : ('redo' as const),
    modelProfile: looking.modelProfile,
    evidence: looking.store(model),
  };
  const resumeFrom = looking.resumeFrom(model, wish);
  const discardEdits = looking.discardEdits(model, { ...wish, resumeFrom });
  return { type: 'look', ...wish, resumeFrom, discardEdits };
};

/** The command that does what was looked at. */
export function asking(
  { type: _type, kind, ...look }: Look,
  id: string,
  patch: Partial<Omit<Retry, 'type'>>,
): Act {
  return (kind === 'redo' ? redo : retry)(id, { ...look, ...patch });
}

export const resuming: fc.Arbitrary<Make> = fc
  .record({
    look,
    /** What the store said when the plan was looked at. */
    before: findings,
    ...{ clientRequestId, owner, windowMs },
    ifMatch: fc.constantFrom(null, null, null, 'right', 'seen', 'seen', 'several', 'stale', 'none'),
  })
  .map(
    ({ look, before, ifMatch, ...c }): Make =>
      (model, index, _now, see) => {
        const asked = lookOf(look, model);
        if (ifMatch === 'seen') see({ ...asked, evidence: before(model) });
        const tags = tagsOf(ifMatch, model, () => see(asked));
        return asking(asked, `dsp_${index}`, { ...c, ifMatch: tags });
      },
  );

/** Whatever was asked for last once more, or nearly. */
export const repeating: fc.Arbitrary<Make> = fc
  .record({ owner, isSame: fc.constantFrom(true, true, false) })
  .map(
    ({ owner, isSame }): Make =>
      (model, index) => {
        const asked = model.lastAsk ?? exportDraft('dsp_none');
        const again = { ...asked, owner, newDispatchId: `dsp_${index}` };
        if (isSame) return again;
        if (again.type !== 'export') return { ...again, modelProfile: 'any' };
        return { ...again, task: { ...again.task, formats: ['txt'] } };
      },
  );

const looksPast = fc.constantFrom<StageName[]>(
  [],
  [],
  [],
  ['transcript'],
  ['draft'],
  ['transcript', 'draft'],
);

export const task = fc.record({
  kind: fc.constant('export' as const),
  formats: fc.constantFrom(['pdf'], ['pdf'], ['pdf', 'docx']),
  params: fc.constantFrom(null, null, '{"paper":"A4"}'),
});
export const exporting: fc.Arbitrary<Make> = fc
  .record({ store: findings, clientRequestId, owner, windowMs, task, discardEdits: looksPast })
  .map(
    ({ store, ...c }): Make =>
      (model, index) =>
        exportDraft(`dsp_${index}`, { ...c, evidence: store(model) }),
  );

/** Mostly of what counts or what is newest, into a place of its own or one that is known: back to an older version. */
export const correction = fc.record({
  stage: fc.constantFrom(...EDITABLE_STAGES),
  of: fc.constantFrom('what counts', 'what counts', 'the newest', 'the newest', 'an older one', 'none'),
  place: fc.constantFrom('own', 'own', 'own', 'fixed', 'back', 'long'),
  what: word,
  isLookedFor: fc.boolean(),
  facts,
});
type Correction = typeof correction extends fc.Arbitrary<infer T> ? T : never;

export function correctionOf(model: ModelJob, c: Correction, index: number): Partial<EditArtifact> {
  const { stage } = c;
  const versions = model.lineage.versions.filter((version) => version.stage === stage);
  const newest = newestOf(versions, stage)?.n ?? 1;
  const counting = model.lineage.counts(stage, enginesOf(model, model.lastProfile))?.n ?? 1;
  const edits = {
    'what counts': counting,
    'the newest': newest,
    'an older one': Math.max(1, newest - 1),
    none: newest + 1,
  }[c.of];
  const uri = {
    own: `r2://media/edits/${index}/${stage}`,
    fixed: `r2://media/${stage}`,
    back: versions.at(-2)?.ref ?? `r2://media/${stage}`,
    // Longer than there is room for in a job that has many exports.
    long: `r2://media/${'x'.repeat(Object.keys(model.exports).length > 100 ? 262_144 : 2_000)}`,
  }[c.place];
  const finding = findingOf(c.what, c.facts.sizeBytes, c.facts.digest);
  const evidence = c.isLookedFor && finding ? new Map([[uri, finding]]) : NO_EVIDENCE;
  return { stage, edits, uri, ...c.facts, evidence };
}

export const correcting: fc.Arbitrary<Make> = fc
  .record({
    correction,
    clientRequestId: fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 3 }),
    repeats: fc.constantFrom(false, false, false, true),
    owner,
  })
  .map(
    ({ correction, clientRequestId, repeats, owner }): Make =>
      (model, index) => {
        const { lastEdit } = model;
        if (repeats && lastEdit) return { ...lastEdit, owner };
        const id = clientRequestId ?? `edit-${index}`;
        return editArtifact({ ...correctionOf(model, correction, index), owner, clientRequestId: id });
      },
  );
