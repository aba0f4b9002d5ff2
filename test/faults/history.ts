// One history over HTTP with real queues: what an editor asks, what goes wrong meanwhile, and how all of it comes to its
// end. What has to be true then, the rules say; the orchestrator's own log of executions is the oracle.
import { env, runInDurableObject } from 'cloudflare:test';
import fc from 'fast-check';
import { requireConfig } from '../../src/config.ts';
import type { Call } from '../rules/case.ts';
import { type RuleName, requireKept } from '../rules/judge.ts';
import { requestOf as requestName } from '../rules/outside.ts';
import { RESTING } from '../rules/protocol.ts';
import { situationsOf } from '../rules/situations.ts';
import type { Answer } from '../support/orchestrator/plan.ts';
import type { Failure, Script } from '../support/pipeline/script.ts';
import { type ActingJob, createdJob, type Home, VIDEO_URI } from '../support/workerd/acting.ts';
import { call, orchestrator, type Reply } from '../support/workerd/harness.ts';
import { caseOf } from './case.ts';
import { Pipelines, USUAL } from './pipeline.ts';
import { Witness } from './witness.ts';

type Disturbance = 'abort' | 'evict' | 'alarm' | 'lose-alarm' | 'same-again';
interface Step {
  ask: 'run' | 'retry' | 'redo' | 'export' | 'edit' | 'cancel' | 'abandon' | 'renew' | 'read';
  request: string;
  prefer: string;
  /** Of an edit: which artifact, and of the newest version or of one that has been overtaken. */
  stage: 'transcript' | 'draft';
  isStale: boolean;
  /** With the reference of the first version. */
  bringsBack: boolean;
  /** Of an edit: another editor corrects the same version at once. */
  hasRival: boolean;
  /** Asked once every pipeline has said what it has to say. */
  rested: boolean;
  /** Happens while the request is under way. */
  meanwhile: Disturbance | null;
}
export interface History {
  answers: Answer[];
  pipelines: Script[];
  steps: Step[];
}

/** One that hangs costs the time of an attempt, so there are few. */
const answer: fc.Arbitrary<Answer> = fc.oneof(
  {
    weight: 39,
    arbitrary: fc.constantFrom<Answer[]>(
      { kind: 'accept' },
      { kind: 'error', status: 503 },
      { kind: 'error', status: 429, retry_after: 1 },
      { kind: 'refuse', status: 422 },
      { kind: 'accept_then_drop' },
      { kind: 'accept_late', delay_ms: 30 },
      { kind: 'garbage', bytes: 100 },
    ),
  },
  { weight: 1, arbitrary: fc.constant<Answer>({ kind: 'hang' }) },
);
/** Behind every checkpoint: a retry goes on from the furthest one. */
const failure = fc.constantFrom<(Failure | null)[]>(
  null,
  null,
  ...(['AUDIO_READY', 'TRANSCRIBING', 'GENERATING', 'DRAFT_READY', 'DONE'] as const).map(
    (at): Failure => ({ comes: 'before', at }),
  ),
  { comes: 'before', at: 'AUDIO_READY' },
  { comes: 'before', at: 'AUDIO_EXTRACTING' },
  { comes: 'before', at: 'EXPORTING' },
  { comes: 'after', at: 'DRAFT_READY' },
  ...(['AUDIO_READY', 'TRANSCRIPT_READY', 'DRAFT_READY', 'EDITING', 'REGENERATING'] as const).map(
    (at): Failure => ({ comes: 'after', at }),
  ),
);
const pipeline: fc.Arbitrary<Script> = fc
  .record({
    fails: failure,
    restatesCheckpoint: fc.boolean(),
    goesOnTo: fc.constantFrom<Script['goesOnTo'][]>([], ['export'], ['regeneration', 'export'], ['editing']),
    artifactsCome: fc.constantFrom<Script['artifactsCome'][]>(
      ...(['at-once', 'at-once', 'late', 'with-failure', 'early', 'early'] as const),
    ),
    overwrites: fc.boolean(),
    endsEditing: fc.boolean(),
    diesBefore: fc.constantFrom(null, null, null, null, 'TRANSCRIBING' as const),
    repeatsAfterMs: fc.boolean().map((repeats) => (repeats ? 0 : null)),
    swapsPairs: fc.constantFrom(false, false, true),
  })
  .map((drawn) => ({ ...USUAL, ...drawn }));
/** What is asked for under each name: by another transcriber, another writer, begun further back, or whatever people have corrected. */
const ASKED: Readonly<Record<string, object>> = {
  a: { model_profile: 'balanced' },
  b: { model_profile: 'accurate' },
  c: { model_profile: 'polished' },
  d: { model_profile: 'balanced' },
  e: { model_profile: 'balanced', resume_from: 'AUDIO_READY' },
  f: { model_profile: 'balanced', discard_edits: ['transcript', 'draft'] },
  g: { model_profile: 'accurate', discard_edits: ['transcript', 'draft'] },
  h: { model_profile: 'polished', discard_edits: ['draft'] },
};
const EXPORTS: Readonly<Record<string, { formats: string[]; params?: object }>> = {
  a: { formats: ['srt'] },
  b: { formats: ['vtt', 'docx'], params: { burn_in: true } },
  c: { formats: ['srt'], params: { lang: 'de' } },
};
const paramsOf = ({ params }: { params?: object }) => (params ? JSON.stringify(params) : null);
const exportOf = (request: string): { formats: string[]; params?: object } =>
  EXPORTS[request] ?? { formats: [request], params: { of: request } };

const stepOf = (asks: readonly Step['ask'][], rested = [true, true, false]): fc.Arbitrary<Step> =>
  fc.record({
    ask: fc.constantFrom(...asks),
    request: fc.constantFrom(...Object.keys(ASKED)),
    stage: fc.constantFrom('transcript', 'draft'),
    isStale: fc.constantFrom(false, false, false, true),
    bringsBack: fc.constantFrom(false, false, false, true),
    hasRival: fc.constantFrom(false, false, true),
    prefer: fc.constantFrom('respond-async', 'respond-async', 'wait=3', 'wait=1'),
    rested: fc.constantFrom(...rested),
    meanwhile: fc.constantFrom(null, null, 'abort', 'evict', 'alarm', 'lose-alarm', 'same-again'),
  });
const step = stepOf([
  ...(['run', 'read', 'cancel', 'abandon', 'renew', 'renew'] as const),
  ...Array<Step['ask']>(12).fill('retry'),
  ...Array<Step['ask']>(6).fill('redo'),
  ...Array<Step['ask']>(7).fill('edit'),
  ...Array<Step['ask']>(3).fill('export'),
]);
/** What hardly comes about by itself: one after another, each once the pipelines before have said what they had to say, or before. */
const story: fc.Arbitrary<Step[]> = fc.oneof(
  ...(
    [
      ...[
        ['redo', 'retry'],
        ['redo', 'abandon', 'retry'],
        ['export', 'retry'],
        ['export', 'abandon'],
      ],
      ...[
        ['edit', 'redo'],
        ['edit', 'retry'],
        ['edit', 'export'],
        ['redo', 'cancel'],
        ['redo', 'edit', 'retry'],
      ],
    ] as Step['ask'][][]
  ).map((asks) => fc.tuple(...asks.map((ask) => stepOf([ask], [ask !== 'abandon' && ask !== 'cancel'])))),
);

export const histories: fc.Arbitrary<History> = fc.record({
  answers: fc.array(answer, { maxLength: 6, size: 'max' }),
  pipelines: fc.array(pipeline, { minLength: 1, maxLength: 6, size: 'max' }),
  steps: fc.oneof(
    fc.array(step, { minLength: 3, maxLength: 9, size: 'max' }),
    fc.array(story, { minLength: 1, maxLength: 4, size: 'max' }).map((stories) => stories.flat()),
  ),
});

export interface Tally {
  count(what: string): void;
}

const config = requireConfig(env);
const ATTEMPTS = 8;
const SETTLE_ROUNDS = 200;

/** Lives through the history; throws at a broken promise. The rules for which there was evidence. */
export async function live(
  { answers, pipelines: plans, steps }: History,
  home: Home,
  tally: Tally,
): Promise<{ rules: RuleName[]; situations: Iterable<string> }> {
  const job = await createdJob({ answers }, home);
  const witness = new Witness();
  witness.videoUris.push(VIDEO_URI);
  /** Where it is for all that the editor was told. */
  let videoUri = VIDEO_URI;
  const pipelines = new Pipelines(witness.watched(job), plans);

  const disturb = async (what: Disturbance, request: () => Promise<unknown>): Promise<void> => {
    tally.count(what);
    switch (what) {
      case 'abort':
        return job.abort();
      case 'evict':
        return job.forget().catch(() => {});
      case 'alarm':
        await job.alarm().catch(() => {});
        return;
      case 'lose-alarm':
        // With the memory of it: what is awaited is up to whoever touches the job next.
        await runInDurableObject(job.stub, (_actor, { storage }) => storage.deleteAlarm()).catch(() => {});
        return job.forget().catch(() => {});
      case 'same-again':
        await request();
    }
  };
  /** As clients do: the same request again while there was no answer. */
  const ask = async (
    operation: Call['operation'],
    send: () => Promise<Reply>,
    asking: Partial<Pick<Call, 'request' | 'prefer' | 'edit' | 'exports'>> = {},
  ): Promise<void> => {
    const { request = null, prefer = null } = asking;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const reply = await witness.asks({ ...asking, operation, request, prefer }, send);
      tally.count(`answer ${reply?.status ?? 'none'}`);
      if (reply === null || reply.status === 503) continue;
      if (reply.status <= 202 && request !== null) tally.count('accepted');
      return;
    }
    throw new Error('no answer');
  };
  let edits = 0;
  /** Of the newest version there is, or the one before; a repeat is the same request. */
  const correction = async ({ stage, isStale, bringsBack }: Step): Promise<() => Promise<void>> => {
    const versions = (await job.versions()).filter((version) => version.stage === stage);
    const [name, newest = 1] = [`edit-${edits++}`, versions.at(-1)?.version];
    const edit = {
      ...{ stage, actor: home.actorId },
      ref: (bringsBack ? versions[0]?.ref : null) ?? `s3://corrections/${job.id}/${name}`,
      edits: isStale ? Math.max(newest - 1, 1) : newest,
    };
    const body = { uri: edit.ref, edits: edit.edits, client_request_id: name };
    const send = () => call('PUT', `/jobs/${job.id}/artifacts/${stage}`, { token: job.token, body });
    return () => ask('edit', send, { request: requestName('edit', name), edit });
  };
  const prepared = async (step: Step): Promise<() => Promise<void>> => {
    const { ask: what } = step;
    if (what !== 'edit') return () => requestOf(step, what);
    const own = await correction(step);
    const rival = step.hasRival ? await correction(step) : null;
    return async () => {
      await Promise.all([own(), rival?.()]);
    };
  };
  const requestOf = ({ request, prefer }: Step, what: Exclude<Step['ask'], 'edit'>): Promise<void> => {
    switch (what) {
      case 'run':
        return ask('run', () => job.run({ prefer }), { request: 'run', prefer });
      case 'retry':
      case 'redo': {
        const body = { ...ASKED[request], client_request_id: request };
        const asking = { request: requestName(what, request), prefer };
        return ask(what, () => job.post(what, body, { prefer }), asking);
      }
      case 'export': {
        const wanted = exportOf(request);
        const exporting = { exports: { formats: wanted.formats, params: paramsOf(wanted) } };
        const asking = { request: requestName(what, request), prefer, ...exporting };
        const body = { ...wanted, client_request_id: request };
        return ask(what, () => job.post(what, body, { prefer }), asking);
      }
      case 'cancel':
        return ask('cancel', () => job.cancel());
      case 'abandon':
        return ask('abandon', () => job.post('abandon'));
      case 'renew': {
        const body = { video_uri: `s3://media/talk-${witness.videoUris.length}.mp4`, replaces: videoUri };
        witness.videoUris.push(body.video_uri);
        return ask('renew', async () => {
          const reply = await call('PUT', `/jobs/${job.id}/video`, { token: job.token, body });
          if (reply.status === 200) videoUri = body.video_uri;
          return reply;
        });
      }
      case 'read':
        return ask('read', () => call('GET', `/jobs/${job.id}`, { token: job.token }));
    }
  };

  await ask('confirm', () => job.confirm());
  const first = { request: 'run', prefer: 'respond-async' };
  await ask('run', () => job.run({ prefer: first.prefer }), first);
  for (const step of steps) {
    if (step.rested) await rest(job, pipelines);
    witness.saw(await job.versions());
    const request = await prepared(step);
    const asked = request();
    if (step.meanwhile) await disturb(step.meanwhile, request);
    await asked;
    await pipelines.start();
  }
  await settle(job, pipelines);
  const jobCase = await caseOf(job, witness);
  const rules = requireKept(jobCase);
  for (const _ of witness.reports) tally.count('reports');
  for (const _ of await job.executions()) tally.count('executions');
  for (const { answer } of await job.requests()) tally.count(`orchestrator ${answer}`);
  await orchestrator.clear(job.id);
  return { rules, situations: situationsOf(jobCase) };
}

/** Until what was dispatched has arrived and its pipeline has ended, if it does within moments. */
async function rest(job: ActingJob, pipelines: Pipelines): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    await pipelines.start();
    await pipelines.end();
    const { open_dispatch: open } = await job.get();
    if (open?.dispatch_state !== 'PENDING') break;
    await scheduler.wait(100);
  }
  await pipelines.start();
  await pipelines.end();
}

/** Until nothing is awaited any more, or for too long. A pipeline that went silent is waited for by making the job older. */
async function settle(job: ActingJob, pipelines: Pipelines): Promise<void> {
  for (let round = 0; round < SETTLE_ROUNDS; round += 1) {
    await pipelines.start();
    await pipelines.end();
    const { status, open_dispatch: open } = await job.get();
    const dispatches = await job.storedDispatches();
    const isCancelling = dispatches.some(({ cancelNotice }) => cancelNotice?.state === 'PENDING');
    if (RESTING.includes(status) && open === null && !isCancelling) return;
    const isSilent = open === null ? !isCancelling : open.dispatch_state !== 'PENDING';
    if (isSilent && (await hasEnded(job))) await job.age(config.rules.stageTimeoutMs + 1_000);
    await job.alarm().catch(() => false);
    await scheduler.wait(200);
  }
}

/** Whether every execution's pipeline was started, so that what is silent now stays silent. */
const hasEnded = async (job: ActingJob): Promise<boolean> => {
  const before = await job.executions();
  await scheduler.wait(5);
  return (await job.executions()).length === before.length;
};
