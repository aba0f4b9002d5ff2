// The command line of the orchestrator: arguments, the secret from the environment, signals.

import { parseArgs } from 'node:util';
import { misbehaviours, toMisbehaviours } from './misbehaviour.ts';
import { startOrchestrator } from './server.ts';

const help = `A local orchestrator that stands in for n8n: receives signed dispatches, plays a pipeline, calls back.

Usage: DISPATCH_SIGNING_SECRET=whsec_… npx node test/support/orchestrator/main.ts [options]

  --port N         port to listen on; 0 takes a free one (default 0)
  --host ADDRESS   address to bind (default 127.0.0.1); /control answers loopback callers only
  --step-ms N      time before each callback (default 300)
  --backoff-ms N   first wait before an unanswered callback is repeated, doubling to 5 s (default 200)
  --store URL      put what is made behind this URL, the way to the local bucket (default: names alone)
  --misbehave A,B  break the contract on purpose: ${misbehaviours.join(', ')}
  --log FILE       keep the log in FILE as JSON lines; an existing one is continued
  --quiet          print the address only
  --help           this text

DISPATCH_SIGNING_SECRET: Standard Webhooks secrets (whsec_…), separated by commas; any of them verifies.

Endpoints:
  POST   /dispatches                     job.run, job.retry, job.redo, job.export, job.cancel
  GET    /healthz
  PUT    /control/plans/{job_id}         JSON plan (see plan.ts); "default" is for jobs without one
  DELETE /control/plans/{job_id}
  GET    /control/plans
  GET    /control/log?job_id=            requests, executions, made, exported, callbacks, cancels, rejections
  DELETE /control/log?job_id=            forgets records, never idempotency keys
  GET    /control/wait?job_id=&what=requests|executions|made|exported|callbacks|cancels|rejections|held|idle&count=&timeout_ms=
  POST   /control/release/{job_id}       lets go of held requests and paused pipelines

Example, a pipeline that fails while transcribing, once:
  curl -X PUT http://127.0.0.1:PORT/control/plans/default -d '{"pipeline":{"fail_at":"TRANSCRIBING"}}'`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      'step-ms': { type: 'string', default: '300' },
      'backoff-ms': { type: 'string', default: '200' },
      store: { type: 'string' },
      misbehave: { type: 'string' },
      log: { type: 'string' },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(help);

  const given: string = process.env.DISPATCH_SIGNING_SECRET ?? '';
  const secrets = given
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
  if (secrets.length === 0) throw new Error('DISPATCH_SIGNING_SECRET is missing (whsec_…, see --help)');

  const orchestrator = await startOrchestrator({
    secrets,
    port: wholeNumber('--port', values.port),
    host: values.host,
    stepMs: wholeNumber('--step-ms', values['step-ms']),
    callbackBackoffMs: wholeNumber('--backoff-ms', values['backoff-ms']),
    quiet: values.quiet,
    misbehave: toMisbehaviours(values.misbehave?.split(',') ?? []),
    ...(values.store === undefined ? {} : { storeUrl: values.store }),
    ...(values.log === undefined ? {} : { logFile: values.log }),
  });
  // A spawner that read the address may close the pipe; that is no reason to die.
  process.stdout.on('error', () => {});
  console.log(`orchestrator listening on ${orchestrator.url}`);

  const stop = () => void orchestrator.close();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${option} must be a whole number, not "${text}"`);
  return Number(text);
}

main().catch((error: unknown) => {
  console.error(`orchestrator: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
