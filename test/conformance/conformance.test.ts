// The kit and the local orchestrator hold each other: it finds nothing wrong with that one, a process of its own, and finds
// each way in which it can be told to break the contract.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Delivery } from '../../src/contract/messages.ts';
import { deliver } from '../../src/dispatch/orchestrator.ts';
import { NO_LABELS } from '../../src/domain/labels.ts';
import { startReceiver } from '../orchestrator/arrange.ts';
import { newId } from '../support/ids.ts';
import { OrchestratorClient } from '../support/orchestrator/client.ts';
import type { Misbehaviour } from '../support/orchestrator/misbehaviour.ts';
import type { Plan } from '../support/orchestrator/plan.ts';
import { startOrchestrator } from '../support/orchestrator/server.ts';
import { startOrchestratorProcess } from '../support/service.ts';
import { CHECKS } from './checks.ts';
import type { JobUnderTest, Message } from './job-under-test.ts';
import { conformance } from './main.ts';
import { send } from './sender.ts';

const secret = `whsec_${randomBytes(32).toString('base64')}`;

/** The check that is meant for each misbehaviour. */
const CAUGHT_BY = {
  'accepts-unsigned': 'refuses-unsigned',
  'accepts-wrong-signature': 'refuses-wrong-signature',
  'accepts-stale': 'refuses-stale',
  'claims-forgeries': 'refuses-unsigned',
  'reads-one-signature': 'takes-any-signature',
  'answers-too-late': 'answers-in-time',
  'executes-repeats': 'executes-once',
  'locks-known-keys': 'executes-once',
  'wrong-token': 'reports-by-contract',
  'invalid-body': 'reports-by-contract',
  'skips-a-status': 'reports-by-contract',
  'reuses-event-ids': 'reports-by-contract',
  'goes-back-in-time': 'reports-by-contract',
  'withholds-artifacts': 'reports-by-contract',
  silent: 'shows-signs-of-life',
  'gives-up-callbacks': 'repeats-unanswered-reports',
  'new-event-id-on-repeat': 'repeats-unanswered-reports',
  'gives-up-on-429': 'repeats-unanswered-reports',
  'repeats-refused-reports': 'drops-refused-reports',
  'restarts-from-scratch': 'resumes-from-checkpoint',
  'resumes-too-far': 'resumes-from-upload',
  'remakes-what-is-kept': 'keeps-what-is-kept',
  'tidies-kept-refs': 'keeps-corrections',
  'exports-unasked': 'leaves-a-finished-draft',
  'redrafts-unasked': 'leaves-a-finished-draft',
  'finishes-a-finished-draft': 'leaves-a-finished-draft',
  'takes-unknown-types': 'refuses-unknown-messages',
  'redoes-as-a-retry': 'makes-another-draft',
  'redoes-everything': 'makes-another-draft',
  'hides-what-a-redo-makes': 'makes-another-draft',
  'executes-repeated-redos': 'redoes-once',
  'exports-to-one-format': 'exports-the-draft',
  'redrafts-for-an-export': 'exports-the-draft',
  'executes-repeated-exports': 'exports-once',
  'forgets-formats': 'retries-an-export',
  'hides-failure': 'reports-failure',
  'goes-on-after-failure': 'reports-failure',
  'ignores-cancel': 'stops-on-cancel',
  'wants-work-of-cancel': 'stops-on-cancel',
  'refuses-repeated-cancel': 'stops-on-cancel',
  'forgets-early-cancel': 'remembers-early-cancel',
  'ignores-409': 'stops-on-409',
  'ignores-terminal': 'stops-on-409',
  'ignores-full': 'stops-on-409',
  'ignores-401': 'stops-on-401',
} as const satisfies Record<Exclude<Misbehaviour, 'writes-to-fixed-keys'>, string>;
const OF_BEFORE: Plan = { unknown_types: ['job.redo', 'job.export'] };
const BREAKING = Object.entries(CAUGHT_BY) as [keyof typeof CAUGHT_BY, string][];

describe('an orchestrator that keeps the contract', () => {
  test('is the local one: as a process of its own it passes every check', async () => {
    const orchestrator = await startOrchestratorProcess({ signingSecret: secret, stepMs: 5 });
    onTestFinished(() => orchestrator.stop());
    const patient = ['--timeout', '30', '--heartbeat', '4', '--concurrency', '20'];

    const { status, lines } = await outcomeOf([
      '--url',
      orchestrator.dispatchesUrl,
      '--secret',
      secret,
      ...patient,
    ]);

    expect(lines.filter((line) => line.startsWith('FAIL'))).toEqual([]);
    expect(lines.at(-1)?.trim()).toBe(`${CHECKS.length} of ${CHECKS.length} checks passed.`);
    expect(status).toBe(0);
  });
});

describe('an orchestrator that breaks the contract', () => {
  test.concurrent.each(BREAKING)('and %s fails %s', async (misbehaviour, check) => {
    const { status, lines } = await judge([misbehaviour], ['--only', check]);

    expect(lines.filter((line) => line.startsWith('FAIL'))).toEqual([
      expect.stringMatching(new RegExp(`^FAIL {2}${check}: .+\n +seen: .+\n +fix: {2}.+$`)),
    ]);
    expect(status).toBe(1);
  });

  test('and makes everything again fails the check of what is kept too', async () => {
    const { status, lines } = await judge(['restarts-from-scratch'], ['--only', 'keeps-what-is-kept']);

    expect(lines[0]).toMatch(/^FAIL {2}keeps-what-is-kept: /);
    expect(status).toBe(1);
  });

  test('every check is there for some way of breaking it', () => {
    expect(new Set(Object.values(CAUGHT_BY))).toEqual(new Set(CHECKS.map(({ name }) => name)));
  });
});

describe('an orchestrator of before', () => {
  const without = ['--without', 'redo,export'];
  const knowing = CHECKS.filter(({ needs }) => needs !== undefined).map(({ name }) => name);

  test('is told what it could say of itself where it refuses a message that the kit counts on', async () => {
    const { status, lines } = await judge([], ['--only', knowing.join(',')], OF_BEFORE);

    expect(status).toBe(1);
    expect(lines.filter((line) => line.startsWith('pass'))).toEqual([]);
    for (const name of knowing) {
      const what = /export/.test(name) ? 'export' : 'redo';
      const [finding = ''] = lines.filter((line) => line.startsWith(`FAIL  ${name}:`));
      expect(finding).toMatch(
        new RegExp(`\n +seen: a signed job.${what} was answered 400\n +fix: {2}.+--without ${what}\\.`),
      );
    }
  });

  test('that says so passes all the others, which hold it to its word', async () => {
    const patient = ['--timeout', '30', '--heartbeat', '3', '--concurrency', '20'];
    const { status, lines } = await judge([], [...without, ...patient], OF_BEFORE);

    expect(lines.filter((line) => line.startsWith('FAIL'))).toEqual([]);
    const others = CHECKS.length - knowing.length;
    expect(lines.at(-1)?.trim()).toBe(`${others} of ${others} checks passed.`);
    expect(status).toBe(0);
  });

  test('is found out by one check where it takes what it says it does not', async () => {
    const { lines } = await judge([], [...without, '--only', 'refuses-unknown-messages']);

    expect(lines[0]).toMatch(
      /^FAIL {2}refuses-unknown-messages: .+\n +seen: a signed job\.(redo|export) was answered 202 instead/,
    );
  });
});

describe('an orchestrator that keeps the contract to its own loss', () => {
  test('is warned when two pipelines write to one place', async () => {
    const { status, lines } = await judge(['writes-to-fixed-keys'], ['--only', 'keeps-what-is-kept']);

    expect(lines[0]).toMatch(
      /^pass {2}keeps-what-is-kept: .+\nwarn {2}keeps-what-is-kept\n +seen: two pipelines have made s3:\S+\n +fix: {2}.+$/,
    );
    expect(status).toBe(0);
  });
});

describe('the command', () => {
  test('exits 1 when a check fails, and prints no secret', async () => {
    const orchestrator = await startOrchestrator({
      secrets: [secret],
      quiet: true,
      misbehave: ['ignores-401'],
    });
    const args = ['--url', `${orchestrator.url}/dispatches`, '--heartbeat', '5', '--only', 'stops-on-401'];

    const { exitCode, output } = await runCommand(args, { DISPATCH_SIGNING_SECRET: secret });
    await orchestrator.close();

    expect(exitCode).toBe(1);
    expect(output).toContain('FAIL  stops-on-401');
    expect(output).not.toContain(secret.replace('whsec_', ''));
  });

  test('says what is wrong with its arguments, and never repeats a secret', async () => {
    const url = ['--url', 'http://127.0.0.1:9/dispatches'];
    const outcomes = await Promise.all([
      outcomeOf([]),
      outcomeOf(['--url', 'n8n']),
      outcomeOf([...url, '--secret', 'whsec_!not/base64']),
      outcomeOf([...url, '--secret', secret, '--only', 'nothing']),
      outcomeOf([...url, '--secret', secret, '--timeout', 'soon']),
      outcomeOf([...url, '--secret', secret, '--without', 'run']),
      outcomeOf([...url, '--secret', secret, '--params', '[]']),
    ]);

    expect(outcomes.map(({ status }) => status)).toEqual([2, 2, 2, 2, 2, 2, 2]);
    expect(outcomes.map(({ lines }) => lines.join('\n'))).toEqual([
      'conformance: --url is missing (see --help)',
      'conformance: --url must be an http or https URL, not "n8n"',
      'conformance: the secret is not whsec_ and base64',
      'conformance: there is no check "nothing" (see --help)',
      'conformance: --timeout must be a number of seconds, not "soon"',
      'conformance: --without takes redo and export, not "run"',
      'conformance: --params must be a JSON object, not "[]"',
    ]);
  });

  test.each([
    ['nobody listens', null, 'a signed job.run got no answer'],
    ['everything is answered 404', 404, 'a signed job.run was answered 404'],
  ])(
    'says first that nothing takes dispatches where %s, and checks nothing',
    async (_where, status, seen) => {
      const url = status === null ? 'http://127.0.0.1:9/dispatches' : await answeringUrl(() => status);

      const outcome = await outcomeOf(['--url', url, '--secret', secret]);

      expect(outcome.status).toBe(1);
      expect(outcome.lines).toEqual([
        expect.stringMatching(
          new RegExp(
            `^Nothing at ${url} takes dispatches, so that no check was run.\n +seen: ${seen}\n +fix: {2}.+$`,
          ),
        ),
      ]);
    },
  );

  test('counts nothing as refused where everything is, though a first dispatch was taken', async () => {
    const statuses = [202];
    const url = await answeringUrl(() => statuses.shift() ?? 404);
    const refusals = CHECKS.map(({ name }) => name)
      .filter((name) => name.startsWith('refuses-'))
      .sort();
    const options = ['--heartbeat', '0.1', '--only', refusals.join(',')];

    const { status, lines } = await outcomeOf(['--url', url, '--secret', secret, ...options]);

    expect(status).toBe(1);
    expect(lines.slice(0, -1).sort()).toEqual(
      refusals.map((name) =>
        expect.stringMatching(
          new RegExp(`^FAIL {2}${name}: .+\n.+ as Retake sends it was answered 404 too\n`),
        ),
      ),
    );
    expect(lines.at(-1)?.trim()).toBe(`0 of ${refusals.length} checks passed.`);
  });
});

describe('the kit', () => {
  test('sends what Retake sends: the same headers and the same fields', async () => {
    const tokenKeys = ['a-key-that-is-only-here-0123456789'];
    const seen: { headers: string[]; fields: string[] }[] = [];
    const server = createServer(async (request, response) => {
      const fields = Object.keys(JSON.parse(await textOf(request))).sort();
      const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${shapeOf(value)}`);
      seen.push({ headers: headers.sort(), fields });
      response.writeHead(202).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const url = typeof address === 'object' ? `http://127.0.0.1:${address?.port}/` : '';
    const newJob = await startReceiver();
    const [job, other] = [newJob(), newJob()];
    const run = await job.run();
    await playedToItsEnd(job, run);
    const redo = await job.redo();
    job.timeOut();
    const order = await job.export({ formats: ['srt'], params: { lines: 2 } });
    await other.run();
    other.timeOut();
    const messages = [run, redo, order, await other.retry(), job.cancel(order, null)];

    for (const message of messages) await send(message, { url, secrets: [secret], timeoutMs: 10_000 });
    for (const message of messages) await deliver(deliveryOf(message), configOf(url, tokenKeys));
    server.close();

    expect(seen).toHaveLength(2 * messages.length);
    expect(seen.slice(0, messages.length)).toEqual(seen.slice(messages.length));
  });
});

/** By the local orchestrator. */
async function playedToItsEnd(job: JobUnderTest, message: Message): Promise<void> {
  const orchestrator = await startOrchestrator({ secrets: [secret], quiet: true, stepMs: 0 });
  await send(message, { url: `${orchestrator.url}/dispatches`, secrets: [secret], timeoutMs: 10_000 });
  await job.until(() => job.isOver, 10_000);
  await orchestrator.close();
}

/** Answers each request with the next status, and does nothing else. */
async function answeringUrl(nextStatus: () => number): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(nextStatus()).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}/dispatches`;
}

const outcomeOf = async (args: readonly string[]) => {
  const lines: string[] = [];
  const status = await conformance(args, (line) => lines.push(line));
  return { status, lines };
};

/** The kit against a local orchestrator that breaks the contract in these ways. */
async function judge(misbehave: readonly Misbehaviour[], options: readonly string[], plan: Plan = {}) {
  const orchestrator = await startOrchestrator({
    secrets: [secret],
    quiet: true,
    stepMs: 5,
    callbackBackoffMs: 5,
    misbehave,
  });
  await new OrchestratorClient(orchestrator.url).plan('default', plan);
  const url = `${orchestrator.url}/dispatches`;
  const hasty = ['--timeout', '10', '--heartbeat', '3', '--answer-within', '2.5', '--concurrency', '20'];
  try {
    return await outcomeOf(['--url', url, '--secret', secret, ...hasty, ...options]);
  } finally {
    await orchestrator.close();
  }
}

function runCommand(args: readonly string[], env: Record<string, string>) {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  return new Promise<{ exitCode: number | null; output: string }>((resolve) => {
    const child = execFile(
      process.execPath,
      [main, ...args],
      { env: { ...process.env, ...env } },
      (_, out, err) => resolve({ exitCode: child.exitCode, output: out + err }),
    );
  });
}

/** Of the whole configuration a delivery needs these alone. */
function configOf(url: string, callbackTokenKeys: string[]): Parameters<typeof deliver>[1] {
  return {
    orchestratorUrl: url,
    publicBaseUrl: url,
    callbackTokenKeys,
    dispatchSigningSecrets: [secret],
  } as unknown as Parameters<typeof deliver>[1];
}

function deliveryOf({ dispatch_id, traceparent, correlationId, ...message }: Message): Delivery {
  return {
    type: message.type as Delivery['type'],
    task: message.formats ? { kind: 'export', formats: ['srt'], params: '{}' } : { kind: 'draft' },
    dispatchId: dispatch_id,
    operationId: null,
    jobId: newId('job'),
    projectId: newId('prj'),
    owner: null,
    ...NO_LABELS,
    videoUri: 's3://a/b',
    modelProfile: 'balanced',
    resumeFromStatus: message.resume_from_status ? 'TRANSCRIPT_READY' : null,
    checkpointRef: message.checkpoint_ref ? 's3://a/b' : null,
    engines: {},
    stages: [],
    executionId: null,
    traceparent,
    correlationId,
    mayBeTaken: false,
    timeoutMs: 10_000,
    claim: 'claim-1',
  };
}

/** What is the same in two messages: ids, times and signatures differ, the form does not. */
function shapeOf(value: string | string[] | undefined): string {
  return String(value)
    .replaceAll(/[0-9a-zA-Z+/=]{16,}/g, '…')
    .replaceAll(/\d+/g, '0');
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
