// Chaos on the service as it ships, under load: its runtime killed every few seconds, the orchestrator
// misbehaving; then the faults stop, and an outside checker judges from what everybody saw. Alone or by npm run soak.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Stack } from '../e2e/stack.ts';
import { editorToken } from '../support/editor-token.ts';
import type { OrchestratorClient } from '../support/orchestrator/client.ts';
import { check, sightings } from './chaos-checker.ts';
import { ChaosClient, type Done, type Pace } from './chaos-client.ts';
import { type Account, collect, restBound } from './chaos-collect.ts';
import { type Surroundings, workAsEditor } from './chaos-editor.ts';
import { Keeper } from './chaos-keeper.ts';
import { countFaults, type PlanSet, randomOf, SLOWEST } from './chaos-plans.ts';
import type { Call, ChaosRecords } from './chaos-records.ts';
import { type ChaosReport, printReport, summarise, whyTooTame } from './chaos-report.ts';

const HELP = `node test/soak/chaos.ts [options]

Starts the service as it ships and an orchestrator, keeps many jobs in flight, kills the runtime with SIGKILL
every few seconds while the orchestrator misbehaves, lets it all come to rest, and checks every promise from outside.

  --jobs N         jobs in flight at any time (default 200)
  --seconds N      how long the faults last (default 180), and longer on a slow machine, as all pauses are
  --kill-every A-B seconds from the service being up until it is killed again (default 3-8)
  --seed N         what is drawn: plans, pauses, requests (default 1)
  --records FILE   writes down everything that was seen, for an autopsy; it holds callback tokens
  --help           this text

Exit status: 0 when every promise was kept, 1 when one was broken or too little went wrong to tell, 130 when interrupted.`;

const ACCOUNTS = 10;
const PROGRESS_EVERY_MS = 10_000;
/** For each so many jobs one dispatch is delivered before the next kill: a service that only recovers shows nothing else. */
const DELIVERED_PER_KILL = 10;
/** In which a machine of ordinary speed is taken to have one more job uploaded: two hundred in 2.5 s. */
const RAMP_MS_PER_JOB = 12.5;
const DELIVERED = /"event":"delivery_attempted".*"outcome":"delivered"/;
const SECRET = /rtk1\.\S+|eyJ[\w-]{8,}\S*|whsec_\S+/g;
const DEADLINES = { deadlineSeconds: 30, ackSeconds: 10, stageSeconds: 15 };
const DEFAULT_WAIT_SECONDS = 8;
const WINDOWS = {
  defaultWaitMs: DEFAULT_WAIT_SECONDS * 1_000,
  deadlineMs: DEADLINES.deadlineSeconds * 1_000,
  longestRetryAfterMs: SLOWEST.retryAfterMs,
};

export interface ChaosOptions {
  jobs: number;
  seconds: number;
  /** Milliseconds, from the service being up. */
  killEveryMs: readonly [number, number];
  seed: number;
  print: (line: string) => void;
  /** Where everything that was written down goes, for an autopsy; it holds callback tokens. */
  recordsFile?: string | undefined;
}

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const leaks = new Set<string>();
  const done: Done = { jobs: 0, deliveries: 0 };
  const stack = await Stack.start({
    vars: {
      DISPATCH_WAIT_SECONDS: DEFAULT_WAIT_SECONDS,
      DISPATCH_DEADLINE_SECONDS: DEADLINES.deadlineSeconds,
      // The local queue brings one batch after another, so that whoever hangs holds up all others.
      ORCHESTRATOR_TIMEOUT_SECONDS: 1.5,
      ACK_TIMEOUT_SECONDS: DEADLINES.ackSeconds,
      STAGE_TIMEOUT_SECONDS: DEADLINES.stageSeconds,
    },
    onServiceLine: (line) => {
      if (DELIVERED.test(line)) done.deliveries += 1;
      if (line.search(SECRET) >= 0) leaks.add(line.replaceAll(SECRET, '<secret>').slice(0, 300));
    },
  });
  try {
    return await unleash(stack, { leaks, done }, options);
  } finally {
    await stack.stop();
  }
}

async function unleash(
  stack: Stack,
  { leaks, done }: { leaks: Set<string>; done: Done },
  options: ChaosOptions,
): Promise<ChaosReport> {
  const { jobs, seconds, seed, killEveryMs } = options;
  const keeper = new Keeper(stack);
  const ended = new AbortController();
  const calls: Call[] = [];
  const around = {
    ...{
      orchestrator: stack.orchestrator.client,
      plans: [] as PlanSet[],
      inFlight: new Set<string>(),
      done,
      pace: { factor: 1 },
    },
    isOver: () => isOver,
  };
  let isOver = false;
  const accounts = await Promise.all(
    Array.from({ length: ACCOUNTS }, (_, index) =>
      openAccount(index, stack, { calls, seed, ended, pace: around.pace }),
    ),
  );
  const { say, fewestInFlight, stop } = follow(options, { keeper, calls, ...around });
  const boundSeconds = restBound(DEADLINES).reduce((sum, [, part]) => sum + part, 0);
  say(`once the faults stop, every job has to rest within ${boundSeconds} s:`);
  for (const [what, part] of restBound(DEADLINES)) say(`  ${String(part).padStart(3)} s  ${what}`);
  try {
    const rampFrom = Date.now();
    const editors = Promise.all(
      Array.from({ length: jobs }, (_, index) => {
        const account = accounts[index % accounts.length] as Account;
        return workAsEditor({ ...account, ...around, random: randomOf(seed * 1_000_003 + index) });
      }),
    );
    const rampedUp = async () => {
      while (fewestInFlight() === null) await sleep(100, undefined, { signal: ended.signal });
    };
    await Promise.race([editors, rampedUp(), keeper.crash]);
    const from = Date.now();
    around.pace.factor = Math.max(1, (from - rampFrom) / (jobs * RAMP_MS_PER_JOB));
    const pace = around.pace.factor;
    say(
      `${around.inFlight.size} jobs in flight; all lasts ${pace.toFixed(1)} times as long; the kills begin`,
    );
    const [least, most] = killEveryMs;
    const killing = keeper.killUntil(from + seconds * pace * 1_000, [least * pace, most * pace], {
      random: randomOf(seed ^ 0x6b696c6c),
      work: Math.ceil(jobs / DELIVERED_PER_KILL),
      done: () => done.deliveries,
    });
    await Promise.race([editors, killing, keeper.crash]);
    const calmAt = Date.now();
    isOver = true;
    await calmDown(around.orchestrator, around.plans);
    say('the faults are over');
    await Promise.race([editors, keeper.crash]);
    say('every request is answered');

    const collecting = collect(accounts, around.orchestrator, {
      ...{ calls, random: randomOf(seed), say },
      isLate: () => Date.now() - Math.max(calmAt, keeper.upSince) > boundSeconds * 1_000,
    });
    const { jobs: finalJobs, log, hasRested } = await Promise.race([collecting, keeper.crash]);
    for (const call of calls) call.metKill = keeper.wasDown(call.sentAt, call.endedAt);
    const records: ChaosRecords = { calls, jobs: finalJobs, log, leaks: [...leaks] };
    if (options.recordsFile) {
      const seen = JSON.stringify({ records, plans: around.plans });
      writeFileSync(options.recordsFile, seen, { mode: 0o600 });
    }
    const seen = sightings(records, WINDOWS);
    const told = {
      ...summarise(records),
      ...{ seed, pace, kills: keeper.kills, fewestInFlight: fewestInFlight() ?? 0 },
      seconds: Math.round((calmAt - from) / 1_000),
      faults: countFaults(log, around.plans),
      situations: seen.counts,
      restBoundSeconds: boundSeconds,
      restedAfterSeconds: hasRested
        ? Math.round((Date.now() - Math.max(calmAt, keeper.upSince)) / 1_000)
        : null,
      violations: check(records, WINDOWS),
    };
    const tooTame = whyTooTame(told, { jobs, seen });
    const report = { ...told, tooTame, ok: told.violations.length === 0 && tooTame.length === 0 };
    printReport(report, options.print);
    return report;
  } finally {
    isOver = true;
    stop();
    ended.abort();
    await keeper.done();
  }
}

/** Says every few seconds how it goes, and keeps an eye on the number of jobs in flight. */
function follow(
  { jobs, print }: ChaosOptions,
  seen: Pick<Surroundings, 'inFlight' | 'done' | 'isOver'> & { keeper: Keeper; calls: readonly Call[] },
) {
  const startedAt = Date.now();
  let fewest: number | null = null;
  const say = (line: string) =>
    print(`${String(Math.round((Date.now() - startedAt) / 1_000)).padStart(5)} s  ${line}`);
  const timers = [
    setInterval(() => {
      const { keeper, inFlight, done, calls } = seen;
      say(
        `${keeper.kills} kills, ${inFlight.size} jobs in flight, ${done.jobs} done, ${calls.length} requests`,
      );
    }, PROGRESS_EVERY_MS),
    setInterval(() => {
      // The ramp at the beginning does not count.
      const isRamp = fewest === null && seen.inFlight.size < jobs;
      if (!seen.isOver() && !isRamp) fewest = Math.min(fewest ?? seen.inFlight.size, seen.inFlight.size);
    }, 200),
  ];
  return { say, fewestInFlight: () => fewest, stop: () => timers.map(clearInterval) };
}

/** From now on the orchestrator behaves, whatever comes. */
async function calmDown(orchestrator: OrchestratorClient, plans: PlanSet[]): Promise<void> {
  const at = Date.now();
  const jobIds = new Set(plans.map(({ jobId }) => jobId));
  for (const jobId of jobIds) plans.push({ jobId, at, plan: {} });
  await orchestrator.plan('default', {});
  await Promise.all([...jobIds].map((jobId) => orchestrator.plan(jobId, {})));
}

async function openAccount(
  index: number,
  stack: Stack,
  around: { calls: Call[]; seed: number; ended: AbortController; pace: Pace },
): Promise<Account> {
  const actorId = `editor-${index}`;
  const token = await editorToken({ sub: actorId });
  const client = new ChaosClient(stack.serviceUrl, token, { ...around, ended: around.ended.signal });
  const body = { name: `Chaos ${index}` };
  const made = await client.insist(
    { operation: 'project', method: 'POST', path: '/projects', body },
    randomOf(around.seed),
  );
  return { client, actorId, projectId: made.body.id };
}

if (import.meta.main) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // Leaving is enough: what was started is killed and its state removed on exit.
    process.once(signal, () => process.exit(130));
  }
  const { values } = parseArgs({
    options: {
      jobs: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '180' },
      'kill-every': { type: 'string', default: '3-8' },
      seed: { type: 'string', default: '1' },
      records: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) console.log(HELP);
  else {
    const [least = 3, most = least] = values['kill-every'].split('-').map(Number);
    const numbers = [Number(values.jobs), Number(values.seconds), Number(values.seed), least, most];
    if (!numbers.every((number) => Number.isFinite(number) && number > 0)) throw new Error('see --help');
    const report = await runChaos({
      jobs: Number(values.jobs),
      seconds: Number(values.seconds),
      killEveryMs: [least * 1_000, most * 1_000],
      seed: Number(values.seed),
      print: (line) => console.log(line),
      recordsFile: values.records,
    });
    process.exitCode = report.ok ? 0 : 1;
  }
}
