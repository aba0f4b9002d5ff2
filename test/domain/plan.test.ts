// The plan and what is done are one: over random versions, corrections, policies and evidence a retry and a redo do what is planned,
// and its tag says so.
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Redo, Retry } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import { askForPipeline } from '../../src/domain/dispatching.ts';
import { restsOn, standingEdits } from '../../src/domain/edits.ts';
import type { Evidence, Finding } from '../../src/domain/evidence.ts';
import type { ArtifactVersion, Job } from '../../src/domain/job.ts';
import { EDITABLE_STAGES, RESUME_STATUSES, STAGE_NAMES } from '../../src/domain/lifecycle.ts';
import { chainOf } from '../../src/domain/lineage.ts';
import { type Plan, type PlanRequest, planDispatch, planTag } from '../../src/domain/plan.ts';
import type { ModelProfile } from '../../src/domain/policy.ts';
import type { Rules } from '../../src/domain/rules.ts';
import { failedJob, redo, retry } from './builders.ts';
import { RULES } from './memory-job.ts';
import { audio, draft, edited, transcript } from './versions.ts';

const RUNS = { numRuns: 2_000 };
const DIGESTS = [null, `sha-256:${'a'.repeat(64)}`, `sha-256:${'b'.repeat(64)}`];
const maybe = <T>(...values: T[]) => fc.constantFrom(null, ...values);

const version = fc.record({
  stage: fc.constantFrom(...STAGE_NAMES),
  engine: maybe('ears-1', 'ears-2', 'pen-1', 'pen-2'),
  madeFrom: maybe(1, 2, 3),
  isComplete: fc.constantFrom(true, true, true, false),
  ref: fc.nat(9).map((n) => `r2://media/${n}`),
  digest: fc.constantFrom(...DIGESTS),
  sizeBytes: maybe(1, 2),
  isEdit: fc.constantFrom(false, false, true),
  discards: fc.constantFrom(undefined, undefined, ['transcript' as const], ['draft' as const]),
});
const versions = fc.array(version, { maxLength: 8 }).map((drawn) => {
  const made: ArtifactVersion[] = [];
  for (const { stage, isEdit, discards, ...said } of drawn) {
    const ofStage = made.filter((other) => other.stage === stage);
    const [number, newest] = [ofStage.length + 1, ofStage.at(-1)];
    if (isEdit && newest && stage !== 'audio') {
      const { engine: _engine, madeFrom: _from, ...edit } = said;
      made.push(edited(newest, number, { ...edit, isComplete: true }));
    } else
      made.push({ audio, transcript, draft }[stage](number, { ...said, ...(discards ? { discards } : {}) }));
  }
  return made;
});

const finding: fc.Arbitrary<Finding> = fc.oneof(
  fc.constantFrom<Finding[]>({ kind: 'missing' }, { kind: 'unavailable' }, { kind: 'unchecked' }),
  fc
    .record({
      sizeBytes: fc.constantFrom(1, 2),
      sha256: fc.constantFrom(null, 'a'.repeat(64), 'b'.repeat(64)),
    })
    .map((found): Finding => ({ kind: 'found', ...found })),
);
const evidence: fc.Arbitrary<Evidence> = fc
  .array(fc.tuple(fc.nat(9), finding), { maxLength: 6 })
  .map((found) => new Map(found.map(([n, what]) => [`r2://media/${n}`, what])));

const profileOf = (engine: {
  ears: fc.Arbitrary<string | undefined>;
  pen: fc.Arbitrary<string | undefined>;
}) =>
  fc
    .record({
      enabled: fc.constantFrom(true, true, true, false),
      resumeFrom: fc.constantFrom(RESUME_STATUSES, RESUME_STATUSES, RESUME_STATUSES.slice(2)),
      transcript: engine.ears,
      draft: engine.pen,
    })
    .map(({ transcript, draft, ...rest }) => ({ ...rest, engines: { transcript, draft } }));
const few = {
  ears: fc.constantFrom(undefined, 'ears-1', 'ears-2'),
  pen: fc.constantFrom(undefined, 'pen-1', 'pen-2'),
};
const rulesOf = (profiles: fc.Arbitrary<Omit<ModelProfile, 'id' | 'title'>[]>): fc.Arbitrary<Rules> =>
  profiles.map((drawn) => ({
    ...RULES,
    policy: {
      ...RULES.policy,
      defaultProfile: 'p0',
      profiles: drawn.map((profile, n) => ({ ...profile, id: `p${n}`, title: `p${n}` })),
    },
  }));
const rules = rulesOf(fc.array(profileOf(few), { minLength: 1, maxLength: 3 }));

const job: fc.Arbitrary<Job> = fc
  .record({
    versions,
    status: fc.constantFrom(
      ...(['FAILED', 'FAILED', 'FAILED', 'FAILED', 'DRAFT_READY', 'DRAFT_READY', 'EDITING'] as const),
      'TRANSCRIBING' as const,
    ),
    isRedraft: fc.constantFrom(false, false, true),
    videoUri: fc.constantFrom('s3://v', 's3://v', 's3://v', null),
  })
  .map(({ versions, status, isRedraft, videoUri }): Job => {
    const failed = failedJob().job;
    const manifest = { ...failed.manifest, videoUri };
    const unfinishedTask = { kind: isRedraft ? ('redraft' as const) : ('draft' as const) };
    return { ...failed, status, versions, manifest, unfinishedTask };
  });

const request = fc.record({
  kind: fc.constantFrom('retry' as const, 'retry' as const, 'redo' as const),
  modelProfile: fc.constantFrom('p0', 'p0', 'p1', 'p2', 'p9'),
  resumeFrom: fc.constantFrom(null, null, null, ...RESUME_STATUSES),
  discardEdits: fc.subarray([...EDITABLE_STAGES]),
  evidence,
});

type Asked = Omit<PlanRequest, 'discardEdits' | 'task'> & Partial<Pick<PlanRequest, 'discardEdits'>>;
const planned = (job: Job, asked: Asked, rules: Rules): Plan =>
  planDispatch({ job, open: null }, { discardEdits: [], task: null, ...asked }, rules);

type Wanted = Partial<Omit<Retry | Redo, 'type'>> & { kind: 'retry' | 'redo' };
function done(job: Job, { kind, ...asked }: Wanted, rules: Rules): Decision {
  const view = {
    job,
    open: null,
    subject: null,
    subjectSuperseded: false,
    seenEvent: null,
    seenEdit: null,
    notices: [],
  };
  return askForPipeline(view, (kind === 'redo' ? redo : retry)('dsp_2', asked), rules, 1_000);
}

/** All that a plan means for what is done. */
const doneBy = ({ modelProfile, resume, stages, editsDiscarded, refusal }: Plan): string =>
  JSON.stringify(
    refusal
      ? [modelProfile, refusal.code, 'reason' in refusal ? refusal.reason : null]
      : [
          modelProfile,
          resume?.status,
          stages.map((plan) =>
            plan.action === 'keep' ? [plan.stage, plan.version] : [plan.stage, 'again', plan.engine],
          ),
          editsDiscarded,
        ],
  );

test('a retry and a redo do what their plan says, and are refused as that says', () => {
  fc.assert(
    fc.property(job, request, rules, (job, asked, rules) => {
      const plan = planned(job, asked, rules);
      const decision = done(job, asked, rules);
      if (plan.refusal) {
        expect(decision).toEqual({ kind: 'rejected', rejection: plan.refusal });
        return;
      }
      expect(decision).toMatchObject({
        kind: 'accepted',
        dispatch: {
          modelProfile: plan.modelProfile,
          engines: plan.engines,
          resumeFromStatus: plan.resume?.status,
          checkpointRef: plan.resume?.ref,
          kind: asked.kind,
          task: plan.task,
          plan: {
            ...{ asked: plan.asked, stages: plan.stages, proof: plan.resume?.proof },
            ...{ discardEdits: asked.discardEdits, editsDiscarded: plan.editsDiscarded },
          },
        },
      });
    }),
    RUNS,
  );
});

test('two plans of a job have one tag exactly when they do the same', () => {
  fc.assert(
    fc.property(job, request, request, rules, rules, (job, one, other, before, after) => {
      const [first, second] = [planned(job, one, before), planned(job, other, after)];
      expect(planTag(first) === planTag(second)).toBe(doneBy(first) === doneBy(second));
    }),
    RUNS,
  );
});

test('nothing that the store says changes the tag while it leads to the same version', () => {
  fc.assert(
    fc.property(job, request, evidence, rules, (job, asked, found, rules) => {
      const [first, second] = [
        planned(job, asked, rules),
        planned(job, { ...asked, evidence: found }, rules),
      ];
      const isSamePoint = first.resume?.version === second.resume?.version;
      fc.pre(isSamePoint && first.refusal?.code === second.refusal?.code);
      expect(planTag(second)).toBe(planTag(first));
    }),
    RUNS,
  );
});

test('with the tag of the present plan in If-Match a retry or a redo does exactly that; with any other it does nothing', () => {
  fc.assert(
    fc.property(job, request, request, rules, (job, asked, seen, rules) => {
      const [plan, other] = [planned(job, asked, rules), planned(job, seen, rules)];
      const tag = planTag(plan);
      const without = done(job, asked, rules);
      expect(done(job, { ...asked, ifMatch: [tag] }, rules)).toEqual(without);
      expect(done(job, { ...asked, ifMatch: ['x', planTag(other), tag] }, rules)).toEqual(without);
      const changed = { kind: 'rejected', rejection: { code: 'PLAN_CHANGED', plan } };
      expect(done(job, { ...asked, ifMatch: ['x', `${tag}x`] }, rules)).toEqual(changed);
      if (planTag(other) === tag) return;
      expect(done(job, { ...asked, ifMatch: [planTag(other)] }, rules)).toEqual(changed);
    }),
    RUNS,
  );
});

test('what is planned passes over no edit that stands unless its stage is discarded, or it is overtaken by what is kept', () => {
  fc.assert(
    fc.property(job, request, rules, (job, asked, rules) => {
      const status = asked.kind === 'redo' ? 'DRAFT_READY' : 'FAILED';
      const plan = planned({ ...job, status }, asked, rules);
      const { resume, stages, editsKept, editsDiscarded } = plan;
      if (plan.refusal !== null) return;
      const discarded: readonly string[] = asked.discardEdits;
      for (const edit of standingEdits(job.versions)) {
        const { stage, version } = edit;
        const isNamed = (edits: readonly object[]) =>
          edits.some((one) => isDeepStrictEqual(one, { stage, version }));
        const isKept = isNamed(editsKept);
        expect(isNamed(editsDiscarded)).toBe(!isKept && discarded.includes(stage));
        if (isKept || discarded.includes(stage)) continue;
        const chain = resume?.version ? chainOf(resume.version, job.versions) : [];
        expect(stages.find((plan) => plan.stage === stage)).toMatchObject({ action: 'keep' });
        expect(restsOn(chain, edit, job.versions)).toBe(true);
      }
    }),
    RUNS,
  );
});

test('a redo is planned as a retry from the transcript at the furthest', () => {
  fc.assert(
    fc.property(job, request, rules, (job, asked, rules) => {
      const redone = planned({ ...job, status: 'DRAFT_READY' }, { ...asked, kind: 'redo' }, rules);
      if (redone.refusal !== null) return;
      const unfinishedTask = { kind: 'redraft' as const };
      const again = planned({ ...job, status: 'FAILED', unfinishedTask }, { ...asked, kind: 'retry' }, rules);
      expect({ ...again, kind: 'redo' }).toEqual(redone);
      expect(redone.stages.at(-1)).toMatchObject({ stage: 'draft', action: 'redo' });
    }),
    RUNS,
  );
});

test('a tag can stand in a list of entity tags, whatever an engine is called that the configuration takes', () => {
  const name = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 100,
  });
  const any = fc.option(name, { nil: undefined });
  const named = rulesOf(fc.array(profileOf({ ears: any, pen: any }), { minLength: 1, maxLength: 1 }));
  fc.assert(
    fc.property(job, request, named, named, (job, asked, one, other) => {
      const plans = [one, other].map((rules) => planned(job, { ...asked, modelProfile: 'p0' }, rules));
      for (const plan of plans) expect(planTag(plan)).toMatch(/^[!#-+\--~]+$/);
      expect(new Set(plans.map(planTag)).size).toBe(new Set(plans.map(doneBy)).size);
    }),
    RUNS,
  );
});

describe('a plan', () => {
  const failed = failedJob().job;
  const whole = { ...failed, versions: [audio(1), transcript(1), draft(1)] };
  const asked = (patch: Partial<Asked> = {}) => ({
    ...{ kind: 'retry' as const, modelProfile: 'balanced', resumeFrom: null, evidence: new Map() },
    ...patch,
  });
  const reasons = (plan: Plan) => plan.stages.map(({ action, reason }) => `${action} ${reason}`);

  test('keeps its resume point and what that was made from, and says which version of each', () => {
    const { stages } = planned(whole, asked(), RULES);
    expect(stages).toEqual([
      ...[{ stage: 'audio', version: 1, ref: 's3://audio-1', action: 'keep', reason: 'before_resume_point' }],
      {
        stage: 'transcript',
        version: 1,
        ref: 's3://transcript-1',
        action: 'keep',
        reason: 'before_resume_point',
      },
      { stage: 'draft', version: 1, ref: 's3://draft-1', action: 'keep', reason: 'resume_point' },
    ]);
  });

  test('has a stage before its resume point kept although nobody knows its version', () => {
    const orphan = { ...failed, versions: [transcript(1, { madeFrom: null })] };
    expect(planned(orphan, asked(), RULES).stages[0]).toMatchObject({
      action: 'keep',
      version: null,
      ref: null,
    });
  });

  test('says of each stage that is made again by which engine, and why: never made, asked for, or why its newest is not kept', () => {
    expect(reasons(planned({ ...failed, versions: [] }, asked(), RULES))).toEqual(
      Array(3).fill('redo never_made'),
    );
    const back = planned(whole, asked({ resumeFrom: 'AUDIO_READY' }), RULES);
    expect(reasons(back)).toEqual(['keep resume_point', 'redo asked', 'redo asked']);
    expect(back.stages[2]).toMatchObject({ engine: 'pen-1' });
    const half = { ...failed, versions: [audio(1), transcript(1, { isComplete: false }), draft(1)] };
    const gone = new Map<string, Finding>([['s3://draft-1', { kind: 'missing' }]]);
    expect(reasons(planned(half, asked({ evidence: gone }), RULES))).toEqual([
      'keep resume_point',
      'redo incomplete',
      'redo missing',
    ]);
  });

  test('under a profile whose points do not hold the one that is found is refused, never led further back', () => {
    const { refusal, resume } = planned(
      { ...failed, versions: [audio(1)] },
      asked({ modelProfile: 'late' }),
      RULES,
    );
    expect(resume?.status).toBe('AUDIO_READY');
    expect(refusal).toMatchObject({ code: 'MODEL_PROFILE_NOT_ALLOWED', reason: 'resume_point_not_allowed' });
  });

  test('that is to begin further than it can is refused, and says how far it could', () => {
    const versions = [audio(1), transcript(1, { isComplete: false })];
    const at = (resumeFrom: Retry['resumeFrom']) =>
      planned({ ...failed, versions }, asked({ resumeFrom }), RULES);
    expect(at('TRANSCRIPT_READY').refusal).toEqual({
      ...{ code: 'RESUME_POINT_NOT_AVAILABLE', requested: 'TRANSCRIPT_READY', available: 'AUDIO_READY' },
    });
    expect(at('AUDIO_READY').refusal).toBeNull();
    expect(at('UPLOADED').refusal).toBeNull();
  });

  test('that is to begin at a point where nothing is valid any more is refused, though one further on is', () => {
    const evidence = new Map<string, Finding>([['s3://audio-1', { kind: 'missing' }]]);
    const { refusal } = planned(whole, asked({ resumeFrom: 'AUDIO_READY', evidence }), RULES);
    expect(refusal).toMatchObject({ code: 'RESUME_POINT_NOT_AVAILABLE', available: 'DRAFT_READY' });
  });

  test('without a video and a version has nothing to resume from', () => {
    const empty = { ...failed, versions: [], manifest: { ...failed.manifest, videoUri: null } };
    const { refusal, resume } = planned(empty, asked(), RULES);
    expect(resume).toBeNull();
    expect(refusal).toMatchObject({ code: 'RETRY_NOT_ALLOWED_STATE', reason: 'nothing_to_resume_from' });
  });

  test('of a run begins at the upload, whatever there is', () => {
    const uploaded = { ...whole, status: 'UPLOADED' as const };
    const plan = planned(uploaded, asked({ kind: 'run' }), RULES);
    expect(plan.resume).toMatchObject({ status: 'UPLOADED', version: null, proof: null });
    expect(plan.stages.every(({ action }) => action === 'redo')).toBe(true);
  });

  test('is known by the edits that it looks past, also where what it keeps is the same', () => {
    const first = [audio(1), transcript(1), draft(1)] as const;
    const versions = [...first, edited(first[1], 2), edited(first[2], 2)];
    const plans = [[], ['transcript' as const]].map((discardEdits) =>
      planned({ ...failed, versions }, asked({ discardEdits }), RULES),
    );
    expect(plans.map(({ resume }) => resume?.ref)).toEqual(['s3://draft-2', 's3://draft-2']);
    expect(plans.map(({ editsDiscarded }) => editsDiscarded)).toEqual([
      [],
      [{ stage: 'transcript', version: 2 }],
    ]);
    expect(new Set(plans.map(planTag)).size).toBe(2);
  });

  test('says how well its resume point is proven', () => {
    const there = new Map<string, Finding>([['s3://draft-1', { kind: 'found', sizeBytes: 1, sha256: null }]]);
    expect(planned(whole, asked({ evidence: there }), RULES).resume?.proof).toEqual({ state: 'verified' });
    expect(planned(whole, asked(), RULES).resume?.proof).toEqual({
      state: 'unverified',
      reason: 'not_in_store',
    });
  });
});

describe('a repeat of an accepted retry', () => {
  test('is answered as that, whatever it says in If-Match and whatever the store says by now', () => {
    const job = failedJob();
    const first = job.execute(retry('dsp_2', { clientRequestId: 'r' }), 1_000);
    const evidence = new Map<string, Finding>([['s3://media/audio-1.wav', { kind: 'missing' }]]);
    const again = job.execute(retry('dsp_3', { clientRequestId: 'r', ifMatch: ['stale'], evidence }), 2_000);
    expect(again).toMatchObject({ kind: 'replayed', dispatch: { id: 'dsp_2' } });
    expect(first.kind).toBe('accepted');
  });

  test('that is to begin elsewhere is none', () => {
    const job = failedJob();
    job.execute(retry('dsp_2', { clientRequestId: 'r', resumeFrom: 'UPLOADED' }), 1_000);
    const again = (resumeFrom: Retry['resumeFrom']) =>
      job.would(retry('dsp_3', { clientRequestId: 'r', resumeFrom }), 2_000);
    expect(again('UPLOADED').kind).toBe('replayed');
    expect(again('AUDIO_READY')).toMatchObject({ rejection: { code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH' } });
    expect(again(null)).toMatchObject({ rejection: { code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH' } });
  });
});
