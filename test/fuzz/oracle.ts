// Judges answers: whether one is an answer that the document allows for its request.
// Every fault is a sentence; no fault means that the answer is good.
import { devSetting, devSigningKey } from '../support/dev-settings.ts';
import { ANY_TYPE, answerOf, type DocumentedAnswer, genericProblem, type Operation } from './document.ts';
import { type Asked, fitOf } from './fit.ts';
import { meaningFaults, problemFaults } from './meaning.ts';
import type { Answer } from './wire.ts';

/** Whom the service takes the caller for. */
export type Standing =
  /** The one whose resource it is, or who creates it. */
  | 'owner'
  /** As the owner, but may only read. */
  | 'reader'
  /** Somebody with a workspace of their own: this resource does not exist for them. */
  | 'stranger'
  /** Nobody: without a token that is good here. */
  | 'nobody';

export interface Case {
  asked: Asked;
  standing: Standing;
  /** Whether the path names something that is there at all; null where that is not known. */
  exists: boolean | null;
  /** Whether the orchestrator refuses this job's dispatches, so that a 502 is right. */
  refusesDispatches: boolean;
}

const GENERIC: ReadonlyMap<number, readonly DocumentedAnswer[]> = new Map([
  [401, [answerOf('UnauthenticatedError')]],
  [403, [answerOf('ForbiddenError')]],
  [404, [answerOf('NoLeakNotFoundError')]],
  [405, [genericProblem(405, 'METHOD_NOT_ALLOWED')]],
  [413, [answerOf('PayloadTooLargeError')]],
]);

/** All that is wrong with an answer; empty when it is one that the document allows for this case. */
export function faultsOf(answer: Answer, { asked, standing, exists, refusesDispatches }: Case): string[] {
  const { operation } = asked;
  const { status } = answer;
  const faults = [...formFaults(answer, operation, asked), ...secretsIn(answer)];
  const fail = (why: string) => faults.push(`${status}: ${why}`);

  if (status >= 500 && !(status === 502 && refusesDispatches)) fail('the service is at fault');
  if (!operation || operation.caller === 'anyone') return faults;
  if (standing === 'nobody') {
    if (status !== 401) fail('without a good token everything is a 401');
    return faults;
  }
  if (status === 401) fail('the token is good');
  if (standing === 'reader' && operation.method !== 'GET') {
    if (status !== 403) fail('the scope of the token does not allow this');
    return faults;
  }
  if (status === 403) fail('the token allows this');

  const fit = fitOf(asked);
  const isOfForm = ![400, 411, 413, 415].includes(status);
  if (fit === 'fits' && !isOfForm) fail('the request fits the document');
  if (fit === 'breaks' && isOfForm) fail('the request does not fit the document');
  if (fit !== 'breaks' && isOfForm) {
    const isThere = standing === 'stranger' ? false : exists;
    if (isThere === true && status === 404) fail('it is there, and the caller’s own');
    if (isThere === false && status !== 404) fail('it is not there, or not the caller’s');
  }
  return faults;
}

/** What may be stored of an answer that is no error; of any other, nothing. */
const KEEPING: Readonly<Record<string, string>> = {
  getJob: 'private, no-cache',
  readArtifactContent: 'private, no-cache',
  getErrorDefinitions: 'public, max-age=300',
};

/** Status, media type, headers and body: is this an answer that the document knows? */
function formFaults(received: Answer, operation: Operation | null, asked: Asked): string[] {
  const { method } = asked;
  const { status, headers, text } = received;
  const faults: string[] = [];
  if (!/^req_[0-9a-f]{32}$/.test(headers['x-request-id'] ?? '')) faults.push('it has no x-request-id');
  const keeping = (status < 400 ? KEEPING[operation?.id ?? ''] : undefined) ?? 'no-store';
  if (headers['cache-control'] !== keeping) faults.push('it may be stored otherwise than it says');
  if (headers['x-content-type-options'] !== 'nosniff') faults.push('its type may be guessed');
  if (status === 401 && !/^Bearer\b/.test(headers['www-authenticate'] ?? ''))
    faults.push('it names no challenge');
  if (status === 503 && !headers['retry-after']) faults.push('it does not say when to try again');
  if (status === 405 && !headers.allow) faults.push('it does not say what is allowed');

  const documented = operation ? operation.answers.get(status) : undefined;
  const candidates = documented ? [documented] : operation ? [] : (GENERIC.get(status) ?? []);
  const [answer] = candidates;
  if (!answer) return [...faults, `the document knows no ${status} for ${operation?.id ?? 'this'}`];
  for (const name of answer.headers) if (headers[name] === undefined) faults.push(`it has no ${name}`);
  const [mediaType = ''] = (headers['content-type'] ?? '').split(';');
  if (answer.mediaType !== null && answer.mediaType !== ANY_TYPE && mediaType !== answer.mediaType)
    faults.push(`it is of type ${mediaType}`);
  if (answer.mediaType === ANY_TYPE && method !== 'HEAD')
    return [...faults, ...meaningFaults(asked, received, null)];
  if (method === 'HEAD' || answer.mediaType === null) {
    if (text !== '') faults.push('it has a body');
    return method === 'HEAD' ? faults : [...faults, ...meaningFaults(asked, received, null)];
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return [...faults, 'its body is not JSON'];
  }
  const fault = answer.fault(body);
  if (fault) return [...faults, `its body does not fit: ${fault}`];
  const members = body as Record<string, unknown>;
  if (status >= 400) faults.push(...problemFaults(status, headers, members));
  return [...faults, ...meaningFaults(asked, received, members)];
}

const SECRETS = [
  ...['CALLBACK_TOKEN_KEYS', 'ID_KEYS', 'DISPATCH_SIGNING_SECRET'].flatMap((name) =>
    devSetting(name).split(','),
  ),
  String(devSigningKey().d),
];
const INSIDES = [
  /rtk1\./,
  /eyJ[\w-]{10}/,
  /whsec_/,
  /SQLITE/i,
  /\bat [\w.<>]+ \(|\.[cm]?[jt]s:\d+/,
  /\b(Range|Type|Syntax|Reference|Zod)Error\b/,
  /node_modules|\.wrangler|file:\/\/|\/(home|work|tmp|root)\//,
];

/** Secrets, and what would tell of the inside. The contract itself may show what tokens look like. */
export function secretsIn({ headers, text }: Pick<Answer, 'headers' | 'text'>): string[] {
  const all = `${JSON.stringify(headers)}\n${text}`;
  return [
    ...SECRETS.filter((secret) => all.includes(secret)).map(() => 'it shows a secret'),
    ...INSIDES.filter((pattern) => pattern.test(all)).map((pattern) => `it shows ${pattern}`),
  ];
}

/** All that a caller sees of an answer, but for what names the request itself and the moment. */
export function visible({ status, headers, text }: Answer): string {
  const { 'x-request-id': id, date: _, ...shown } = headers;
  const whole = JSON.stringify([status, Object.entries(shown).sort(), text]);
  return id ? whole.replaceAll(id, '{request}') : whole;
}
