// One run as a table on the terminal, as JSON, and as a Markdown page with charts.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { barChart } from './charts.ts';
import type { Contestant, Name } from './contestants.ts';
import { type EvidenceCost, evidenceFigure } from './evidence.ts';
import type { Footprint } from './footprint.ts';
import type { Goal } from './goals.ts';
import type { Growth } from './growth.ts';
import type { Figure, Results } from './results.ts';
import { WORKLOADS, type Workload } from './samples.ts';
import { WAKING_NAMES, WAKING_WORKLOADS, type Wakings, wakingFigure } from './sleep.ts';
import { median, type Spread } from './statistics.ts';
import type { Sizes } from './workloads.ts';

export interface Report {
  /** When it began, RFC 3339. */
  at: string;
  minutes: number;
  options: { rounds: number; sizes: Sizes };
  contestants: Omit<Contestant, 'start'>[];
  /** Contestants, or what is measured after the rounds. */
  unavailable: { name: Name | 'waking' | 'evidence'; reason: string }[];
  results: Results;
  goals: Goal[];
  growth: Growth[];
  wakings: Wakings;
  evidence: EvidenceCost[];
  footprint: Footprint;
}

const DIRECTORY = join(import.meta.dirname, 'report');
const CONCURRENCIES = [32, 1] as const;

export function printReport(report: Report): void {
  console.log(`\n${markdown(report, false)}`);
}

/** Prints a page, and keeps it. */
export function writePage(name: string, page: string): void {
  mkdirSync(DIRECTORY, { recursive: true });
  writeFileSync(join(DIRECTORY, name), page);
  console.log(`\n${page}\nwritten to ${join(DIRECTORY, name)}`);
}

export function writeReport(report: Report): void {
  mkdirSync(DIRECTORY, { recursive: true });
  writeFileSync(join(DIRECTORY, 'results.json'), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(DIRECTORY, 'report.md'), markdown(report, true));
  for (const [name, svg] of charts(report)) writeFileSync(join(DIRECTORY, name), svg);
  console.log(`\nwritten to ${DIRECTORY}: report.md, results.json and charts`);
}

function markdown(report: Report, withCharts: boolean): string {
  const { options } = report;
  const parts = [
    `# Bench of ${report.at}`,
    `${options.rounds} rounds in ${report.minutes.toFixed(1)} minutes; ${JSON.stringify(options.sizes)}; ${machine()}.`,
    table(
      ['contestant', 'durable when answered', 'what one gives up'],
      report.contestants.map(({ title, durability, tradeOff }) => [title, durability, tradeOff]),
    ),
    ...report.unavailable.map(({ name, reason }) => `Left out: ${name}, ${reason}`),
    '## Requests per second, and milliseconds: median (least–most of the rounds)',
    ...CONCURRENCIES.map((concurrency) => workloadTable(report, concurrency)),
    ...(withCharts ? charts(report).map(([name]) => `![${name}](${name})`) : []),
    '## Goals',
    goalTable(report.goals),
    ...(report.growth.length > 0 ? ['## W8: growth', growthTable(report.growth)] : []),
    ...(Object.keys(report.wakings).length > 0 ? ['## Waking', wakingTable(report.wakings)] : []),
    ...(report.evidence.length > 0
      ? ['## W1 with and without evidence', evidenceTable(report.evidence)]
      : []),
    '## Footprint',
    footprintTable(report.footprint),
  ];
  return `${parts.join('\n\n')}\n`;
}

function workloadTable({ contestants, results }: Report, concurrency: number): string {
  const workloads = (Object.keys(WORKLOADS) as Workload[]).filter((workload) =>
    contestants.some(({ name }) => results.figure(name, workload, concurrency)),
  );
  const rows = contestants.flatMap(({ name }) => {
    const cells = workloads.map((workload) => results.figure(name, workload, concurrency));
    const line = (label: string, cell: (figure: Figure) => string) => [
      label,
      ...cells.map((figure) => (figure ? cell(figure) : '')),
    ];
    return [
      line(
        name,
        ({ perSecond: { median: middle, min, max } }) => `${round(middle)} (${round(min)}–${round(max)})`,
      ),
      line('', ({ p50Ms, p99Ms }) => `p50 ${ms(p50Ms.median)}${p99Ms ? `, p99 ${ms(p99Ms.median)}` : ''}`),
    ];
  });
  const legend = workloads.map((workload) => `${workload}: ${WORKLOADS[workload]}`).join('; ');
  return `Concurrency ${concurrency}. ${legend}.\n\n${table([`at ${concurrency}`, ...workloads], rows)}`;
}

const growthTable = (rows: readonly Growth[]): string =>
  table(
    ['past callbacks', 'dispatches', 'turns a job', 'W1 ms', 'W3 ms', 'W4 ms'],
    rows.map(({ callbacks, dispatches, turnsPerJob, W1Ms, W3Ms, W4Ms }) => [
      String(callbacks),
      String(dispatches),
      String(turnsPerJob),
      ...[W1Ms, W3Ms, W4Ms].map(ms),
    ]),
  );

/** Also what spec/performance.md holds, so that it can be copied. */
export const goalTable = (goals: readonly Goal[]): string =>
  table(
    ['figure', 'goal', 'measured', ''],
    goals.map(({ figure, goal, measured, met }) => [
      figure,
      goal,
      measured ?? 'not measured',
      met === null ? '' : met ? 'met' : '**not met**',
    ]),
  );

function wakingTable(wakings: Wakings): string {
  const medianOf = (values: readonly number[], digits: number) => median(values).toFixed(digits);
  const rows = WAKING_NAMES.flatMap((name) =>
    WAKING_WORKLOADS.flatMap((workload) => {
      const figure = wakingFigure(wakings, name, workload);
      const turns = wakings[name]?.[workload] ?? [];
      if (figure === null) return [];
      const both = (unit: 'ms' | 'cpuUs', digits: number) =>
        (['awake', 'asleep'] as const)
          .map((state) =>
            medianOf(
              turns.map((turn) => turn[state][unit]),
              digits,
            ),
          )
          .join(' / ');
      return [
        [
          name,
          WAKING_WORKLOADS_SAY[workload],
          both('ms', 2),
          withSpread(figure.ms, 2),
          both('cpuUs', 0),
          withSpread(figure.cpuUs, 0),
          figure.againstNaive ? withSpread(figure.againstNaive, 2) : '',
        ],
      ];
    }),
  );
  const head = ['contestant', 'request', 'ms awake / asleep', 'waking, ms', 'CPU µs awake / asleep'];
  return table([...head, 'waking, CPU µs', 'against naive, CPU'], rows);
}

const WAKING_WORKLOADS_SAY = { W4: 'read', W3: 'callback with a change of status' } as const;

const evidenceTable = (costs: readonly EvidenceCost[]): string =>
  table(
    [
      'W1 at',
      'store not asked, per second',
      'p50 ms',
      'asked, per second',
      'p50 ms',
      'asked / not',
      'of p50',
    ],
    costs.map((cost) => {
      const { unasked, asked, ratio } = evidenceFigure(cost);
      const each = [unasked, asked].flatMap(({ perSecond, p50Ms }) => [
        withSpread(perSecond, 0),
        withSpread(p50Ms, 2),
      ]);
      return [String(cost.concurrency), ...each, withSpread(ratio.perSecond, 2), withSpread(ratio.p50Ms, 2)];
    }),
  );

function footprintTable({ bundle, memory, startMs }: Footprint): string {
  const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
  const mib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
  return table(
    ['figure', ''],
    [
      ['Worker, raw', kib(bundle.rawBytes)],
      ['Worker, gzipped', kib(bundle.gzipBytes)],
      ...Object.entries(startMs).map(([name, times]) => [
        `${name}: runtime started and first request answered, ${times.length} times`,
        `${median(times)} ms (${Math.min(...times)}–${Math.max(...times)})`,
      ]),
      ...Object.entries(memory).flatMap(([name, { idleBytes, jobs, awakeBytes }]) => [
        [`${name}: workerd’s memory before any job`, mib(idleBytes)],
        [`${name}: workerd’s memory with ${jobs} jobs awake`, mib(awakeBytes)],
      ]),
    ],
  );
}

function charts({ contestants, results }: Report): [string, string][] {
  return (['W1', 'W2', 'W3', 'W4', 'W6', 'W7'] as const).map((workload) => [
    `${workload}.svg`,
    barChart(
      `${workload}: ${WORKLOADS[workload]}, per second at concurrency 32`,
      contestants.flatMap(({ name, title }) => {
        const figure = results.figure(name, workload, 32);
        return figure ? [{ label: title, ...figure.perSecond, isOurs: name === 'retake' }] : [];
      }),
    ),
  ]);
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(3, cell.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

export const withSpread = ({ median: middle, min, max }: Spread, digits: number): string =>
  `${middle.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
const round = (value: number): string => value.toFixed(value < 10 ? 1 : 0);
const ms = (value: number): string => value.toFixed(2);

export function machine(): string {
  const [cpu] = cpus();
  return `${type()} ${process.arch}, ${cpus().length} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}
