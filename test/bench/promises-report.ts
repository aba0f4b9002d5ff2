// What npm run bench -- --promises prints: Markdown, for spec/performance.md to hold between its two markers.
import { type Figures, type Measured, type Promises, RATES, TIMES } from './promises.ts';
import { machine, table, withSpread } from './report.ts';
import { WAKING_WORKLOADS, type Wakings, type WakingWorkload, wakingFigure } from './sleep.ts';
import { median, type Spread, spread } from './statistics.ts';

/** What each rate is held against beside Retake as it is. */
const FLOORS: Readonly<Record<(typeof RATES)[number], readonly string[]>> = {
  W1: ['durable'],
  W3: ['durable'],
  W3h: ['naive'],
  W5: ['durable', 'naive'],
  'W1 at 1': ['durable'],
};
const OURS = 'retake';

export function promisesReport({ at, minutes, options, measured, wakings, failed }: Promises): string {
  const { jobs, rounds, wakingTurns, variants } = options;
  const parts = [
    `The run of ${at}: ${jobs} jobs, ${rounds} rounds and ${wakingTurns} turns of waking in ${minutes.toFixed(0)} minutes; ${machine()}.`,
    ...failed.map((what) => `Not measured: ${what}`),
    'Rates of Retake as it is (median, least–most of the rounds), and of the others their ratio to it in the same round; behind the comma, of the floor.',
    rateTable(measured),
    'CPU time of workerd for one (a retry until its delivery is stored), its ratio to Retake as it is in the same round, and the memory of a job awake:',
    timeTable(measured),
    ...(wakings.length > 0
      ? [
          'Waking: CPU time of a request to a sleeping job beyond one to a job awake, and its ratio to floor B’s in the same turn.',
          wakingTable(wakings),
        ]
      : []),
    table(
      ['variant', 'what it is without'],
      variants.map(({ name, without }) => [name, without]),
    ),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Round by round. */
function ratio(ours: Measured, theirs: Measured | undefined, figure: keyof Figures): Spread | null {
  const ratios = ours.rounds.flatMap((round, index) => {
    const other = theirs?.rounds[index];
    return other === undefined ? [] : [round[figure] / other[figure]];
  });
  return ratios.length === 0 ? null : spread(ratios);
}

function rateTable(measured: readonly Measured[]): string {
  const find = (wanted: string) => measured.find(({ name }) => name === wanted);
  const head = RATES.map((rate) => `${rate}, of ${FLOORS[rate].join(' and ')}`);
  const rows = measured.map((one) => [
    one.name,
    ...RATES.map((rate) => {
      const figures = one.rounds.map((round) => round[rate]);
      const ours = one.name === OURS ? null : ratio(one, find(OURS), rate);
      const own =
        one.name === OURS && figures.length > 0
          ? withSpread(spread(figures), 0)
          : ours
            ? withSpread(ours, 2)
            : '';
      const floors = FLOORS[rate].map((floor) => ratio(one, find(floor), rate)?.median.toFixed(2) ?? '–');
      return `${own}, ${floors.join(' and ')}`;
    }),
  ]);
  return table(['', ...head], rows);
}

function timeTable(measured: readonly Measured[]): string {
  const ours = measured.find(({ name }) => name === OURS);
  const rows = measured.map((one) => [
    one.name,
    ...TIMES.flatMap((time) => {
      const us = one.rounds.map((round) => round[time]);
      const against = ratio(one, ours, time);
      return [us.length === 0 ? '' : median(us).toFixed(0), against ? withSpread(against, 2) : ''];
    }),
    (one.bytesPerJob / 1024).toFixed(0),
  ]);
  return table(['', ...TIMES.flatMap((time) => [`${time}, µs`, 'ratio']), 'KiB a job'], rows);
}

const SAYS: Readonly<Record<WakingWorkload, string>> = { W4: 'a read', W3: 'a callback' };

function wakingTable(all: readonly Wakings[]): string {
  // Those who are in every group have all their turns in one row.
  const everywhere = Object.keys(all[0] ?? {}).filter((name) => all.every((group) => name in group));
  const common: Wakings = Object.fromEntries(
    everywhere.map((name) => [
      name,
      {
        W3: all.flatMap((group) => group[name]?.W3 ?? []),
        W4: all.flatMap((group) => group[name]?.W4 ?? []),
      },
    ]),
  );
  const rowOf = (group: Wakings, name: string) => [
    name,
    ...WAKING_WORKLOADS.flatMap((workload) => {
      const figure = wakingFigure(group, name, workload);
      return figure
        ? [withSpread(figure.cpuUs, 0), figure.againstNaive ? withSpread(figure.againstNaive, 2) : '']
        : ['', ''];
    }),
  ];
  const rows = [
    ...everywhere.map((name) => rowOf(common, name)),
    ...all.flatMap((group) =>
      Object.keys(group)
        .filter((name) => !everywhere.includes(name))
        .map((name) => rowOf(group, name)),
    ),
  ];
  const head = WAKING_WORKLOADS.flatMap((workload) => [`${SAYS[workload]}, µs`, 'against naive']);
  return table(['', ...head], rows);
}
