// From counts to the figures that have ceilings, and to the tables of spec/performance.md.
import type { Counts } from '../support/workerd/meter.ts';
import type { Figures } from './budget.ts';
import {
  ASSUMED,
  type Billed,
  dollarsFor,
  LOG_MONTHS,
  OBJECT_GB,
  PLAN_DOLLARS,
  PRICES,
  READ_ON,
} from './prices.ts';

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
  /** `thirdDispatch` comes with the third dispatch of a job. */
  schemaRows: {
    job: number;
    thirdDispatch: number;
    project: number;
    workspace: number;
    operation: number;
  };
  storedBytes: { job: number; projectPerJob: number };
  /** What a bulk operation over so many jobs writes beside their retries. */
  operation: { jobs: number; rows: number; alarms: number };
}

const WHOLE = 'a whole job, with one failure and one retry';
const WHOLE_AWAKE = 'a whole job that never sleeps';
/** What decision 21 found. */
const BEFORE = { rows: 42, schemaRows: 12, dollars: 78.36 };
const MILLION = 1_000_000;

const rowsWritten = ({ jobRows, alarmsSet, listRows, operationRows }: Counts): number =>
  jobRows + alarmsSet + listRows + operationRows;
const objectRequests = ({ jobCalls, listCalls, operationCalls, alarmsFired }: Counts): number =>
  jobCalls + listCalls + operationCalls + alarmsFired;

interface Line extends Step {
  /** For how long objects are active, as ASSUMED has it. */
  activeMs: number;
}

function toLine(step: Step): Line {
  // A message to the orchestrator is queued where a caller waits for its delivery.
  const deliveries = step.queueOperations > 0 ? 1 : 0;
  const activeMs =
    objectRequests(step) * ASSUMED.objectMsPerRequest + deliveries * ASSUMED.objectMsPerDelivery;
  return { ...step, activeMs };
}

function sumOf(name: string, steps: readonly Step[]): Line {
  const lines = steps.map(toLine);
  const sum = (figure: Exclude<keyof Line, 'name'>) => lines.reduce((total, line) => total + line[figure], 0);
  return {
    name,
    activeMs: sum('activeMs'),
    jobRows: sum('jobRows'),
    alarmsSet: sum('alarmsSet'),
    listRows: sum('listRows'),
    operationRows: sum('operationRows'),
    operationAlarms: sum('operationAlarms'),
    rowsRead: sum('rowsRead'),
    workerRequests: sum('workerRequests'),
    jobCalls: sum('jobCalls'),
    listCalls: sum('listCalls'),
    operationCalls: sum('operationCalls'),
    alarmsFired: sum('alarmsFired'),
    objectsCalled: sum('objectsCalled'),
    queueOperations: sum('queueOperations'),
    logLines: sum('logLines'),
    awakenings: sum('awakenings'),
  };
}

/** Every figure that budget.json has a ceiling for. */
export function figuresOf(measured: Measured): Figures {
  const { whole, wholeAwake, beside, schemaRows, storedBytes, operation } = measured;
  const sum = sumOf(WHOLE, whole);
  const steps = [...whole, sum, sumOf(WHOLE_AWAKE, wholeAwake), ...beside];
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
    schema: {
      jobRows: schemaRows.job,
      thirdDispatchRows: schemaRows.thirdDispatch,
      projectRows: schemaRows.project,
      workspaceRows: schemaRows.workspace,
      operationRows: schemaRows.operation,
    },
    operation: {
      rowsPerJob: Math.floor(operation.rows / operation.jobs),
      otherRows: (operation.rows % operation.jobs) + operation.alarms,
    },
    stored: { jobBytes: storedBytes.job, projectBytesPerJob: storedBytes.projectPerJob },
    modelled: { objectActiveMs: sum.activeMs },
    'a million jobs': {
      dollars: cents(MILLION * total(bill(measured))),
      dollarsPerIdleMonth: cents(MILLION * dollarsFor('storedGbMonths', storedGb(measured))),
    },
  };
}

/** What stands between the markers of spec/performance.md. */
export function costSection(measured: Measured): string {
  const { whole, wholeAwake, beside, schemaRows, operation } = measured;
  const sum = sumOf(WHOLE, whole);
  const rows = rowsWritten(sum);
  return [
    ...stepTable([...whole.map(toLine), sum, sumOf(WHOLE_AWAKE, wholeAwake)]),
    '',
    'Beside that:',
    '',
    ...stepTable(beside.map(toLine)),
    '',
    `The schema comes on top, once per object: ${schemaRows.job} rows for a job, which makes ${rows + schemaRows.job} with the ${rows} above, ` +
      `and ${schemaRows.thirdDispatch} more with its third dispatch;`,
    `${schemaRows.project} for a project, ${schemaRows.workspace} for a workspace and ${schemaRows.operation} for a bulk operation.`,
    '',
    `A bulk operation over ${operation.jobs} jobs that its orchestrator takes at once writes ${operation.rows} rows beside their retries, ` +
      `which is ${Math.floor(operation.rows / operation.jobs)} for each job and ${operation.rows % operation.jobs} for itself, and sets its alarm a few times, depending on when its jobs end.`,
    '',
    `At Cloudflare's prices of ${READ_ON}:`,
    '',
    ...billTable(measured),
    '',
    `What so many jobs a month come to, all made and finished within it, with the plan's own $${PLAN_DOLLARS} and what it includes:`,
    '',
    ...scaleTable(measured),
    '',
    `Before [decision 21](decisions/0021-one-record-and-a-small-schema.md) a whole job wrote ${BEFORE.rows} rows and ` +
      `${BEFORE.schemaRows} of the schema, and came to $${BEFORE.dollars} per million;`,
    `now ${rows} and ${schemaRows.job}, and ${dollars(MILLION * total(bill(measured)))}.`,
  ].join('\n');
}

function stepTable(lines: readonly Line[]): string[] {
  const head =
    '| | rows: job | alarm set | lists | **rows written** | rows read | Worker requests | object requests | ' +
    'of them alarms | awakenings | queue operations | log lines | object ms, modelled | dollars per million |';
  return [
    head,
    `|${' --- |'.repeat(14)}`,
    ...lines.map((step) => {
      const name = step.name.startsWith('a whole job') ? `**${step.name}**` : step.name;
      const figures = [
        step.jobRows,
        step.alarmsSet,
        step.listRows,
        `**${rowsWritten(step)}**`,
        step.rowsRead,
        step.workerRequests,
        objectRequests(step),
        step.alarmsFired,
        step.awakenings,
        step.queueOperations,
        step.logLines,
        step.activeMs,
        dollars(MILLION * total(usage(step))),
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

/** What this uses of everything that is billed, storage left out. */
function usage(line: Line): Item[] {
  return [
    { name: 'rows written', billed: 'rowsWritten', units: rowsWritten(line) },
    { name: 'rows read', billed: 'rowsRead', units: line.rowsRead },
    { name: 'Worker requests', billed: 'workerRequests', units: line.workerRequests },
    {
      name: `Worker CPU, assumed ${ASSUMED.workerCpuMsPerRequest} ms a request`,
      billed: 'workerCpuMs',
      units: line.workerRequests * ASSUMED.workerCpuMsPerRequest,
    },
    { name: 'object requests', billed: 'objectRequests', units: objectRequests(line) },
    {
      name: `objects active, modelled: ${line.activeMs} ms`,
      billed: 'objectGbSeconds',
      units: (line.activeMs / 1_000) * OBJECT_GB,
    },
    { name: 'queue operations', billed: 'queueOperations', units: line.queueOperations },
    { name: 'log lines', billed: 'logEvents', units: line.logLines },
  ];
}

/** What a whole job uses, with the schema of its object. */
const bill = ({ whole, schemaRows }: Measured): Item[] => [
  ...usage(sumOf(WHOLE, whole)),
  { name: 'rows written, the schema', billed: 'rowsWritten', units: schemaRows.job },
];

const SCALES: readonly [string, number][] = [
  ['1', 1],
  ['1,000', 1_000],
  ['1 million', MILLION],
  ['1 billion', 1_000 * MILLION],
];

function scaleTable(measured: Measured): string[] {
  const items = bill(measured);
  const billed = [...new Set(items.map((item) => item.billed))];
  const unitsOf = (what: Billed) =>
    items.filter((item) => item.billed === what).reduce((sum, { units }) => sum + units, 0);
  const beyond = (what: Billed, units: number) =>
    dollarsFor(what, Math.max(0, units - PRICES[what].included));
  return [
    '| jobs a month | used beyond the plan | stored, a month | the bill of the month | dollars a job |',
    '| --- | --- | --- | --- | --- |',
    ...SCALES.map(([name, jobs]) => {
      const used = billed.reduce((sum, what) => sum + beyond(what, jobs * unitsOf(what)), 0);
      const stored = beyond('storedGbMonths', jobs * storedGb(measured));
      const sum = PLAN_DOLLARS + used + stored;
      return `| ${name} | ${dollars(used)} | ${dollars(stored)} | ${dollars(sum)} | $${Number((sum / jobs).toPrecision(3))} |`;
    }),
  ];
}

function billTable(measured: Measured): string[] {
  const items = bill(measured);
  const events = items
    .filter(({ billed }) => billed === 'logEvents')
    .reduce((sum, { units }) => sum + units, 0);
  const logGb = (events * ASSUMED.bytesPerLogEvent) / 1e9;
  const laterLogs = dollarsFor('logGb', logGb) + dollarsFor('logGbMonths', logGb * LOG_MONTHS);
  const { job, projectPerJob } = measured.storedBytes;
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
    `| **an idle job, each month**: ${job} bytes and ${projectPerJob} in its project | ` +
      `${Number(storedGb(measured).toFixed(8))} | ${priceOf('storedGbMonths')} | ` +
      `**${dollars(MILLION * dollarsFor('storedGbMonths', storedGb(measured)))}** |`,
  ];
}

const total = (items: readonly Item[]): number =>
  items.reduce((sum, { billed, units }) => sum + dollarsFor(billed, units), 0);
const storedGb = ({ storedBytes: { job, projectPerJob } }: Measured): number => (job + projectPerJob) / 1e9;
const cents = (perMillion: number): number => Math.round(perMillion * 100) / 100;
const dollars = (amount: number): string => `$${cents(amount).toFixed(2)}`;
const priceOf = (billed: Billed): string => {
  const { dollars, per, unit } = PRICES[billed];
  return `$${dollars.toFixed(dollars < 0.01 ? 3 : 2)} per ${per === MILLION ? 'million ' : ''}${unit}`;
};
