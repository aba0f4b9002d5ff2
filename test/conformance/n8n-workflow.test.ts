// The example workflow for n8n can't be run here; this holds it to what can be known without n8n: its form, and what the
// code of its nodes decides.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { CHECKPOINT_STATUSES, RESUME_STATUSES } from '../../src/domain/lifecycle.ts';
import { type Answer, afterAnswer } from '../support/pipeline/answers.ts';
import { JobUnderTest, type Message } from './job-under-test.ts';
import { toRequest } from './sender.ts';

const text = readFileSync(new URL('../../spec/n8n/retake-workflow.json', import.meta.url), 'utf8');

const workflowSchema = z.object({
  name: z.string().min(1),
  active: z.literal(false),
  nodes: z.array(
    z.object({
      id: z.string().min(1),
      name: z.string().min(1),
      type: z.string().startsWith('n8n-nodes-base.'),
      parameters: z.record(z.string(), z.unknown()),
      credentials: z.undefined().optional(),
    }),
  ),
  connections: z.record(
    z.string(),
    z.object({ main: z.array(z.array(z.object({ node: z.string(), type: z.literal('main') }))) }),
  ),
  pinData: z.strictObject({}),
});
const workflow = workflowSchema.parse(JSON.parse(text));
const names = workflow.nodes.map(({ name }) => name);
const targets = Object.values(workflow.connections).flatMap(({ main }) =>
  main.flat().map(({ node }) => node),
);

/** The outcomes that lead on, by the names that the switch has for them. */
const rules = z.object({ values: z.array(z.object({ outputKey: z.string() })) });
const branches = rules
  .parse(workflow.nodes.find(({ name }) => name === 'What comes next?')?.parameters.rules)
  .values.map(({ outputKey }) => outputKey);

test('every node has a name of its own, and every connection leads from one to another', () => {
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(expect.arrayContaining(Object.keys(workflow.connections)));
  expect(names).toEqual(expect.arrayContaining(targets));
});

test('every node but the webhook is reached', () => {
  expect(names.filter((name) => !targets.includes(name))).toEqual(['Dispatch from Retake']);
});

test('a dispatch that could not be judged is answered 500, never the 200 that n8n gives by itself', () => {
  const [, broken] = workflow.connections['Verify and claim']?.main ?? [];
  const [answer] = workflow.nodes.filter(({ name }) => name === broken?.[0]?.node);
  expect(answer?.parameters).toMatchObject({ options: { responseCode: 500 } });
});

test('its code parses, and refers to nodes that there are', () => {
  for (const { name, parameters } of workflow.nodes) {
    if (typeof parameters.jsCode !== 'string') continue;
    const { jsCode } = parameters;
    // As n8n does: the code is the body of an asynchronous function.
    expect(() => new Function(`return async function () { ${jsCode}\n}`), name).not.toThrow();
    for (const [, referred] of jsCode.matchAll(/\$\('([^']+)'\)/g)) expect(names).toContain(referred);
  }
});

test('a cancel is no work, whether its dispatch came before or comes after it', async () => {
  const receive = receiver();
  const [first, second] = [newJob(), newJob()];
  const run = await first.run();
  expect(await receive(run)).toMatchObject({ verdict: 'work', answer: { status: 202 } });
  expect(await receive(first.cancel(run, '1'))).toMatchObject({
    verdict: 'answered',
    answer: { status: 200 },
  });

  const late = await second.run();
  const cancelled = { verdict: 'answered', answer: { status: 200, content: { cancelled: true } } };
  expect(await receive(second.cancel(late, null))).toMatchObject(cancelled);
  expect(await receive(late)).toMatchObject(cancelled);
});

test('every kind of work is taken, and nothing else', async () => {
  const receive = receiver();
  const types = ['job.run', 'job.retry', 'job.redo', 'job.export', 'job.unheard-of'];
  const answers: number[] = [];
  for (const type of types) {
    const { answer } = await receive({ ...(await newJob().run()), type });
    answers.push(answer.status);
  }
  expect(answers).toEqual([202, 202, 202, 202, 400]);
});

test.each<Answer | null>([
  { status: 204, errorCode: null },
  { status: 200, errorCode: null },
  { status: 503, errorCode: null },
  { status: 429, errorCode: null },
  null,
  { status: 400, errorCode: 'VALIDATION_ERROR' },
  { status: 401, errorCode: 'UNAUTHENTICATED' },
  { status: 409, errorCode: 'DISPATCH_NOT_CURRENT' },
  { status: 409, errorCode: 'FSM_TERMINAL_IMMUTABLE' },
  { status: 409, errorCode: 'MANIFEST_FULL' },
  { status: 409, errorCode: 'REPORTS_EXHAUSTED' },
])('a report that is answered %o goes on, comes again or is the last', async (answer) => {
  const state = {
    ...{ attempt: 1, stage: 'TRANSCRIBING', dispatch: {} },
    report: { status: 'TRANSCRIBING' },
  };
  const body = JSON.stringify(answer && { error_code: answer.errorCode });
  const { outcome } = await runCode('Read the answer', {
    input: answer ? { statusCode: answer.status, body } : { error: 'no answer' },
    earlier: state,
  });
  const expected = { 'go-on': 'TRANSCRIBING', again: 'again', stop: 'stop', drop: 'stop', later: 'stop' };
  expect(outcome).toBe(expected[afterAnswer(answer)]);
});

test('what is kept is not made again: the first stage is the one behind it, and begins with it', async () => {
  const of = { job_id: 'job_1', video_uri: 's3://media/talk.mp4' };
  const keep = ['audio', 'transcript', 'draft'].map((stage, n) => ({
    stage,
    version: n + 1,
    ref: `s3://${stage}/1`,
  }));
  const first = async (dispatch: object) => {
    const { report, input_uri } = await runCode('Find the first stage', {
      input: { dispatch, execution_id: '1' },
    });
    return [report.status, input_uri];
  };

  expect(await first({ ...of, keep: [] })).toEqual(['AUDIO_EXTRACTING', of.video_uri]);
  expect(await first({ ...of, keep: keep.slice(0, 1) })).toEqual(['TRANSCRIBING', 's3://audio/1']);
  expect(await first({ ...of, keep: keep.slice(0, 2) })).toEqual(['GENERATING', 's3://transcript/1']);
  const formats = ['srt'];
  expect(await first({ ...of, keep, formats })).toEqual(['EXPORTING', 's3://draft/1']);
  const told = { resume_from_status: 'TRANSCRIPT_READY', checkpoint_ref: 's3://transcript/1' };
  expect(await first({ ...of, ...told })).toEqual(['GENERATING', 's3://transcript/1']);
});

test.each([undefined, null])(
  'a retry that begins with the draft and has %s for formats leaves that to its editor, and ends',
  async (formats) => {
    const keep = [{ stage: 'draft', version: 1, ref: 's3://draft/1' }];
    const told = { resume_from_status: 'DRAFT_READY', checkpoint_ref: 's3://draft/1' };
    for (const said of [{ ...told, keep }, told]) {
      const dispatch = { type: 'job.retry', formats, ...said };
      const { report } = await runCode('Find the first stage', { input: { dispatch, execution_id: '1' } });
      expect(report).toEqual({ status: 'EDITING' });
      const state = { attempt: 1, stage: report.status, dispatch, report };
      const { outcome } = await runCode('Read the answer', { input: { statusCode: 204 }, earlier: state });
      expect(branches).not.toContain(outcome);
    }
    expect(branches).toContain('EXPORTING');
  },
);

test('until another draft is there its job is at REGENERATING, with what is made on the way', async () => {
  const state = mkdtempSync(join(tmpdir(), 'retake-n8n-'));
  onTestFinished(() => rmSync(state, { recursive: true }));
  const told = async (type: string, report: object) => {
    const input = {
      dispatch: { type, dispatch_id: 'dsp_1' },
      execution_id: '1',
      input_uri: 's3://a/b',
      report,
    };
    const sent = await runCode('Compose report', { input, env: { RETAKE_STATE_DIR: state } });
    return [sent.stage, sent.report.status, sent.report.artifact_updates ?? null];
  };
  const [audio, draft] = [{ audio_uri: 's3://audio/2' }, { draft_uri: 's3://draft/2' }];
  const ready = { status: 'AUDIO_READY', artifact_updates: audio };

  expect(await told('job.redo', ready)).toEqual(['AUDIO_READY', 'REGENERATING', audio]);
  expect(await told('job.retry', ready)).toEqual(['AUDIO_READY', 'AUDIO_READY', audio]);
  expect(await told('job.redo', { status: 'DRAFT_READY', artifact_updates: draft })).toEqual([
    ...['DRAFT_READY', 'DRAFT_READY'],
    draft,
  ]);
  expect(await told('job.redo', { status: 'FAILED' })).toEqual(['FAILED', 'FAILED', null]);
  const sent = { dispatch: {}, stage: 'TRANSCRIBING', report: { status: 'REGENERATING' } };
  const { report } = await runCode('Stage failed', { input: { error: 'it broke' }, earlier: sent });
  expect(report).toMatchObject({ status: 'FAILED', failed_stage: 'TRANSCRIBING' });
});

test.each([
  [['srt', 'burned in/1'], 'DRAFT_READY'],
  [undefined, 'stop'],
])('a draft of a dispatch with formats %j leads to %s', async (formats, next) => {
  const state = {
    attempt: 1,
    stage: 'DRAFT_READY',
    dispatch: { formats },
    report: { status: 'DRAFT_READY' },
  };
  const { outcome } = await runCode('Read the answer', { input: { statusCode: 204 }, earlier: state });
  expect(outcome).toBe(next);
  const { report } = await runCode('Begin exporting', { input: { dispatch: { formats } } });
  expect(report.status).toBe('EXPORTING');
});

test('"Export" makes one export for each format, and no other', async () => {
  const dispatch = { job_id: 'job_1', formats: ['vtt', 'burned in/1'] };
  const { report } = await runCode('Export', {
    input: { dispatch, execution_id: '1', input_uri: 's3://a/b' },
  });
  const under = 's3://replace-me/job_1/1';
  const exports = { vtt: `${under}/export.vtt`, 'burned in/1': `${under}/export.burned%20in%2F1` };
  expect(report).toEqual({ status: 'DONE', artifact_updates: { exports } });
});

test.each([
  ['Transcribe', 'transcript', { transcript: 'ears-1', draft: 'pen-1' }, 'ears-1'],
  ['Generate draft', 'draft', { transcript: 'ears-1', draft: 'pen-1' }, 'pen-1'],
  ['Transcribe', 'transcript', {}, 'your-own'],
  ['Generate draft', 'draft', undefined, 'your-own'],
])('"%s" takes the model that is named for the %s: of %o it is %s', async (node, stage, engines, model) => {
  const input = { dispatch: { job_id: 'job_1', engines }, execution_id: '1', input_uri: 's3://a/b' };
  const { report } = await runCode(node, { input });
  expect(report.artifact_updates.metrics).toEqual({ [`${stage}_model`]: model });
});

test('it knows every place to resume from and reports every checkpoint', () => {
  for (const status of [...RESUME_STATUSES, ...CHECKPOINT_STATUSES]) expect(text).toContain(status);
});

test('it holds no secret and no address', () => {
  expect(text).not.toMatch(/whsec_[A-Za-z0-9+/]{8,}|rtk1\.|eyJ|https?:\/\/|127\.0\.0\.1|localhost/);
});

const newJob = () =>
  new JobUnderTest({
    ...{ videoUri: 's3://media/talk.mp4', modelProfile: 'balanced', baseUrl: 'http://127.0.0.1:9' },
    tokenKeys: ['a-key-that-is-only-here-0123456789'],
  });

/** Hands messages to "Verify and claim", as the webhook does, and returns what it says of them. */
function receiver() {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const state = mkdtempSync(join(tmpdir(), 'retake-n8n-'));
  onTestFinished(() => rmSync(state, { recursive: true }));
  const env = { DISPATCH_SIGNING_SECRET: secret, RETAKE_STATE_DIR: state };
  return (message: Message) => {
    const { headers, text } = toRequest(message, [secret]);
    return runCode('Verify and claim', { input: { headers, body: JSON.parse(text) }, raw: text, env });
  };
}

interface Surroundings {
  input: unknown;
  /** What the node "To send" put out last. */
  earlier?: unknown;
  raw?: string;
  env?: Record<string, string>;
}

/** Runs a Code node with as much of n8n around it as the workflow asks for. */
async function runCode(name: string, { input, earlier, raw = '', env = {} }: Surroundings) {
  const code = workflow.nodes.find((node) => node.name === name)?.parameters.jsCode;
  const run = new Function(
    '$input',
    '$',
    '$env',
    '$execution',
    'require',
    `return (async () => { ${code}\n})()`,
  );
  const helpers = { getBinaryDataBuffer: async () => Buffer.from(raw) };
  const [item] = await run.call(
    { helpers },
    { first: () => ({ json: input }) },
    () => ({ last: () => ({ json: earlier }) }),
    env,
    { id: '1' },
    createRequire(import.meta.url),
  );
  return item.json;
}
