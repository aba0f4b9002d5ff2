// What the kit takes for right, and how it answers: as Retake does, neither stricter nor laxer.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/contract/errors.ts';
import { keepingStore } from '../orchestrator/arrange.ts';
import { newId } from '../support/ids.ts';
import { OrchestratorClient } from '../support/orchestrator/client.ts';
import type { PipelinePlan, Plan } from '../support/orchestrator/plan.ts';
import { startOrchestrator } from '../support/orchestrator/server.ts';
import type { JobUnderTest, Message } from './job-under-test.ts';
import { conformance } from './main.ts';
import { Receiver } from './receiver.ts';
import { Scene } from './scene.ts';

const secret = `whsec_${randomBytes(32).toString('base64')}`;

test.each([409, 423])(
  'a repeat may be answered %i as long as its first request is being handled',
  async (status) => {
    const { url, turnedAway } = await busyOrchestrator(status);
    const lines: string[] = [];

    const exitStatus = await conformance(
      ['--url', url, '--secret', secret, '--heartbeat', '1', '--only', 'executes-once'],
      (line) => lines.push(line),
    );

    expect(lines[0]).toMatch(/^pass {2}executes-once/);
    expect(exitStatus).toBe(0);
    expect(turnedAway()).toBeGreaterThan(0);
  },
);

test.each(['followed', 'ignored'])('the engines that a dispatch names may be %s', async (how) => {
  const stored = new Map<string, string>();
  const storeUrl = await keepingStore(stored);
  const isFollowed = how === 'followed';
  const orchestrator = await startOrchestrator({
    ...{ secrets: [secret], quiet: true, stepMs: 1 },
    ...(isFollowed ? { storeUrl } : {}),
  });
  onTestFinished(orchestrator.close);
  const lines: string[] = [];

  const args = [
    '--url',
    `${orchestrator.url}/dispatches`,
    '--secret',
    secret,
    '--only',
    'keeps-what-is-kept',
  ];
  await conformance(args, (line) => lines.push(line));

  expect(lines[0]).toMatch(/^pass {2}keeps-what-is-kept[^\n]+$/);
  expect([...stored.keys()].some((key) => /\/draft\.pen-1$/.test(key))).toBe(isFollowed);
});

test('another draft and an export may end at EDITING, which leaves the job open', async () => {
  const lines = await judged(
    { pipeline: { ends_editing: true } },
    'makes-another-draft,exports-the-draft,retries-an-export',
  );

  expect(lines.filter((line) => line.startsWith('pass'))).toHaveLength(3);
  expect(lines.join('\n')).not.toMatch(/FAIL|warn/);
});

test('a retry with nothing left to do may restate its draft before it leaves that to its editor', async () => {
  const lines = await judged(
    { pipeline: { restates: true, overwrites: true } },
    'resumes-from-checkpoint,leaves-a-finished-draft',
    ...['--heartbeat', '1'],
  );

  expect(lines.filter((line) => line.startsWith('pass'))).toHaveLength(2);
  expect(lines.join('\n')).not.toMatch(/FAIL|warn/);
});

test.each<[PipelinePlan, string]>([
  [{ die_at: 'EDITING' }, 'had reported nothing and no end'],
  [{ die_at: 'EDITING', restates: true, overwrites: true }, 'had reported DRAFT_READY and no end'],
  [{ fail_at: 'EDITING', fail_times: 2 }, 'reported FAILED, with nothing left to do'],
  [{ goes_on_to: ['editing', 'regeneration'] }, 'reported REGENERATING, with nothing left to do'],
  [{ restates: true }, 'the draft was in keep, and DRAFT_READY came with another one'],
])('a pipeline with nothing left to do that does %o is told what is wrong', async (pipeline, seen) => {
  const lines = await judged({ pipeline }, 'leaves-a-finished-draft', '--timeout', '4');

  expect(lines[0]).toMatch(
    /^FAIL {2}leaves-a-finished-draft: .+\n +seen: .+\n +fix: {2}.+(report EDITING|take each ref)/,
  );
  expect(lines[0]).toContain(seen);
});

test('a redo that writes over the draft of before is warned of', async () => {
  const lines = await judged({ pipeline: { overwrites: true } }, 'makes-another-draft');

  expect(lines[0]).toMatch(
    /^pass {2}makes-another-draft: .+\nwarn {2}makes-another-draft\n +seen: two pipelines have made s3:\S+draft\n/,
  );
});

test('what is asked to be exported, and with what, is the author’s to say', async () => {
  const orchestrator = await startOrchestrator({ secrets: [secret], quiet: true, stepMs: 1 });
  onTestFinished(orchestrator.close);
  const args = ['--url', `${orchestrator.url}/dispatches`, '--secret', secret, '--only', 'exports-the-draft'];

  await conformance([...args, '--formats', 'docx,burned-in', '--params', '{"lines":2}'], () => {});

  const { exported } = await new OrchestratorClient(orchestrator.url).log();
  expect(exported).toMatchObject([{ formats: ['docx', 'burned-in'], params: { lines: 2 } }]);
});

test('a dispatch may take as long to be answered as Retake waits by default', async () => {
  const settings = readFileSync(new URL('../../wrangler.toml', import.meta.url), 'utf8');
  const [, seconds] = /^ORCHESTRATOR_TIMEOUT_SECONDS = (.+)$/m.exec(settings) ?? [];
  const lines: string[] = [];

  await conformance(['--help'], (line) => lines.push(line));

  expect(lines.join('\n')).toContain(`(default ${seconds}, as Retake waits)`);
});

test('a report that is refused is answered with the problem that Retake has for it', async () => {
  const { job, report } = await reporting();
  const refused: ErrorCode[] = [
    'DISPATCH_NOT_CURRENT',
    'MANIFEST_FULL',
    'REPORTS_EXHAUSTED',
    'FSM_TRANSITION_INVALID',
  ];

  for (const errorCode of refused) {
    const { status, title, retryable } = ERRORS[errorCode];
    job.respond = () => ({ status, errorCode });
    const answer = await report(await job.run().catch(() => job.retry()), { status: 'AUDIO_EXTRACTING' });

    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ status, title, error_code: errorCode, retryable });
    job.timeOut();
  }
});

test('an event_id is known within its dispatch, and new in that of a retry', async () => {
  const { job, report } = await reporting();
  const run = await job.run();
  const event = { event_id: 'event-1', status: 'AUDIO_READY' };
  const statuses = [(await report(run, event)).status];
  statuses.push((await report(run, { ...event, progress_pct: 5 })).status);
  job.timeOut();
  const retry = await job.retry();

  statuses.push((await report(retry, { ...event, status: 'AUDIO_EXTRACTING' })).status);

  expect(statuses).toEqual([204, 409, 204]);
  expect(job.flaw?.message).toMatch(/^two different reports bear one event_id/);
});

test('a clock that goes back is no flaw where each status follows from the one before', async () => {
  const { job, report } = await reporting();
  const run = await job.run();
  const later = { status: 'AUDIO_EXTRACTING', occurred_at: new Date(Date.now() + 60_000).toISOString() };

  const answers = [await report(run, later), await report(run, { status: 'AUDIO_READY' })];

  expect(answers.map(({ status }) => status)).toEqual([204, 204]);
  expect(job.flaw).toBeNull();
});

/** What the kit says, with these checks, of a local orchestrator that follows this plan. */
async function judged(plan: Plan, only: string, ...more: string[]): Promise<string[]> {
  const orchestrator = await startOrchestrator({ secrets: [secret], quiet: true, stepMs: 1 });
  onTestFinished(orchestrator.close);
  await new OrchestratorClient(orchestrator.url).plan('default', plan);
  const lines: string[] = [];
  const args = ['--url', `${orchestrator.url}/dispatches`, '--secret', secret, '--only', only, ...more];
  await conformance(args, (line) => lines.push(line));
  return lines;
}

async function reporting() {
  const { receiver, baseUrl } = await Receiver.start({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => receiver.close());
  const options = { videoUri: 's3://media/talk.mp4', modelProfile: 'balanced' } as Scene['options'];
  const job: JobUnderTest = new Scene(options, receiver, baseUrl).newJob();
  const report = ({ callback_url, callback_token }: Message, body: Record<string, unknown>) =>
    fetch(String(callback_url), {
      method: 'POST',
      headers: { authorization: `Bearer ${callback_token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ event_id: newId('dsp'), occurred_at: new Date().toISOString(), correlation_id: 'c' },
        ...body,
      }),
    });
  return { job, report };
}

/** The local orchestrator behind a door: the key after the kit's first is kept there until it has come twice. */
async function busyOrchestrator(status: number) {
  const orchestrator = await startOrchestrator({ secrets: [secret], quiet: true, stepMs: 5 });
  const keys = new Set<string>();
  let kept: { key: string; letIn: () => void } | null = null;
  let turnedAway = 0;
  const server = createServer(async (request, response) => {
    const key = String(request.headers['idempotency-key']);
    const body = await textOf(request);
    if (kept?.key === key) {
      turnedAway++;
      response.writeHead(status).end();
      kept.letIn();
      kept = null;
      return;
    }
    const isNew = !key.endsWith('.cancel') && !keys.has(key);
    if (isNew) keys.add(key);
    if (isNew && keys.size === 2) {
      const twin = Promise.withResolvers<void>();
      kept = { key, letIn: twin.resolve };
      await twin.promise;
    }
    const headers = new Headers();
    for (const name of ['idempotency-key', 'webhook-id', 'webhook-timestamp', 'webhook-signature'])
      headers.set(name, String(request.headers[name]));
    const answer = await fetch(`${orchestrator.url}/dispatches`, { method: 'POST', headers, body });
    response.writeHead(answer.status).end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await orchestrator.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { url: `http://127.0.0.1:${address.port}/`, turnedAway: () => turnedAway };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
