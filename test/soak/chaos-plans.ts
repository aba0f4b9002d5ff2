// What goes wrong in a chaos run: how the orchestrator treats each job, drawn from the seed, and how often its log
// shows that each kind of fault really happened.
import type { OrchestratorLog, RequestRecord } from '../support/orchestrator/log.ts';
import type { Answer, CancelAnswer, PipelinePlan, Plan } from '../support/orchestrator/plan.ts';

export type Random = () => number;

/** mulberry32: the same numbers in [0, 1) for the same seed. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const between = (random: Random, from: number, to: number): number =>
  Math.round(from + random() * (to - from));

export function pick<T>(random: Random, from: readonly [T, ...T[]]): T {
  return from[Math.floor(random() * from.length)] ?? from[0];
}

/** Longest of everything that a plan may ask for, from which the bound on coming to rest follows. */
export const SLOWEST = {
  /** From the upload behind the draft; a failure comes in place of one. */
  reports: 8,
  stepMs: 2_500,
  lateMs: 1_500,
  heartbeats: 1,
  answerMs: 2_000,
  retryAfterMs: 3_000,
} as const;

const FAULTY_ANSWERS: readonly [(random: Random) => Answer, ...((random: Random) => Answer)[]] = [
  (random) => ({ kind: 'error', status: pick(random, [500, 502, 503, 429]) }),
  (random) => ({
    kind: 'error',
    status: 503,
    retry_after: pick(random, [1, 2, SLOWEST.retryAfterMs / 1000]),
  }),
  (random) => ({ kind: 'refuse', status: pick(random, [400, 404, 409, 422]) }),
  () => ({ kind: 'hang' }),
  () => ({ kind: 'accept_then_drop' }),
  (random) => ({ kind: 'accept_late', delay_ms: between(random, 300, SLOWEST.answerMs) }),
  () => ({ kind: 'garbage', bytes: 100_000 }),
  () => ({ kind: 'callback_first' }),
];

/** Where a retry can begin: so that it fails there before it has done anything. */
const failsTwice = (random: Random): PipelinePlan => ({
  fail_at: pick(random, ['UPLOADED', 'AUDIO_READY', 'TRANSCRIPT_READY', 'DRAFT_READY']),
  ...{ fail_times: 2, restates: false },
});

const FAULTY_PIPELINES: readonly [(random: Random) => PipelinePlan, ...((random: Random) => PipelinePlan)[]] =
  [
    (random) => ({
      fail_at: pick(random, [
        'UPLOADED',
        'AUDIO_EXTRACTING',
        'AUDIO_READY',
        'TRANSCRIBING',
        'GENERATING',
        'DRAFT_READY',
      ]),
      fail_times: pick(random, [1, 2]),
    }),
    (random) => ({
      ...pick<PipelinePlan>(random, [
        { goes_on_to: ['editing'], fail_at: 'EDITING' },
        { goes_on_to: ['regeneration'], fail_at: 'REGENERATING' },
        { goes_on_to: ['export'], fail_at: 'EXPORTING' },
      ]),
      fail_times: pick(random, [1, 2]),
    }),
    ...Array<typeof failsTwice>(3).fill(failsTwice),
    (random) => ({
      fail_at: pick(random, ['TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING']),
      duplicate: true,
    }),
    (random) => ({ die_at: pick(random, ['AUDIO_EXTRACTING', 'TRANSCRIBING', 'GENERATING', 'DRAFT_READY']) }),
    () => ({ duplicate: true }),
    () => ({ reorder: true }),
    () => ({ duplicate: true, reorder: true }),
    (random) => ({ late_ms: between(random, 800, SLOWEST.lateMs) }),
  ];

const GOES_ON_TO: readonly [Acts, ...Acts[]] = [['export'], ['regeneration'], ['editing']];
type Acts = NonNullable<PipelinePlan['goes_on_to']>;

/** How one job fares from now on. */
export function drawPlan(random: Random): Plan {
  const answers = Array.from({ length: pick(random, [0, 0, 1, 1, 2, 3]) }, () =>
    pick(random, FAULTY_ANSWERS)(random),
  );
  const cancelAnswers: CancelAnswer[] =
    random() < 0.5
      ? []
      : [
          pick<CancelAnswer>(random, [
            { kind: 'error', status: 503 },
            { kind: 'accept_then_drop' },
            { kind: 'hang' },
          ]),
        ];
  const pipeline = random() < 0.2 ? {} : pick(random, FAULTY_PIPELINES)(random);
  return {
    answers,
    cancel_answers: cancelAnswers,
    pipeline: {
      step_ms: between(random, 400, SLOWEST.stepMs),
      heartbeats: between(random, 0, SLOWEST.heartbeats),
      restates: random() < 0.4,
      artifacts_come: pick(random, ['at-once', 'at-once', 'late', 'with-failure']),
      overwrites: random() < 0.5,
      ...(random() < 0.3 ? { goes_on_to: pick(random, GOES_ON_TO) } : {}),
      ...pipeline,
    },
  };
}

/** A plan as it was set: it governs the requests that came after `at`, until the job's next one. */
export interface PlanSet {
  jobId: string;
  at: number;
  plan: Plan;
}

const FAULT_KINDS = [
  'answer: error',
  'answer: error, Retry-After',
  'answer: refuse',
  'answer: hang',
  'answer: accept_then_drop',
  'answer: accept_late',
  'answer: garbage',
  'answer: callback_first',
  'pipeline: fails',
  'pipeline: dies',
  'pipeline: duplicates',
  'pipeline: reorders',
  'pipeline: late',
  'callback: unanswered',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** How often each kind is seen in the orchestrator's log. */
export function countFaults(log: OrchestratorLog, plansSet: readonly PlanSet[]): Record<FaultKind, number> {
  const counts = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  for (const [request, answer] of plannedAnswers(log.requests, plansSet)) {
    if (answer.kind === 'accept' || !isAnsweredAs(request, answer)) continue;
    const kind = `answer: ${answer.kind}${answer.kind === 'error' && answer.retry_after ? ', Retry-After' : ''}`;
    if (kind in counts) counts[kind as FaultKind] += 1;
  }
  for (const { state } of log.executions) {
    if (state === 'failed') counts['pipeline: fails'] += 1;
    if (state === 'died') counts['pipeline: dies'] += 1;
  }
  const taken = new Set<string>();
  const plans = Map.groupBy(plansSet, ({ jobId }) => jobId);
  const lateMsOf = new Map(
    log.executions.map(({ execution_id, job_id, at }) => [
      execution_id,
      governing(plans, job_id, at)?.plan.pipeline?.late_ms,
    ]),
  );
  const newest = new Map<string, string>();
  for (const { event_id, answer, attempt, body, execution_id, at } of log.callbacks) {
    if (answer === 'unreachable') counts['callback: unanswered'] += 1;
    // A first attempt at what was taken before is a duplicate, and no repeat of an unanswered one.
    if (attempt === 1 && taken.has(event_id)) counts['pipeline: duplicates'] += 1;
    if (answer === 200 || answer === 204) taken.add(event_id);
    if (body.occurred_at < (newest.get(execution_id) ?? '')) counts['pipeline: reorders'] += 1;
    else newest.set(execution_id, body.occurred_at);
    const lateMs = lateMsOf.get(execution_id) ?? Number.POSITIVE_INFINITY;
    if (attempt === 1 && Date.parse(at) - Date.parse(body.occurred_at) >= lateMs)
      counts['pipeline: late'] += 1;
  }
  return counts;
}

/** The log does not name the plan's answer: the n-th request since a plan was set was given its n-th. */
function* plannedAnswers(
  requests: readonly RequestRecord[],
  plansSet: readonly PlanSet[],
): Generator<[RequestRecord, Answer]> {
  const plans = Map.groupBy(plansSet, ({ jobId }) => jobId);
  const used = new Map<PlanSet, number>();
  for (const request of requests) {
    if (request.type === 'job.cancel') continue;
    const set = governing(plans, request.job_id, request.at);
    if (!set) continue;
    const index = used.get(set) ?? 0;
    used.set(set, index + 1);
    yield [request, set.plan.answers?.[index] ?? { kind: 'accept' }];
  }
}

const governing = (plans: Map<string, PlanSet[]>, jobId: string, time: string): PlanSet | undefined =>
  plans.get(jobId)?.findLast(({ at }) => at <= Date.parse(time));

/** A planned answer counts only where the log agrees that it was given. */
function isAnsweredAs({ answer }: RequestRecord, planned: Answer): boolean {
  switch (planned.kind) {
    case 'error':
    case 'refuse':
      return answer === planned.status;
    case 'hang':
      return answer === 'hung';
    case 'accept_then_drop':
      return answer === 'dropped';
    case 'redirect':
      return answer === 307;
    default:
      return answer === 200 || answer === 202;
  }
}
