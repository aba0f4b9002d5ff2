// Who may come in: editors' tokens, callback tokens, scopes, and what the challenge says (RFC 6750).
import { env } from 'cloudflare:test';
import {
  base64url,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { describe, expect, test, vi } from 'vitest';
import { DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER } from '../../src/config.ts';
import { signCallbackToken } from '../../src/contract/callback-token.ts';
import { newId } from '../support/ids.ts';
import {
  config,
  createdJob,
  failedAfter,
  jobAt,
  once,
  retriedAfter,
  uploadedJob,
} from '../support/workerd/acting.ts';
import {
  call,
  editorToken,
  type OwnedJob,
  type Reply,
  send,
  withoutSideEffect,
} from '../support/workerd/harness.ts';
import { editorEndpoints } from './endpoints.ts';

const keys = env as unknown as { DEV_AUTH_PUBLIC_JWK: string; TEST_PRIVATE_JWK: string };
const now = () => Math.floor(Date.now() / 1000);
const MISSING_CHALLENGE = 'Bearer';
const INVALID_CHALLENGE = 'Bearer error="invalid_token", error_description="The token is not valid"';
const EXPIRED_CHALLENGE = 'Bearer error="invalid_token", error_description="The token has expired"';

function expectRefused(reply: Reply, challenge: string) {
  expect(reply.status).toBe(401);
  expect(reply.headers.get('content-type')).toBe('application/problem+json');
  expect(reply.headers.get('www-authenticate')).toBe(challenge);
  expect(reply.body).toMatchObject({ status: 401, error_code: 'UNAUTHENTICATED', details: {} });
}

const claims = (sub: string): JWTPayload => ({
  sub,
  iss: DEVELOPMENT_ISSUER,
  aud: DEVELOPMENT_AUDIENCE,
  iat: now(),
  exp: now() + 600,
});

/** A token of `sub` as the service trusts it, but for the header and the key. */
async function signed(
  sub: string,
  header: JWTHeaderParameters,
  key?: CryptoKey | Uint8Array,
): Promise<string> {
  const trusted = await importJWK(JSON.parse(keys.TEST_PRIVATE_JWK), 'ES256');
  return new SignJWT(claims(sub)).setProtectedHeader(header).sign(key ?? trusted);
}

const encode = (value: unknown) => base64url.encode(JSON.stringify(value));

/** A job of a known editor, so that a token which gets through is seen to. */
async function jobOfAlice(): Promise<{ job: OwnedJob; sub: string }> {
  const sub = `alice-${crypto.randomUUID()}`;
  const token = await editorToken(sub);
  const project = await call('POST', '/projects', { token, body: { name: 'Talks' } });
  const { body } = await call('POST', `/projects/${project.body.id}/jobs`, { token });
  return { job: { id: body.id, projectId: project.body.id, token }, sub };
}

const read = (job: OwnedJob, token: string) => call('GET', `/jobs/${job.id}`, { token });

describe('an editor’s token', () => {
  test('lets its editor in', async () => {
    const { job, sub } = await jobOfAlice();

    expect((await read(job, await signed(sub, { alg: 'ES256' }))).status).toBe(200);
    expect((await read(job, await signed(sub, { alg: 'ES256', typ: 'at+jwt' }))).status).toBe(200);
  });

  const forgeries: [string, (sub: string) => Promise<string>][] = [
    [
      'signed with another key',
      async (sub) => signed(sub, { alg: 'ES256' }, (await generateKeyPair('ES256')).privateKey),
    ],
    [
      'that says alg none and has no signature',
      async (sub) => `${encode({ alg: 'none' })}.${encode(claims(sub))}.`,
    ],
    [
      'that says alg none and has one',
      async (sub) => `${encode({ alg: 'none' })}.${encode(claims(sub))}.AAAA`,
    ],
    ['that says NoNe', async (sub) => `${encode({ alg: 'NoNe', typ: 'JWT' })}.${encode(claims(sub))}.AAAA`],
    [
      'signed by HS256 with the public key’s JWK as the secret',
      async (sub) => signed(sub, { alg: 'HS256' }, new TextEncoder().encode(keys.DEV_AUTH_PUBLIC_JWK)),
    ],
    [
      'signed by HS256 with the public key’s PEM as the secret',
      async (sub) => {
        const jwk = JSON.parse(keys.DEV_AUTH_PUBLIC_JWK);
        const pem = await exportSPKI((await importJWK(jwk, 'ES256', { extractable: true })) as CryptoKey);
        return signed(sub, { alg: 'HS256' }, new TextEncoder().encode(pem));
      },
    ],
    [
      'by an algorithm that is not pinned',
      async (sub) => signed(sub, { alg: 'EdDSA' }, (await generateKeyPair('EdDSA')).privateKey),
    ],
    [
      'that brings its own key',
      async (sub) => {
        const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
        const jwk = (await crypto.subtle.exportKey('jwk', publicKey)) as JsonWebKey;
        return signed(sub, { alg: 'ES256', jwk } as JWTHeaderParameters, privateKey);
      },
    ],
    ['with an unknown key id', async (sub) => signed(sub, { alg: 'ES256', kid: 'nobody-knows' })],
    ['for another audience', (sub) => editorToken(sub, { aud: 'another-service' })],
    ['of another issuer', (sub) => editorToken(sub, { iss: 'https://elsewhere.example' })],
    ['that is valid in an hour', (sub) => editorToken(sub, { nbf: now() + 3600 })],
    ['without an expiry', (sub) => editorToken(sub, { exp: undefined })],
    ['without a subject', () => editorToken('', { sub: undefined })],
    ['with an empty subject', () => editorToken('')],
    ['with a subject of 256 characters', () => editorToken('x'.repeat(256))],
    ['without an issuer', (sub) => editorToken(sub, { iss: undefined })],
    ['without an audience', (sub) => editorToken(sub, { aud: undefined })],
    ['with an expiry that is text', (sub) => editorToken(sub, { exp: 'never' })],
    ['without its signature', async (sub) => (await editorToken(sub)).replace(/[^.]+$/, '')],
    ['cut short', async (sub) => (await editorToken(sub)).slice(0, -1)],
    ['cut to two parts', async (sub) => (await editorToken(sub)).split('.').slice(0, 2).join('.')],
    ['with a part too many', async (sub) => `${await editorToken(sub)}.AAAA`],
    [
      'with other claims under the same signature',
      async (sub) => {
        const [header, , signature] = (await editorToken('mallory')).split('.');
        return `${header}.${encode(claims(sub))}.${signature}`;
      },
    ],
    ['that is no token', async () => 'token'],
    ['that is dots', async () => '..'],
  ];

  test.each(forgeries)('%s is refused', async (_what, forge) => {
    const { job, sub } = await jobOfAlice();

    expectRefused(await read(job, await forge(sub)), INVALID_CHALLENGE);
  });

  test('that has expired is refused and told so', async () => {
    const { job, sub } = await jobOfAlice();

    const reply = await read(job, await editorToken(sub, { exp: now() - 60 }));

    expectRefused(reply, EXPIRED_CHALLENGE);
  });

  test('that was accepted is refused once it has expired', async () => {
    const { job, sub } = await jobOfAlice();
    const token = await editorToken(sub, { exp: now() + 20 });
    expect((await read(job, token)).status).toBe(200);

    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 51_000 });
    const reply = await read(job, token).finally(() => vi.useRealTimers());

    expectRefused(reply, EXPIRED_CHALLENGE);
  });

  test('of more than 8 KiB is nobody’s', async () => {
    const { job, sub } = await jobOfAlice();

    const reply = await read(job, await editorToken(sub, { filler: 'x'.repeat(8192) }));

    expect(reply.status).toBe(401);
    expect(reply.body.error_code).toBe('UNAUTHENTICATED');
  });

  const endpoints: [string, (job: OwnedJob) => string, unknown?][] = [
    ['POST', () => '/projects', { name: 'Talks' }],
    ['GET', () => '/projects'],
    ['GET', ({ projectId }) => `/projects/${projectId}`],
    ['DELETE', ({ projectId }) => `/projects/${projectId}`],
    ['GET', ({ projectId }) => `/projects/${projectId}/counts`],
    ['POST', ({ projectId }) => `/projects/${projectId}/jobs`],
    ['GET', ({ projectId }) => `/projects/${projectId}/jobs`],
    ['POST', ({ projectId }) => `/projects/${projectId}/retries`, { filter: { status: ['FAILED'] } }],
    ['GET', ({ projectId }) => `/projects/${projectId}/operations`],
    ['GET', ({ id }) => `/operations/${id}`],
    ['GET', ({ id }) => `/operations/${id}/items`],
    ...['pause', 'resume', 'cancel'].map((command): (typeof endpoints)[number] => [
      'POST',
      ({ id }) => `/operations/${id}/${command}`,
    ]),
    ['GET', ({ id }) => `/jobs/${id}`],
    ['PATCH', ({ id }) => `/jobs/${id}`, { tags: ['urgent'] }],
    ['DELETE', ({ id }) => `/jobs/${id}`],
    ['POST', ({ id }) => `/jobs/${id}/confirm-upload`, { video_uri: 's3://media/talk.mp4' }],
    [
      'PUT',
      ({ id }) => `/jobs/${id}/video`,
      { video_uri: 's3://media/talk.mp4?v=2', replaces: 's3://media/talk.mp4' },
    ],
    ['POST', ({ id }) => `/jobs/${id}/run`],
    ['POST', ({ id }) => `/jobs/${id}/abandon`],
    ['POST', ({ id }) => `/jobs/${id}/cancel`],
    ['POST', ({ id }) => `/jobs/${id}/retry`, { model_profile: 'balanced', client_request_id: 'first' }],
    ['GET', ({ id }) => `/jobs/${id}/retry-plan`],
    ['GET', ({ id }) => `/jobs/${id}/redo-plan`],
    ['POST', ({ id }) => `/jobs/${id}/redo`, { model_profile: 'balanced', client_request_id: 'first' }],
    ['POST', ({ id }) => `/jobs/${id}/export`, { formats: ['docx'], client_request_id: 'first' }],
    [
      'PUT',
      ({ id }) => `/jobs/${id}/artifacts/transcript`,
      { uri: 's3://media/corrected.json', edits: 1, client_request_id: 'first' },
    ],
    ['PUT', ({ id }) => `/jobs/${id}/artifacts/transcript/content`, 'corrected'],
    ['GET', ({ id }) => `/jobs/${id}/artifacts/transcript/1/content`],
    ['GET', ({ id }) => `/jobs/${id}/dispatches`],
    ['GET', ({ id }) => `/jobs/${id}/attempts`],
    ['GET', ({ id }) => `/jobs/${id}/artifacts`],
    ['GET', ({ id }) => `/jobs/${id}/transitions`],
    ['GET', ({ id }) => `/jobs/${id}/events`],
    ['GET', ({ projectId }) => `/projects/${projectId}/events`],
    ['GET', ({ id }) => `/operations/${id}/events`],
  ];
  const named = endpoints.map(([method, path, body]) => ({
    name: `${method} ${path({ id: '{id}', projectId: '{id}', token: '' })}`,
    method,
    path,
    body,
  }));

  test('is for all of the contract’s endpoints for editors', () => {
    expect(named.map(({ name }) => name).toSorted()).toEqual(editorEndpoints().toSorted());
  });

  const failed = once(() => failedAfter('TRANSCRIBING'));
  test.each(named)('$name needs one', async ({ method, path, body }) => {
    const { job } = await failed();

    expectRefused(await withoutSideEffect(job, () => call(method, path(job), { body })), MISSING_CHALLENGE);
  });

  const running = once(() => jobAt('AUDIO_READY'));
  test.each(named)('$name does not take a callback token for one', async ({ method, path, body }) => {
    const { job, pipeline } = await running();
    const { token } = pipeline;

    expectRefused(
      await withoutSideEffect(job, () => call(method, path(job), { token, body })),
      INVALID_CHALLENGE,
    );
  });

  test('comes in the Authorization header, as a Bearer token, and nowhere else', async () => {
    const { job } = await jobOfAlice();
    const ask = (path: string, headers: Record<string, string>) =>
      send(`/jobs/${job.id}${path}`, { headers });

    for (const authorization of [
      '',
      'Bearer',
      'Bearer ',
      `Basic ${btoa('alice:secret')}`,
      job.token,
      `Bearer ${job.token} x`,
    ]) {
      expectRefused(await ask('', { authorization }), MISSING_CHALLENGE);
    }
    expectRefused(await ask(`?access_token=${job.token}`, {}), MISSING_CHALLENGE);
    expectRefused(await ask('', { cookie: `access_token=${job.token}` }), MISSING_CHALLENGE);
    expect((await ask('', { authorization: `bearer ${job.token}` })).status).toBe(200);
  });

  test('is never repeated in an answer', async () => {
    const { job, sub } = await jobOfAlice();
    const token = await editorToken(sub, { exp: now() - 60 });

    const reply = await read(job, token);

    expect(reply.text).not.toContain(token);
    expect(reply.text).not.toContain(sub);
  });
});

describe('a scope', () => {
  const scoped = async (scope: unknown) => {
    const { job, sub } = await jobOfAlice();
    const token = await editorToken(sub, { scope });
    return { job, token };
  };
  const cancel = (job: OwnedJob, token: string) => call('POST', `/jobs/${job.id}/cancel`, { token });

  function expectForbidden(reply: Reply, scope: string) {
    expect(reply.status).toBe(403);
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
    expect(reply.headers.get('www-authenticate')).toBe(`Bearer error="insufficient_scope", scope="${scope}"`);
    expect(reply.body).toMatchObject({ error_code: 'FORBIDDEN', details: { required_scope: scope } });
  }

  test('retake:read reads and does not write', async () => {
    const { job, token } = await scoped('retake:read');

    expect((await read(job, token)).status).toBe(200);
    expect((await call('HEAD', `/jobs/${job.id}`, { token })).status).toBe(200);
    expectForbidden(await withoutSideEffect(job, () => cancel(job, token)), 'retake:write');
  });

  test('retake:write does both', async () => {
    const { job, token } = await scoped('openid retake:write');

    expect((await read(job, token)).status).toBe(200);
    expect((await cancel(job, token)).status).toBe(200);
  });

  test.each(['', 'openid profile', 'retake:readx', 'RETAKE:READ', 'retake:read,retake:write', 'retake'])(
    '%j lets nobody in',
    async (scope) => {
      const { job, token } = await scoped(scope);

      expectForbidden(await read(job, token), 'retake:read');
      expectForbidden(await withoutSideEffect(job, () => cancel(job, token)), 'retake:write');
    },
  );

  test.each([[['retake:write']], [7], [null]])('that is %j and no text lets nobody in', async (scope) => {
    const { job, token } = await scoped(scope);

    expectForbidden(await read(job, token), 'retake:read');
  });

  test('that does not suffice is refused before anything else is looked at', async () => {
    const { token } = await scoped('retake:read');

    expectForbidden(
      await call('POST', `/jobs/${newId('job')}/retry`, { token, body: 'not json' }),
      'retake:write',
    );
  });

  test('is not asked of a token that has none', async () => {
    const { job } = await jobOfAlice();

    expect((await cancel(job, job.token)).status).toBe(200);
  });
});

describe('a callback token', () => {
  /** A report that would be applied under a good token. */
  const report = async (token: string | undefined, running = jobAt('AUDIO_READY')) => {
    const { job, pipeline } = await running;
    const body = pipeline.body('TRANSCRIBING');
    return withoutSideEffect(job, () =>
      call('POST', `/internal/jobs/${job.id}/status`, { body, ...(token === undefined ? {} : { token }) }),
    );
  };

  test('is needed', async () => {
    expectRefused(await report(undefined), MISSING_CHALLENGE);
  });

  const forgeries: [string, (own: string, jobId: string, dispatchId: string) => string | Promise<string>][] =
    [
      ['forged', (_own, _jobId, dispatchId) => `rtk1.${dispatchId}.${base64url.encode(new Uint8Array(32))}`],
      ['with an empty MAC', (_own, _jobId, dispatchId) => `rtk1.${dispatchId}.`],
      ['without a MAC', (_own, _jobId, dispatchId) => `rtk1.${dispatchId}`],
      ['cut short', (own) => own.slice(0, -2)],
      ['cut to half its MAC', (own) => own.slice(0, -22)],
      ['with more after it', (own) => `${own}.AAAA`],
      ['with a longer MAC', (own) => `${own}AAAA`],
      ['of another version', (own) => own.replace('rtk1', 'rtk2')],
      ['for another dispatch of the same job', (own) => own.replace(/dsp_[0-9a-f]{32}/, newId('dsp'))],
      [
        'of another job',
        (_own, _jobId, dispatchId) => signCallbackToken(newId('job'), dispatchId, config.callbackTokenKeys),
      ],
      [
        'signed with a key that is not listed',
        (_own, jobId, dispatchId) =>
          signCallbackToken(jobId, dispatchId, ['a-key-that-is-not-listed-0123456789ab']),
      ],
      ['overlong', (own) => own + 'A'.repeat(5000)],
      ['that is an editor’s', () => editorToken('alice')],
    ];

  const running = once(() => jobAt('AUDIO_READY'));
  test.each(forgeries)('%s is refused', async (_what, forge) => {
    const { pipeline, job, dispatchId } = await running();
    const token = await forge(pipeline.token, job.id, dispatchId);

    expectRefused(await report(token, running()), INVALID_CHALLENGE);
  });

  test('of the job’s own editor is refused', async () => {
    const running = await jobAt('AUDIO_READY');

    expectRefused(await report(running.job.token, Promise.resolve(running)), INVALID_CHALLENGE);
  });

  test('of an earlier dispatch that was superseded moves nothing', async () => {
    const { job, first, pipeline } = await retriedAfter('TRANSCRIBING');
    await pipeline.report('TRANSCRIBING');

    const reply = await withoutSideEffect(job, () =>
      first.pipeline.send(first.pipeline.body('TRANSCRIPT_READY')),
    );

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'DISPATCH_NOT_CURRENT',
      details: { dispatch_id: first.dispatchId, dispatch_state: 'FAILED' },
    });
  });

  test('of another job’s dispatch is refused', async () => {
    const other = await jobAt('AUDIO_READY');

    expectRefused(await report(other.pipeline.token), INVALID_CHALLENGE);
  });

  test('of a dispatch that the job does not know is told to stop: it may have been withdrawn long ago', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const token = await signCallbackToken(job.id, newId('dsp'), config.callbackTokenKeys);
    const body = pipeline.body('TRANSCRIBING');

    const reply = await withoutSideEffect(job, () =>
      call('POST', `/internal/jobs/${job.id}/status`, { token, body }),
    );

    expect(reply.status).toBe(409);
    expect(reply.body.error_code).toBe('DISPATCH_NOT_CURRENT');
  });

  test('signed with any listed key is good, so that keys can rotate', async () => {
    const [today = '', yesterday = ''] = config.callbackTokenKeys;
    const { job, dispatchId, pipeline } = await jobAt('AUDIO_READY');
    const older = await signCallbackToken(job.id, dispatchId, [yesterday]);

    const reply = await call('POST', `/internal/jobs/${job.id}/status`, {
      token: older,
      body: pipeline.body('TRANSCRIBING'),
    });

    expect(reply.status).toBe(204);
    expect(await job.status()).toBe('TRANSCRIBING');
    expect(pipeline.token).toBe(await signCallbackToken(job.id, dispatchId, [today]));
  });

  test('says which dispatch it is for, whatever the body says', async () => {
    const { job, first, pipeline } = await retriedAfter('TRANSCRIBING');
    const body = { ...pipeline.body('TRANSCRIBING'), dispatch_id: first.dispatchId };

    expect((await pipeline.send(body)).status).toBe(204);
    expect((await job.get()).open_dispatch.dispatch_id).toBe(pipeline.dispatchId);
  });
});

test('health and contract need no token', async () => {
  expect((await call('GET', '/healthz')).status).toBe(200);
  expect((await call('GET', '/openapi.json')).status).toBe(200);
});

test('a path that does not exist says so only to those who may come in', async () => {
  const job = await uploadedJob();

  expectRefused(await call('GET', `/jobs/${job.id}/nothing`), MISSING_CHALLENGE);
  expect((await call('GET', `/jobs/${job.id}/nothing`, { token: job.token })).status).toBe(404);
});

test('two editors’ work is kept apart', async () => {
  const [one, two] = await Promise.all([createdJob(), createdJob()]);

  expect((await read(one, two.token)).status).toBe(404);
  expect((await read(two, one.token)).status).toBe(404);
});
