// A chaos run in numbers, what it takes for one to count, and how it is printed.
import { styleText } from 'node:util';
import { VIOLATIONS, type Violation } from '../rules/rule.ts';
import type { Sightings } from '../rules/situations.ts';
import type { FaultKind } from './chaos-plans.ts';
import type { ChaosRecords } from './chaos-records.ts';

const SHOWN_VIOLATIONS = 20;

export interface ChaosReport {
  /** Every promise was kept, and enough went wrong for that to mean something. */
  ok: boolean;
  seed: number;
  seconds: number;
  /** How many times as long as asked for it has lasted, pauses and faults: more than once on a slow machine. */
  pace: number;
  kills: number;
  jobs: number;
  /** The fewest jobs in flight at any look while the faults lasted. */
  fewestInFlight: number;
  requests: number;
  answers: Record<string, number>;
  executions: number;
  callbacksAccepted: number;
  /** What became of the dispatches that were answered 202 while they were still on their way. */
  pending: Record<string, number>;
  /** Executions of dispatches that were withdrawn: the orchestrator took them and never said so. */
  ghosts: number;
  faults: Record<FaultKind, number>;
  /** How many jobs were in each. */
  situations: Record<string, number>;
  restBoundSeconds: number;
  restedAfterSeconds: number | null;
  violations: Violation[];
  /** Why this run proves nothing; empty when it counts. */
  tooTame: string[];
}

export function summarise({ calls, jobs, log }: ChaosRecords) {
  const answers: Record<string, number> = {};
  for (const { ending, status, errorCode } of calls) {
    const code = ending === 'answered' ? `${status}${status >= 400 ? ` ${errorCode}` : ''}` : ending;
    answers[code] = (answers[code] ?? 0) + 1;
  }
  const stateOf = new Map(
    jobs.flatMap(({ dispatches }) => dispatches.map((row) => [row.dispatch_id, row.dispatch_state] as const)),
  );
  const pendingIds = new Set(
    calls
      .filter(({ status, dispatchState }) => status === 202 && dispatchState === 'PENDING')
      .map((call) => call.dispatchId),
  );
  const pending: Record<string, number> = {};
  for (const id of pendingIds) {
    const state = stateOf.get(id ?? '') ?? 'LOST';
    const end = ['UNDELIVERABLE', 'CANCELLED', 'LOST'].includes(state) ? state : 'delivered';
    pending[end] = (pending[end] ?? 0) + 1;
  }
  return {
    jobs: jobs.length,
    requests: calls.length,
    answers,
    executions: log.executions.length,
    callbacksAccepted: log.callbacks.filter(({ answer }) => answer === 204).length,
    pending,
    ghosts: log.executions.filter(({ dispatch_id }) => stateOf.get(dispatch_id) === 'UNDELIVERABLE').length,
  };
}

/** Each promise is only tested if what could break it happened. */
export function whyTooTame(
  report: Pick<
    ChaosReport,
    'kills' | 'seconds' | 'pace' | 'faults' | 'answers' | 'executions' | 'fewestInFlight'
  >,
  { jobs, seen }: { jobs: number; seen: Sightings },
): string[] {
  const { kills, seconds, pace, faults, answers, executions, fewestInFlight } = report;
  const fewestKills = Math.max(3, Math.floor(atPace(seconds, pace) / 30));
  const accepted = answers['202'] ?? 0;
  return [
    ...(kills < fewestKills ? [`${kills} kills, and at least ${fewestKills} are needed`] : []),
    ...(fewestInFlight < jobs ? [`only ${fewestInFlight} of ${jobs} jobs were in flight`] : []),
    ...Object.entries(faults).flatMap(([kind, count]) => (count === 0 ? [`never happened: ${kind}`] : [])),
    ...(answers.cut ? [] : ['no request was cut off by a kill']),
    ...(answers.forgotten ? [] : ['no editor gave up waiting']),
    ...(accepted < jobs ? [`only ${accepted} dispatches were accepted`] : []),
    ...(executions < jobs ? [`only ${executions} executions`] : []),
    ...seen
      .tooSeldom(leastSeen(atPace(seconds, pace)))
      .map((situation) => `came up too seldom: ${situation}`),
  ];
}

/** The seconds that it has lasted, as a machine of ordinary speed has them. */
const atPace = (seconds: number, pace: number): number => Math.round(seconds / pace);

/** How many jobs have to be in each situation, in faults that last so long: one at full length, however busy the machine is. */
export const leastSeen = (seconds: number): number => Math.floor(seconds / 300);

export function printReport(report: ChaosReport, print: (line: string) => void): void {
  const row = (name: string, value: unknown) => print(`  ${name.padEnd(28)}${value}`);
  const rows = (title: string, counts: Record<string, number>) => {
    print(`  ${title}`);
    for (const [name, count] of Object.entries(counts).sort(([a], [b]) => a.localeCompare(b))) {
      print(`    ${name.padEnd(56)}${String(count).padStart(8)}`);
    }
  };
  print(`\nchaos on the shipped service, seed ${report.seed}`);
  row('seconds of faults', report.seconds);
  row('times as long as asked for', report.pace.toFixed(1));
  row('kills (SIGKILL)', report.kills);
  row('jobs', report.jobs);
  row('jobs in flight, at least', report.fewestInFlight);
  row('requests', report.requests);
  row('executions', report.executions);
  row('callbacks accepted (204)', report.callbacksAccepted);
  row('ghosts, all fenced', report.ghosts);
  row('at rest after', `${report.restedAfterSeconds ?? 'more than'} s (bound ${report.restBoundSeconds} s)`);
  rows('answers', report.answers);
  rows('answered 202 PENDING, ended', report.pending);
  rows('faults seen in the orchestrator’s log', report.faults);
  rows(
    `jobs in each situation, at least ${leastSeen(atPace(report.seconds, report.pace))}`,
    report.situations,
  );
  print('  violations');
  for (const kind of VIOLATIONS) {
    const count = report.violations.filter((violation) => violation.kind === kind).length;
    print(`    ${kind.padEnd(56)}${String(count).padStart(8)}`);
  }
  for (const { kind, jobId, what } of report.violations.slice(0, SHOWN_VIOLATIONS)) {
    print(styleText('red', `  ${kind}: ${jobId ?? ''} ${what}`));
  }
  for (const why of report.tooTame) print(styleText('red', `  this run does not count: ${why}`));
}
