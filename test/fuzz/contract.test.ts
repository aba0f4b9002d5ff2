// The service against its own document: thousands of requests that fit it and that do not, from its owner, from
// strangers and from nobody, judged by the document. The service, and how it is asked, is fuzzing.ts's.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { CORRECTION } from './arbitraries.ts';
import { allowedMethods, type Operation, operations } from './document.ts';
import {
  correctionFaults,
  corrections,
  glimpse,
  READINGS,
  readFaults,
  repeatFaults,
  saidOf,
  sameFaults,
  takenFaults,
} from './edits.ts';
import { exportFaults, exportsAsked, refusedExportFaults } from './exports.ts';
import { failureFaults, failureReports } from './failures.ts';
import {
  aimed,
  among,
  answered,
  ask,
  changes,
  count,
  faultsOfAll,
  formOnly,
  glance,
  goodShotsOf,
  holds,
  jobs,
  judged,
  NEVER,
  NOTHING_THERE,
  OWNER,
  operationOf,
  ownCallbackToken,
  ownPlaceOf,
  placeOf,
  plain,
  SCALE,
  sameAsNowhere,
  sent,
  serviceLines,
  start,
  stop,
  strangersJobs,
  TIMEOUT_MS,
  tokens,
  wire,
} from './fuzzing.ts';
import { faultsOf, secretsIn } from './oracle.ts';
import { askFaults, knownAs, plannedAsks } from './plans.ts';
import {
  Body,
  edgeShots,
  oddPaths,
  plainShot,
  type Shot,
  smallOnly,
  spoilings,
  spoiltShots,
} from './requests.ts';
import { STATES, uselessCredentials } from './targets.ts';

vi.setConfig({ testTimeout: TIMEOUT_MS, hookTimeout: TIMEOUT_MS });
beforeAll(start);
afterAll(stop);

const EDITORS = operations.filter(({ caller }) => caller === 'editor');
const OPEN = operations.filter(({ caller }) => caller === 'anyone');
const CALLBACK = operations.filter(({ caller }) => caller === 'pipeline');

test('the service draws every bound where the document does', async () => {
  expect(await faultsOfAll('edge', [...EDITORS, ...CALLBACK].flatMap(edgeShots))).toEqual([]);
});

test('a body that is spoilt in any way that is known is refused as what it is, by every endpoint', async () => {
  expect(await faultsOfAll('spoilt', [...EDITORS, ...CALLBACK].flatMap(spoilings))).toEqual([]);
});

test('what fits the document is taken, or refused for what it is about and never for its form', async () => {
  const shots = among([...EDITORS, ...CALLBACK, ...OPEN], goodShotsOf);
  await holds(shots, 65, async (shot) => (await judged('fitting', shot, await aimed(shot, 'owner'))).faults);
});

test('what does not fit the document is refused and changes nothing', async () => {
  const shots = among([...EDITORS, ...CALLBACK], spoiltShots);
  await holds(
    shots,
    55,
    async (shot) => (await judged('misfit', shot, await aimed(shot, 'owner'))).faults,
    placeOf,
  );
});

test('a retry or redo does what its plan has shown, under the id that it was given, or nothing at all', async () => {
  // One by one, since each of them may move the job on.
  await holds(
    plannedAsks,
    60,
    async ({ kind, place, profile, resumeFrom, discardEdits, named: { how, ifMatch }, correlationId }) => {
      const [ask, shown] = [
        operationOf(`${kind}Job`),
        operationOf(kind === 'redo' ? 'getRedoPlan' : 'getRetryPlan'),
      ];
      const asked = { model_profile: profile, ...(resumeFrom === null ? {} : { resume_from: resumeFrom }) };
      const listed = discardEdits?.length ? { discard_edits: discardEdits.join() } : {};
      const look = { ...plainShot(shown, place), query: Object.entries({ ...asked, ...listed }) };
      const before = await judged('plan', look, await aimed(look, 'owner'));
      const said = { ...asked, discard_edits: discardEdits, client_request_id: randomUUID() };
      const headers: Shot['headers'] = [
        ...(ifMatch === null ? [] : ([['if-match', ifMatch]] as Shot['headers'])),
        ...(correlationId === null ? [] : ([['x-correlation-id', correlationId]] as Shot['headers'])),
      ];
      const shot = { ...plainShot(ask, place), headers, body: jsonBody(said) };
      const request = await aimed(shot, 'owner');
      const { answer, faults } = await judged(kind, shot, request);
      const found = [...before.faults, ...faults];
      found.push(...askFaults(JSON.parse(before.answer.text), how, answer));
      if (answer.status === 202) {
        const { dispatch_id } = JSON.parse(answer.text);
        const { items } = await jobs.read(request.target, '/attempts?limit=1');
        const { dispatch_id: id, correlation_id } = items[0].dispatch;
        if (id !== dispatch_id || correlation_id !== knownAs(correlationId, answer))
          found.push(`the latest attempt is ${id}, known as ${correlation_id}`);
      }
      return found;
    },
    placeOf,
    1,
  );
});

test('an export hands on the draft that is shown, with formats and params as they were sent, or is refused', async () => {
  const operation = operationOf('exportJob');
  await holds(
    exportsAsked,
    20,
    async ({ place, formats, params, discardEdits }) => {
      const shot = {
        ...plainShot(operation, place),
        headers: [],
        body: jsonBody({ formats, params, discard_edits: discardEdits, client_request_id: 'export' }),
      };
      const request = await aimed(shot, 'owner');
      const before = await jobs.read(request.target, '');
      const { answer, faults } = await judged('export', shot, request);
      if (answer.status !== 202) return [...faults, ...refusedExportFaults(before, discardEdits, answer)];
      const { items } = await jobs.read(request.target, '/attempts?limit=1');
      return [
        ...faults,
        ...exportFaults(before, { formats, params }, discardEdits, answer, items[0].dispatch),
      ];
    },
    placeOf,
    1,
  );
});

test('a correction that is taken is the newest version, is shown and can be read; one that is refused changes nothing', async () => {
  await holds(
    corrections,
    40,
    async (correction) => {
      const { place, stage, how, correlationId } = correction;
      const look = await jobs.in(place);
      await jobs.store(look, CORRECTION);
      const before = await glimpse(jobs, look, stage);
      const { edits, ...said } = saidOf(correction, before);
      const isContent = how === 'content';
      const operation = operationOf(isContent ? 'editArtifactContent' : 'editArtifact');
      const plain = { ...plainShot(operation, place), steps: { stage } };
      const key: Shot['headers'] = [
        ['idempotency-key', 'correction'],
        ...(correlationId === null ? [] : ([['x-correlation-id', correlationId]] as Shot['headers'])),
      ];
      const shot = isContent
        ? { ...plain, headers: [...key, ['if-match', `"${edits}"`]] as Shot['headers'] }
        : { ...plain, headers: key, body: jsonBody({ ...said, edits }) };
      const request = await aimed(shot, 'owner');
      const { answer, faults } = await judged('edit', shot, request);
      const found = [...faults, ...correctionFaults(correction, before, answer)];
      const after = await glimpse(jobs, look, stage);
      if (answer.status !== 200) return [...found, ...sameFaults(before, after)];

      found.push(...takenFaults(OWNER, knownAs(correlationId, answer), before, after, answer));
      const repeat = await judged('edit', shot, request);
      const body = isContent
        ? Buffer.from('something else')
        : jsonBody({ ...said, edits, size_bytes: 77 }).bytes;
      const other = await judged('edit', shot, { ...request, asked: { ...request.asked, body } });
      found.push(...repeat.faults, ...repeatFaults(answer, repeat.answer), ...other.faults);
      if (other.answer.status !== 409)
        found.push(`another under the same id is answered ${other.answer.status}`);
      found.push(...sameFaults(after, await glimpse(jobs, look, stage)));

      const { version } = JSON.parse(answer.text).version;
      const steps = { stage, version: String(version) };
      const reading = await aimed(
        { ...plainShot(operationOf('readArtifactContent'), place), steps },
        'owner',
        look,
      );
      let etag = '"none"';
      for (const [name, value] of READINGS) {
        const headers: Shot['headers'] = [[name, value === 'its ETag' ? etag : value]];
        const asked = { ...reading.asked, headers: [...reading.asked.headers, ...headers] };
        const read = await judged('read', shot, { ...reading, exists: true, asked });
        etag = read.answer.headers.etag ?? etag;
        found.push(...read.faults, ...readFaults(correction, value, read.answer));
      }
      return found;
    },
    placeOf,
    1,
  );
});

test('a failure is of the kind, and waits for as long, as its report says where that can be used', async () => {
  const operation = operationOf('reportStatus');
  await holds(
    failureReports,
    14,
    async (said) => {
      const report = { event_id: 'failed', status: 'FAILED', ...said };
      const body = new Body(JSON.stringify(report), 'application/json');
      const shot = { ...plainShot(operation, 'RUNNING'), body };
      const request = await aimed(shot, 'owner');
      const sentAt = Date.now();
      const { answer, faults } = await judged('failure', shot, request);
      const { failure } = await jobs.read(request.target, '');
      if (answer.status !== 204) return [...faults, `it is answered ${answer.status} ${answer.text}`];
      return [...faults, ...failureFaults(said, [sentAt, Date.now()], failure)];
    },
    undefined,
    1,
  );
});

test('a stranger is told of the owner’s job what is told of a job that never was, and changes nothing', async () => {
  const about = EDITORS.filter(({ path }) => path.includes('{'));
  const shots = among(about, (operation) => fc.oneof(goodShotsOf(operation), spoiltShots(operation)));
  await holds(shots, 24, (shot) => sameAsNowhere('stranger', shot, 'stranger'), ownPlaceOf);
});

test('a token that may only read changes nothing', async () => {
  const shots = among(EDITORS, (operation) =>
    smallOnly(fc.oneof(goodShotsOf(operation), spoiltShots(operation))),
  );
  await holds(
    shots,
    12,
    async (shot) => {
      const { faults } = await judged('reader', shot, await aimed(shot, 'reader'));
      return faults;
    },
    placeOf,
  );
});

test('without a good token everything is a 401 that says nothing, and changes nothing', async () => {
  const useless = await uselessCredentials(OWNER);
  const [stranger, other, own] = await Promise.all([
    strangersJobs.in('RUNNING'),
    jobs.in('CANCELLED'),
    jobs.in('RUNNING'),
  ]);
  // Each kind of token is good at the other kind of endpoint only, and a callback's for its own job only.
  const misplaced = {
    editor: [own.callbackToken],
    pipeline: [tokens.owner, tokens.stranger, stranger.callbackToken, other.callbackToken],
    anyone: [],
  };
  const credentialsAt = ({ caller }: Operation) => [
    ...useless,
    ...misplaced[caller].map((token) => `Bearer ${token}`),
  ];
  const guarded = [...EDITORS, ...CALLBACK];

  for (const [at, operation] of guarded.entries()) {
    const shot = plainShot(operation, 'RUNNING');
    // One door is before all that editors do: in a short run each endpoint has half of what opens none, the next one the rest.
    const isTried = (nth: number) =>
      SCALE > 1 || operation.caller === 'pipeline' || nth >= useless.length || (at + nth) % 2 === 0;
    const tried = credentialsAt(operation).filter((_, nth) => isTried(nth));
    const tries = tried.map(async (credentials, nth) => {
      const beside = NEVER.slice(nth % 2, (nth % 2) + 1);
      const faults = await sameAsNowhere('nobody', shot, 'nobody', credentials, beside);
      return faults.map((fault) => `with ${credentials}: ${fault}`);
    });
    expect((await Promise.all(tries)).flat()).toEqual([]);
  }
  const shots = among(guarded, (operation) =>
    fc.tuple(
      smallOnly(fc.oneof(goodShotsOf(operation), spoiltShots(operation))),
      fc.constantFrom(...useless),
    ),
  );
  const ask = ([shot, credentials]: [Shot, string | null]) =>
    sameAsNowhere('nobody', shot, 'nobody', credentials);
  await holds(shots, 12, ask, ([shot]) => ownPlaceOf(shot));
});

test('a body that nobody reads spoils no request after it, on the same connection or another', async () => {
  const body = Buffer.alloc(300_000, ' ');
  const json: Shot['headers'] = [['content-type', 'application/json']];
  const owner: Shot['headers'] = [['authorization', `Bearer ${tokens.owner}`]];
  const statuses: number[] = [];
  for (const chunked of [true, false, true]) {
    const large = { ...plain('POST', '/projects'), body, chunked };
    const refused = [
      await ask('large', { ...large, headers: [...json, ...owner] }),
      await ask('large', { ...large, headers: json }),
      await ask('large', { ...large, path: '/healthz', headers: json }),
    ];
    const after = await ask('look', { ...plain('GET', '/projects'), headers: owner });
    statuses.push(...[...refused, after].map(({ status }) => status));
  }
  expect(statuses).toEqual([1, 2, 3].flatMap(() => [413, 401, 413, 200]));
});

test('a path answers the methods of the document, and 405 with exactly those to any other', async () => {
  const { jobId, projectId, operationId } = await jobs.in('CREATED');
  const faults: string[] = [];
  for (const [pattern, allowed] of allowedMethods) {
    const path = pattern
      .replace('{jobId}', jobId)
      .replace('{projectId}', projectId)
      .replace('{operationId}', operationId)
      .replace('{stage}', 'draft')
      .replace('{version}', '1');
    const isCallback = CALLBACK.some((operation) => operation.path === pattern);
    const token = isCallback ? await ownCallbackToken(jobId) : tokens.owner;
    for (const method of METHODS.filter((each) => !allowed.includes(each))) {
      const asked = {
        ...plain(method, path),
        headers: [['authorization', `Bearer ${token}`]] as Shot['headers'],
      };
      const answer = await ask('method', asked);
      const named = answer.headers.allow;
      if (answer.status !== 405 || named !== allowed.join(', '))
        faults.push(`${method} ${pattern}: ${answer.status} ${named}`);
      faults.push(
        ...faultsOf(answer, { ...NOTHING_THERE, asked, standing: 'owner' }).map(
          (fault) => `${method} ${pattern}: ${fault}`,
        ),
      );
    }
  }
  expect(faults).toEqual([]);
});

test('HEAD answers what GET does, without a body', async () => {
  const shots = among(
    [...EDITORS, ...OPEN].filter(({ method }) => method === 'GET'),
    (operation) => fc.oneof(goodShotsOf(operation), spoiltShots(operation)),
  );
  await holds(shots, 6, async (shot) => {
    // Of HEAD a range is not asked for (RFC 9110 §14.2).
    const headers = shot.headers.filter(([name]) => name !== 'range');
    const { asked, target } = await aimed({ ...shot, headers, body: null }, 'owner');
    const get = await ask('head', asked);
    const head = await ask('head', { ...asked, method: 'HEAD' });
    const kept = ['content-type', 'cache-control', ...(target.jobId ? ['etag'] : [])];
    const differing = kept.filter((name) => head.headers[name] !== get.headers[name]);
    return [
      ...(head.status === get.status ? [] : [`HEAD answers ${head.status} where GET answers ${get.status}`]),
      ...(head.text === '' ? [] : ['HEAD answers with a body']),
      ...differing.map((name) => `HEAD has another ${name}`),
    ];
  });
});

test('a path that is none is a 404, whatever comes along', async () => {
  const shots = fc.record({
    path: oddPaths,
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
    token: fc.constantFrom('owner' as const, 'none' as const),
  });
  await holds(shots, 20, async ({ path, method, token }) => {
    const headers: Shot['headers'] = token === 'none' ? [] : [['authorization', `Bearer ${tokens.owner}`]];
    const asked = { ...plain(method, path), headers };
    const answer = await ask('path', asked);
    if (answer.status === 401 && token === 'none') return formOnly(answer, asked);
    if (answer.status !== 404) return [`${method} ${path} is answered ${answer.status} ${answer.text}`];
    return formOnly(answer, asked);
  });
});

test('bytes that are not HTTP are no way in, and no way to bring it down', async () => {
  const { jobId } = await jobs.in('FAILED');
  const before = await glance('FAILED');
  const authorization = `Authorization: Bearer ${tokens.owner}`;
  const start = `POST /jobs/${jobId}/cancel HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
  const broken = fc.oneof(
    fc.constantFrom(
      `BREW /jobs/${jobId} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      `GET /jobs/${jobId} HTTP/1.1\r\nConnection: close\r\nHost: x\r\n${authorization}\u0000\r\n\r\n`,
      `GET /jobs/a b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      `GET /jobs/\u0000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      `${start}${authorization}\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n{}`,
      `${start}${authorization}\r\nContent-Type: application/json\r\nContent-Length: x\r\n\r\n{}`,
      `${start}Authorization: Bearer\u0001x\r\n\r\n`,
      `${start}${'X-Many: y\r\n'.repeat(3000)}\r\n`,
      `${start}X-Long: ${'y'.repeat(200_000)}\r\n\r\n`,
    ),
    fc
      .uint8Array({ minLength: 1, maxLength: 200 })
      .map((bytes) => `${Buffer.from(bytes).toString('latin1')}\r\n\r\n`),
  );
  await holds(broken, 5, async (text) => {
    count(sent, 'raw');
    const answer = await wire.sendRaw(Buffer.from(text, 'latin1'));
    count(answered, answer === null ? 'closed' : `raw ${answer.status}`);
    if (answer === null) return [];
    // Without a request id it is workerd that answers, for itself: a 500 to a Content-Length that is none.
    const isOfService = answer.headers['x-request-id'] !== undefined;
    const isRefused = answer.status >= 400 && !(isOfService && answer.status >= 500);
    return [...secretsIn(answer), ...(isRefused ? [] : [`it is answered ${answer.status} ${answer.text}`])];
  });
  expect(await changes(before)).toEqual([]);
});

test('after all of it the service answers, and has said nothing of an error of its own, nor any secret', async () => {
  const health = await ask('look', plain('GET', '/healthz'));
  expect([health.status, health.text]).toEqual([200, '{"status":"ok"}']);
  const states = await Promise.all(
    STATES.map(async (state) => JSON.parse(await jobs.glance(await jobs.in(state)))),
  );
  expect(states.map(({ body }) => body.id)).toHaveLength(STATES.length);
  // It does speak: a request that is refused is a line in its log.
  expect(serviceLines.filter((line) => line.includes('"event":"request"'))).not.toEqual([]);
  expect(serviceLines.filter(isTrouble)).toEqual([]);
  expect(serviceLines.filter((line) => /rtk1\.|eyJ[\w-]{10}|whsec_|(s3|r2):\/\//.test(line))).toEqual([]);
});

test.skipIf(SCALE < 1)('the requests were not too tame: every kind of answer is among what came back', () => {
  const statuses = [200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 409, 411, 412, 413, 415, 416];
  expect(statuses.filter((status) => !answered[status])).toEqual([]);
});

test.skipIf(SCALE < 1)('nothing was forgotten: every kind of request was made, fitting and not', () => {
  const kinds = [
    ...['edge', 'fitting', 'stranger', 'reader', 'nobody'].map((kind) => `${kind} fits`),
    ...['edge', 'spoilt', 'misfit', 'stranger', 'reader', 'nobody'].map((kind) => `${kind} breaks`),
    ...['plan', 'retry', 'redo', 'export', 'edit', 'read', 'failure'].map((kind) => `${kind} fits`),
    ...['retry breaks', 'redo breaks', 'method', 'head', 'path', 'raw'],
  ];
  expect(kinds.filter((kind) => !sent[kind])).toEqual([]);
});

const jsonBody = (value: unknown) => new Body(JSON.stringify(value), 'application/json');

const METHODS = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'],
  ...['PROPFIND', 'MKCOL', 'COPY', 'PURGE', 'REPORT'],
];

/** Errors in the log that no request may cause; a refused dispatch is logged as the 502 that it is. */
function isTrouble(line: string): boolean {
  // What workerd says of bytes that are not HTTP.
  if (/Uncaught exception: kj\/compat\/(http|url)\.c\+\+/.test(line)) return false;
  if (/uncaught|unhandled|exception|request_failed|internal error|Maximum call stack|workerd\//i.test(line))
    return true;
  return /"level":"error"/.test(line) && !/"http_status":502/.test(line);
}
