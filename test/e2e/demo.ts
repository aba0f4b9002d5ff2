// npm run demo: the service and an orchestrator on this machine, and the story that Retake exists for.
import { parseArgs, styleText } from 'node:util';
import { playCorrections } from './correction-story.ts';
import { Narrator } from './narrator.ts';
import { playOutage } from './outage-story.ts';
import { Stack } from './stack.ts';
import { playStory } from './story.ts';
import { timeRetries } from './timing.ts';

const HELP = `npm run demo [-- --keep]

Starts the service under wrangler dev and a local orchestrator on free ports, plays the story of a failed job that
is retried under other models, each time from the latest result that still holds, then corrected, made again and exported;
then of thirty jobs that an outage fails, and one request that retries them. Checks every fact of it, and stops everything again.
Takes about fifteen seconds.
  --keep  then leaves everything running, to be looked at in the console, until Ctrl-C; nothing of it is kept after that
Exit status: 0 when every fact holds, 1 when one does not, 130 when interrupted.`;

const RETRIES_TIMED = 25;

async function demo(isKept: boolean): Promise<void> {
  const narrator = new Narrator();
  const startedAt = performance.now();
  const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1);
  narrator.say('Starting the service (wrangler dev) and an orchestrator …');
  const stack = await Stack.start({
    ...{ isUnderWranglerDev: true, stepMs: 150 },
    ...{ withArtifactStore: true, withSignIn: isKept },
  });
  try {
    narrator.say(`Ready after ${seconds()} s: ${stack.service.url} and ${stack.orchestrator.url}`);
    const alice = await stack.editor('alice');
    const { client } = stack.orchestrator;
    const jobId = await playStory(alice, client, stack.artifacts, narrator);
    await playCorrections(alice, jobId, client, narrator);
    await playOutage(alice, client, narrator);
    const times = await timeRetries(await stack.editor('bob'), stack.orchestrator.client, RETRIES_TIMED);
    const median = times[Math.floor(times.length / 2)] ?? Number.NaN;
    narrator.say(`\nA retry through the queue and back: median ${median.toFixed(1)} ms (n=${times.length}).`);
    narrator.say(`All as it should be, in ${seconds()} s.`);
    if (isKept) await keep(stack, narrator);
  } catch (error) {
    narrator.say(`\nThe service said last:\n${stack.service.child.output.split('\n').slice(-15).join('\n')}`);
    throw error;
  } finally {
    await stack.stop();
  }
}

/** Until Ctrl-C, or until the service ends by itself. */
async function keep(stack: Stack, narrator: Narrator): Promise<void> {
  narrator.say(`
The console is at ${stack.serviceUrl}/console/ and shows all of this.
To sign in, choose Alice Adams at the local provider, which asks for no password.
Ctrl-C stops everything, and nothing of it is kept.`);
  throw new Error(`the service ended (${await stack.service.child.exited})`);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Leaving is enough: what was started is killed and its state removed on exit.
  process.once(signal, () => process.exit(130));
}
try {
  const { values } = parseArgs({
    options: { keep: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) console.log(HELP);
  else await demo(values.keep);
} catch (error) {
  console.error(
    `\n${styleText('red', 'Not as it should be:')} ${error instanceof Error ? error.message : error}`,
  );
  process.exitCode = 1;
}
