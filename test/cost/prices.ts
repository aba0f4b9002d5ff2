// Cloudflare's published prices, as of the copies named here: the rates beyond what the Workers Paid plan includes each
// month, what it includes, and the plan's own price.

/** When the copies were looked up. Where a copy bears a date of its own, it stands with its address. */
export const READ_ON = '2026-11-24';

const PRICING = 'https://developers.cloudflare.com/durable-objects/platform/pricing/';
const WORKERS = 'https://developers.cloudflare.com/workers/platform/pricing/';
const QUEUES = 'https://developers.cloudflare.com/queues/platform/pricing/';
// 2026-10-02
const LOGS = 'https://developers.cloudflare.com/workers/observability/logs/workers-logs/';
const OBSERVABILITY = 'https://developers.cloudflare.com/observability/pricing/';

export interface Price {
  dollars: number;
  per: number;
  unit: string;
  /** How many units of it the Workers Paid plan holds each month. */
  included: number;
  source: string;
}

const MILLION = 1_000_000;

export const PRICES = {
  rowsWritten: { dollars: 1, per: MILLION, unit: 'rows written', included: 50 * MILLION, source: PRICING },
  rowsRead: { dollars: 0.001, per: MILLION, unit: 'rows read', included: 25_000 * MILLION, source: PRICING },
  objectRequests: {
    dollars: 0.15,
    per: MILLION,
    unit: 'object requests',
    included: MILLION,
    source: PRICING,
  },
  objectGbSeconds: { dollars: 12.5, per: MILLION, unit: 'GB-s', included: 400_000, source: PRICING },
  storedGbMonths: { dollars: 0.2, per: 1, unit: 'GB-month stored', included: 5, source: PRICING },
  workerRequests: {
    dollars: 0.3,
    per: MILLION,
    unit: 'Worker requests',
    included: 10 * MILLION,
    source: WORKERS,
  },
  workerCpuMs: {
    dollars: 0.02,
    per: MILLION,
    unit: 'ms of Worker CPU',
    included: 30 * MILLION,
    source: WORKERS,
  },
  queueOperations: {
    dollars: 0.4,
    per: MILLION,
    unit: 'queue operations',
    included: MILLION,
    source: QUEUES,
  },
  // Events are priced until 2026-11-30, gigabytes from the day after.
  logEvents: { dollars: 0.6, per: MILLION, unit: 'log events', included: 20 * MILLION, source: LOGS },
  logGb: { dollars: 0.25, per: 1, unit: 'GB of logs taken in', included: 50, source: OBSERVABILITY },
  logGbMonths: { dollars: 0.1, per: 1, unit: 'GB-month of logs', included: 12, source: OBSERVABILITY },
} as const satisfies Record<string, Price>;

/** The Workers Paid plan, a month. */
export const PLAN_DOLLARS = 5;

export type Billed = keyof typeof PRICES;

/** What no local run can measure, assumed on the safe side. */
export const ASSUMED = {
  /** How long an object is active for one call or alarm, a call to the workspace and its confirmed writes included. */
  objectMsPerRequest: 50,
  /** How much longer for a run or retry that waits until its dispatch was delivered. */
  objectMsPerDelivery: 1_000,
  workerCpuMsPerRequest: 5,
  /** With the attributes that Cloudflare adds. */
  bytesPerLogEvent: 1_000,
} as const;

/** An object is billed for 128 MB whatever it uses. */
export const OBJECT_GB = 0.128;

/** How long Workers Logs keeps an event, in months of 30 days. */
export const LOG_MONTHS = 7 / 30;

export const dollarsFor = (billed: Billed, units: number): number =>
  (units * PRICES[billed].dollars) / PRICES[billed].per;
