// Corrections, by reference and as the text itself: what each has to be answered as the job was shown before, and what is shown after.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { CORRECTION, STORE } from './arbitraries.ts';
import { type Jobs, STATES, type Target } from './targets.ts';
import type { Answer } from './wire.ts';

export const corrections = fc.record({
  place: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(...STATES) },
    {
      weight: 4,
      arbitrary: fc.constantFrom('FAILED', 'RETRIED', 'CORRECTED', 'DRAFT_READY', 'OVERTAKEN', 'EDITED'),
    },
  ),
  stage: fc.constantFrom('transcript', 'draft'),
  /** Which version it says that it corrects. */
  edits: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('the one that counts', 'the newest') },
    { weight: 1, arbitrary: fc.constantFrom(1, 2, 3, 999) },
  ),
  /** Where what is meant is. */
  how: fc.constantFrom(
    'content',
    'content',
    'elsewhere',
    'stored',
    'gone',
    'its first version',
    'somebody else’s',
  ),
  /** What is said of digest and size of what is stored. */
  said: fc.constantFrom('nothing', 'nothing', 'what is true', 'another digest', 'another size'),
  correlationId: fc.constantFrom(null, 'ticket-4711', 'x'.repeat(129)),
});
type Correction = ReturnType<(typeof corrections)['generate']>['value'];

// biome-ignore lint/suspicious/noExplicitAny: what is looked into has been judged by its schema
type Body = any;

/** What its owner sees of a job and of one stage. */
interface Glimpse {
  job: Body;
  versions: Body[];
  /** Its latest entry. */
  trail: Body;
}

export async function glimpse(jobs: Jobs, target: Target, stage: string): Promise<Glimpse> {
  const [job, { items }, trail] = await Promise.all([
    jobs.read(target, ''),
    jobs.read(target, '/artifacts?limit=100'),
    jobs.read(target, '/transitions?limit=100'),
  ]);
  const versions = items.filter((version: Body) => version.stage === stage);
  return { job, versions, trail: trail.items.at(-1) };
}

export const sameFaults = (before: Glimpse, after: Glimpse): string[] =>
  JSON.stringify(after) === JSON.stringify(before)
    ? []
    : [`the job has changed\nfrom ${JSON.stringify(before)}\nto   ${JSON.stringify(after)}`];

const sha256 = (text: string) => `sha-256:${createHash('sha256').update(text).digest('hex')}`;
const SAID: Readonly<Record<Correction['said'], { digest?: string; size_bytes?: number }>> = {
  nothing: {},
  'what is true': { digest: sha256(CORRECTION), size_bytes: CORRECTION.length },
  'another digest': { digest: sha256('something else') },
  'another size': { size_bytes: CORRECTION.length + 1 },
};

const offered = ({ stage }: Correction, { job }: Glimpse): Body =>
  job.next_actions.find(
    ({ action, path }: Body) => action === 'edit' && path.endsWith(`/artifacts/${stage}`),
  );

const SOMEBODY_ELSES = `${STORE}edits/job_${'0'.repeat(36)}/by-hand`;

/** What is said of it: by reference in the body, as the text itself in the header alone. */
export function saidOf(
  correction: Correction,
  before: Glimpse,
): { uri: string; edits: number; digest?: string; size_bytes?: number } {
  const [first] = before.versions;
  const refs: Readonly<Record<Correction['how'], string>> = {
    content: '',
    elsewhere: 's3://corrections/by-hand',
    stored: `${STORE}edits/${before.job.id}/by-hand`,
    gone: `${STORE}edits/${before.job.id}/never`,
    'its first version': first?.ref ?? 's3://corrections/by-hand',
    'somebody else’s': SOMEBODY_ELSES,
  };
  const facts = correction.how === 'stored' || correction.how === 'elsewhere' ? SAID[correction.said] : {};
  return { uri: refs[correction.how], ...facts, edits: numberOf(correction, before) };
}

function numberOf(correction: Correction, before: Glimpse): number {
  const { edits } = correction;
  if (typeof edits === 'number') return edits;
  const newest = before.versions.at(-1)?.version ?? 1;
  return edits === 'the newest' ? newest : (offered(correction, before)?.body.edits ?? newest);
}

/** What of the answer is otherwise than the job had it before. */
export function correctionFaults(
  correction: Correction,
  before: Glimpse,
  { status, text }: Answer,
): string[] {
  const { error_code: code, details = {} }: Body = JSON.parse(text);
  const isAnswered = (was: number, ...codes: string[]): string[] =>
    status === was && (codes.length === 0 || codes.includes(code))
      ? []
      : [`what is to be answered ${was} ${codes} is answered ${status} ${text}`];
  // Before anybody looks, and the same whether it is there or not.
  if (correction.how === 'somebody else’s') return isAnswered(400, 'VALIDATION_ERROR');
  const offer = offered(correction, before);
  if (offer === undefined) return isAnswered(409, 'JOB_ALREADY_RUNNING', 'ARTIFACT_NOT_EDITABLE');
  const newest = before.versions.at(-1);
  if (![newest.version, offer.body.edits].includes(numberOf(correction, before))) {
    const isNewest = details.newest?.version === newest.version;
    return [
      ...isAnswered(409, 'ARTIFACT_VERSION_CONFLICT'),
      ...(isNewest ? [] : ['another is said to be the newest']),
    ];
  }
  const { how, said } = correction;
  const isOther = how === 'stored' && (said === 'another digest' || said === 'another size');
  if (how !== 'gone' && !isOther) return isAnswered(200);
  const isRight = details.reason === (how === 'gone' ? 'missing' : 'changed');
  return [
    ...isAnswered(409, 'ARTIFACT_NOT_FOUND'),
    ...(isRight ? [] : [`it is said to be ${details.reason}`]),
  ];
}

/** What is shown of a correction that was taken, of the editor who made it and of the request by which it came. */
export function takenFaults(
  editor: string,
  correlationId: string | undefined,
  before: Glimpse,
  after: Glimpse,
  { text }: Answer,
): string[] {
  const { job, version, replayed }: Body = JSON.parse(text);
  const faults: string[] = [];
  const expect = (what: string, shown: unknown, expected: unknown) => {
    const [is, was] = [JSON.stringify(shown), JSON.stringify(expected)];
    if (is !== was) faults.push(`${what} is ${is}, not ${was}`);
  };
  expect('whether it was made before', replayed, false);
  expect('its job', job, after.job);
  expect('the list', after.versions.slice(0, -1).map(nameOf), before.versions.map(nameOf));
  expect('the newest', after.versions.at(-1), version);
  expect('its number', version.version, before.versions.at(-1).version + 1);
  expect('its standing', [version.state, version.stale], ['complete', false]);
  expect('its editor', version.made_by.actor_id, editor);
  expect('what is shown', job.manifest[`${version.stage}_uri`], version.ref);
  expect('the status', job.status, before.job.status);
  const { event_type, actor_id, correlation_id } = after.trail;
  expect('the trail', [event_type, actor_id, correlation_id], ['artifact_edited', editor, correlationId]);
  return faults;
}
const nameOf = ({ stage, version, ref }: Body) => ({ stage, version, ref });

/** The same once more is answered as the first, and is said to be that. */
export function repeatFaults(first: Answer, again: Answer): string[] {
  const [one, two]: Body[] = [JSON.parse(first.text), JSON.parse(again.text)];
  const isSame = two.replayed === true && JSON.stringify(two.version) === JSON.stringify(one.version);
  return isSame ? [] : [`a repeat of ${first.text} is answered ${again.status} ${again.text}`];
}

const SENT = 'what was meant';
/** How a correction is read, and what is answered: how much of it, that nothing is, or that it is had already. */
const READ: readonly (readonly [name: string, value: string, status: number, text?: string])[] = [
  ['range', 'bytes=0-0', 206, SENT.slice(0, 1)],
  ['range', 'bytes=3-', 206, SENT.slice(3)],
  ['range', 'bytes=-4', 206, SENT.slice(-4)],
  ['range', 'bytes=2-999', 206, SENT.slice(2)],
  ['range', 'bytes=999-', 416],
  ['range', 'bytes=5-2', 200, SENT],
  ['range', 'bytes=0-0,2-2', 200, SENT],
  ['if-none-match', '"another"', 200, SENT],
  ['if-none-match', 'its ETag', 304, ''],
];
export const READINGS: readonly (readonly [name: string, value: string])[] = READ.map(([name, value]) => [
  name,
  value,
]);

/** What is read of it is what was sent, or what lay there; or it is said that it lies elsewhere. */
export function readFaults({ how }: Correction, value: string, { status, text }: Answer): string[] {
  if (how === 'its first version') return [];
  const [, , expected, part] = READ.find(([, each]) => each === value) ?? [];
  const isExpected = how === 'elsewhere' ? status === 409 : status === expected && (part ?? text) === text;
  return isExpected ? [] : [`${value} of it is answered ${status} ${text}, not ${expected} ${part}`];
}
