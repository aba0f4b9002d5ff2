// From counts to the figures that have ceilings, and to the tables of spec/performance.md.
import type { Counts } from '../support/workerd/meter.ts';
import type { Figures } from './budget.ts';
import { ASSUMED, type Billed, dollarsFor, LOG_MONTHS, OBJECT_GB, PRICES, READ_ON } from './prices.ts';

/** What was counted, and how many sleeping objects the step woke. */
export interface Step extends Counts {
  name: string;
  awakenings: number;
}

export interface Measured {
  /** A job's life, each step of which finds its objects asleep; and the same in one go. */
  whole: readonly Step[];
  wholeAwake: readonly Step[];
  /** What may happen beside it. */
  beside: readonly Step[];
  schemaRows: { job: number; workspace: number };
  storedBytes: { job: number; workspacePerJob: number };
}

const WHOLE = 'a whole job, with one failure and one retry';
const WHOLE_AWAKE = 'a whole job that never sleeps';
/** What decision 13 found. */
const BEFORE = { rows: 70, schemaRows: 16 };
const MILLION = 1_000_000;

const rowsWritten = ({ jobRows, alarmsSet, workspaceRows }: Counts): number =>
  jobRows + alarmsSet + workspaceRows;
const objectRequests = ({ jobCalls, workspaceCalls, alarmsFired }: Counts): number =>
  jobCalls + workspaceCalls + alarmsFired;

function sumOf(name: string, steps: readonly Step[]): Step {
  const sum = (figure: keyof Counts | 'awakenings') => steps.reduce((total, step) => total + step[figure], 0);
  return {
    name,
    jobRows: sum('jobRows'),
    alarmsSet: sum('alarmsSet'),
    workspaceRows: sum('workspaceRows'),
    rowsRead: sum('rowsRead'),
    workerRequests: sum('workerRequests'),
    jobCalls: sum('jobCalls'),
    workspaceCalls: sum('workspaceCalls'),
    alarmsFired: sum('alarmsFired'),
    queueOperations: sum('queueOperations'),
    logLines: sum('logLines'),
    awakenings: sum('awakenings'),
  };
}

/** Every figure that budget.json has a ceiling for. */
export function figuresOf(measured: Measured): Figures {
  const { whole, wholeAwake, beside, schemaRows, storedBytes } = measured;
  const steps = [...whole, sumOf(WHOLE, whole), sumOf(WHOLE_AWAKE, wholeAwake), ...beside];
  return {
    ...Object.fromEntries(
      steps.map((step) => [
        step.name,
        {
          rowsWritten: rowsWritten(step),
          alarmsSet: step.alarmsSet,
          rowsRead: step.rowsRead,
          workerRequests: step.workerRequests,
          objectRequests: objectRequests(step),
          alarmsFired: step.alarmsFired,
          awakenings: step.awakenings,
          queueOperations: step.queueOperations,
          logLines: step.logLines,
        },
      ]),
    ),
    schema: { jobRows: schemaRows.job, workspaceRows: schemaRows.workspace },
    stored: { jobBytes: storedBytes.job, workspaceBytesPerJob: storedBytes.workspacePerJob },
    modelled: { objectActiveMs: objectActiveMs(whole) },
    'a million jobs': {
      dollars: cents(MILLION * total(bill(measured))),
      dollarsPerIdleMonth: cents(MILLION * dollarsFor('storedGbMonths', storedGb(measured))),
    },
  };
}

/** What stands between the markers of spec/performance.md. */
export function costSection(measured: Measured): string {
  const { whole, wholeAwake, beside, schemaRows } = measured;
  const sum = sumOf(WHOLE, whole);
  const rows = rowsWritten(sum);
  return [
    ...stepTable([...whole, sum, sumOf(WHOLE_AWAKE, wholeAwake)]),
    '',
    'Beside that:',
    '',
    ...stepTable(beside),
    '',
    `The schema comes on top, once per object: ${schemaRows.job} rows for a job, which makes ${rows + schemaRows.job} with`,
    `the ${rows} above, and ${schemaRows.workspace} for a workspace.`,
    '',
    `At Cloudflare's prices of ${READ_ON}:`,
    '',
    ...billTable(measured),
    '',
    `Rows written before [decision 13](decisions/0013-what-is-written-together-is-one-row.md): ${BEFORE.rows} and`,
    `${BEFORE.schemaRows} of the schema, $${BEFORE.rows + BEFORE.schemaRows} per million jobs; now ${rows} and ` +
      `${schemaRows.job}, $${rows + schemaRows.job}.`,
  ].join('\n');
}

function stepTable(steps: readonly Step[]): string[] {
  const head =
    '| | rows: job | alarm set | workspace | **rows written** | rows read | Worker requests | object requests | ' +
    'of them alarms | awakenings | queue operations | log lines |';
  return [
    head,
    `|${' --- |'.repeat(12)}`,
    ...steps.map((step) => {
      const name = step.name.startsWith('a whole job') ? `**${step.name}**` : step.name;
      const figures = [
        step.jobRows,
        step.alarmsSet,
        step.workspaceRows,
        `**${rowsWritten(step)}**`,
        step.rowsRead,
        step.workerRequests,
        objectRequests(step),
        step.alarmsFired,
        step.awakenings,
        step.queueOperations,
        step.logLines,
      ];
      return `| ${name} | ${figures.join(' | ')} |`;
    }),
  ];
}

interface Item {
  name: string;
  billed: Billed;
  /** Of one job. */
  units: number;
}

/** For how long the objects of these steps are active, as ASSUMED has it. */
function objectActiveMs(steps: readonly Step[]): number {
  // A message to the orchestrator is queued where a caller waits for its delivery.
  const deliveries = steps.filter(({ queueOperations }) => queueOperations > 0).length;
  const requests = steps.reduce((sum, step) => sum + objectRequests(step), 0);
  return requests * ASSUMED.objectMsPerRequest + deliveries * ASSUMED.objectMsPerDelivery;
}

/** What a whole job uses of everything that is billed, its storage left out. */
function bill({ whole, schemaRows }: Measured): Item[] {
  const sum = sumOf(WHOLE, whole);
  const requests = objectRequests(sum);
  const activeMs = objectActiveMs(whole);
  return [
    { name: 'rows written', billed: 'rowsWritten', units: rowsWritten(sum) },
    { name: 'rows written, the schema', billed: 'rowsWritten', units: schemaRows.job },
    { name: 'rows read', billed: 'rowsRead', units: sum.rowsRead },
    { name: 'Worker requests', billed: 'workerRequests', units: sum.workerRequests },
    {
      name: `Worker CPU, assumed ${ASSUMED.workerCpuMsPerRequest} ms a request`,
      billed: 'workerCpuMs',
      units: sum.workerRequests * ASSUMED.workerCpuMsPerRequest,
    },
    { name: 'object requests', billed: 'objectRequests', units: requests },
    {
      name: `objects active, modelled: ${activeMs} ms`,
      billed: 'objectGbSeconds',
      units: (activeMs / 1_000) * OBJECT_GB,
    },
    { name: 'queue operations', billed: 'queueOperations', units: sum.queueOperations },
    { name: 'log lines', billed: 'logEvents', units: sum.logLines },
  ];
}

function billTable(measured: Measured): string[] {
  const items = bill(measured);
  const events = items
    .filter(({ billed }) => billed === 'logEvents')
    .reduce((sum, { units }) => sum + units, 0);
  const logGb = (events * ASSUMED.bytesPerLogEvent) / 1e9;
  const laterLogs = dollarsFor('logGb', logGb) + dollarsFor('logGbMonths', logGb * LOG_MONTHS);
  const { job, workspacePerJob } = measured.storedBytes;
  const line = ({ name, billed, units }: Item) =>
    `| ${name} | ${Number(units.toFixed(4))} | ${priceOf(billed)} | ${dollars(MILLION * dollarsFor(billed, units))} |`;
  return [
    '| of one job | units | price | dollars per million jobs |',
    '| --- | --- | --- | --- |',
    ...items.map(line),
    `| **a whole job** | | | **${dollars(MILLION * total(items))}** |`,
    `| its log lines from 2026-12-01, when gigabytes are priced, assumed ${ASSUMED.bytesPerLogEvent} bytes each, in place ` +
      `of those above | ${events} KB | ${priceOf('logGb')}, ${priceOf('logGbMonths')} for 7 days | ` +
      `${dollars(MILLION * laterLogs)} |`,
    `| **an idle job, each month**: ${job} bytes and ${workspacePerJob} in its workspace | ` +
      `${Number(storedGb(measured).toFixed(8))} | ${priceOf('storedGbMonths')} | ` +
      `**${dollars(MILLION * dollarsFor('storedGbMonths', storedGb(measured)))}** |`,
  ];
}

const total = (items: readonly Item[]): number =>
  items.reduce((sum, { billed, units }) => sum + dollarsFor(billed, units), 0);
const storedGb = ({ storedBytes: { job, workspacePerJob } }: Measured): number =>
  (job + workspacePerJob) / 1e9;
const cents = (perMillion: number): number => Math.round(perMillion * 100) / 100;
const dollars = (amount: number): string => `$${cents(amount).toFixed(2)}`;
const priceOf = (billed: Billed): string => {
  const { dollars, per, unit } = PRICES[billed];
  return `$${dollars.toFixed(dollars < 0.01 ? 3 : 2)} per ${per === MILLION ? 'million ' : ''}${unit}`;
};
