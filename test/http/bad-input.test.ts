// Bad input: each kind is a clear 4xx that names the field, and nothing is stored.
import { env } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { requireConfig } from '../../src/config.ts';
import { ActingJob, createdJob, failedAfter, jobAt, once, uploadedJob } from '../support/workerd/acting.ts';
import { call, editorToken, missingId, send, sendOverHttp } from '../support/workerd/harness.ts';
import { expectIssues, refusal } from './refusal.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const RETRY = { model_profile: 'balanced', client_request_id: 'first' };
const LONE_SURROGATE = '"\\ud83c"';

const failed = once(() => failedAfter('TRANSCRIBING'));
const created = once(() => createdJob());

interface Endpoint {
  job: ActingJob;
  path: string;
  token: string;
}
/** The endpoints that take a body, with a job for which a good body would be taken. */
const taking: [string, () => Promise<Endpoint>][] = [
  ['retry', async () => editorPath((await failed()).job, 'retry')],
  ['run', async () => editorPath(await uploadedJob(), 'run')],
  ['cancel', async () => editorPath(await uploadedJob(), 'cancel')],
  ['confirm-upload', async () => editorPath(await created(), 'confirm-upload')],
  [
    'create a job',
    async () => {
      const job = await created();
      return { job, path: `/projects/${job.projectId}/jobs`, token: job.token };
    },
  ],
  [
    'create a project',
    async () => {
      const job = await created();
      return { job, path: '/projects', token: job.token };
    },
  ],
  [
    'callback',
    async () => {
      const { job, pipeline } = await jobAt('AUDIO_READY');
      return { job, path: `/internal/jobs/${job.id}/status`, token: pipeline.token };
    },
  ],
];
const editorPath = (job: ActingJob, path: string) => ({
  job,
  path: `/jobs/${job.id}/${path}`,
  token: job.token,
});
const endpoints = taking.map(([name, make]): [string, () => Promise<Endpoint>] => [name, once(make)]);
/** Those that cannot do without one. */
const needingBody = endpoints.filter(([name]) => !['run', 'cancel', 'create a job'].includes(name));

describe.each(endpoints)('the body of %s', (_name, make) => {
  const post = (path: string, token: string, init: RequestInit) =>
    send(path, { method: 'POST', ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });

  test('that is not JSON is refused', async () => {
    const { job, path, token } = await make();
    const texts = ['{"model_profile": "bal', "{'model_profile': 'balanced'}", 'balanced', '{}{}', ' '];
    const notUtf8 = Uint8Array.from([...new TextEncoder().encode('{"model_profile":"'), 0xff, 0x22, 0x7d]);
    const bodies = [...texts, notUtf8];

    for (const body of bodies) {
      const reply = await refusal(job, () => post(path, token, { body, headers: JSON_TYPE }));
      expectIssues(reply, '');
      expect(reply.body.details.issues[0].message, String(body)).toContain('JSON');
    }
  });

  test('that is no object is refused', async () => {
    const { job, path, token } = await make();

    for (const body of ['null', '[]', '"text"', '1', 'true']) {
      expectIssues(await refusal(job, () => post(path, token, { body, headers: JSON_TYPE })), '');
    }
  });

  test('that says it is something else than JSON is refused', async () => {
    const { job, path, token } = await make();
    const body = JSON.stringify(RETRY);
    const contentTypes = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
      'application/json-seq',
      'application/json charset=utf-8',
      'application/json; charset',
      'application/json, text/plain',
      'application/+json',
      'application/ json',
      `application/json${' ;'.repeat(5_000)} x`,
      'text/json',
      'nonsense',
    ];

    for (const type of contentTypes) {
      const reply = await refusal(job, () => post(path, token, { body, headers: { 'content-type': type } }));
      expect(reply.status, type).toBe(415);
      expect(reply.body.error_code).toBe('UNSUPPORTED_MEDIA_TYPE');
    }
  });

  test.each([
    'application/json;',
    'application/json ;',
    'application/json; charset=utf-8;',
    'application/json ; charset=utf-8',
    'application/json;;\t; charset="utf-8" ; q="a;\\"b"',
    'Application/JSON;Charset=UTF-8',
    'application/vnd.acme.v1+json',
    'application/vnd.acme+x+json; v=1',
    'application/problem+json',
  ])('of the type %s is looked at', async (type) => {
    const { job, path, token } = await make();

    const reply = await refusal(job, () =>
      post(path, token, { body: '{"nobody_knows":1}', headers: { 'content-type': type } }),
    );

    expect([reply.status, reply.body.error_code]).toEqual([400, 'VALIDATION_ERROR']);
  });

  test('that is compressed is refused, and told so', async () => {
    const { job, path, token } = await make();

    for (const coding of ['gzip', 'br', 'identity, gzip', 'nonsense']) {
      const headers = { ...JSON_TYPE, 'content-encoding': coding };
      const reply = await refusal(job, () => post(path, token, { body: JSON.stringify(RETRY), headers }));
      expect([reply.status, reply.body.error_code], coding).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
      expect(reply.headers.get('accept-encoding')).toBe('identity');
      expect(reply.body.detail).toContain('coding');
    }
  });

  test('that says it is as it is, is looked at', async () => {
    const { job, path, token } = await make();
    const headers = { ...JSON_TYPE, 'content-encoding': 'Identity' };

    const reply = await refusal(job, () => post(path, token, { body: '{"nobody_knows":1}', headers }));

    expect(reply.status).toBe(400);
  });

  test('that does not say what it is is refused', async () => {
    const { job, path, token } = await make();
    const body = new TextEncoder().encode(JSON.stringify(RETRY));

    const reply = await refusal(job, () => post(path, token, { body }));

    expect(reply.status).toBe(415);
    expect(reply.body.error_code).toBe('UNSUPPORTED_MEDIA_TYPE');
  });

  test('of 65 KiB is refused before it is parsed', async () => {
    const { job, path, token } = await make();
    const body = '['.repeat(65 * 1024);

    const reply = await refusal(job, () => post(path, token, { body, headers: JSON_TYPE }));

    expect(reply.status).toBe(413);
    expect(reply.body).toMatchObject({ error_code: 'PAYLOAD_TOO_LARGE', details: { max_bytes: 65_536 } });
  });

  test('that holds fields nobody knows is refused, or on callbacks misses what it needs', async () => {
    const { job, path, token } = await make();

    const reply = await refusal(job, () =>
      post(path, token, { body: '{"nobody_knows":1}', headers: JSON_TYPE }),
    );

    expect(reply.status).toBe(400);
    expect(reply.body.error_code).toBe('VALIDATION_ERROR');
    expect(reply.body.details.issues.length).toBeGreaterThan(0);
  });
});

describe.each(needingBody)('the body of %s', (_name, make) => {
  test.each([
    ['with a content type', JSON_TYPE],
    ['without a content type', {}],
  ])('cannot be missing %s', async (_what, headers) => {
    const { job, path, token } = await make();
    const init = { method: 'POST', headers: { authorization: `Bearer ${token}`, ...headers } };

    const reply = await refusal(job, () => send(path, init));

    expect(reply.status).toBe(400);
    expect(reply.body.error_code).toBe('VALIDATION_ERROR');
    expect(reply.body.details.issues.length).toBeGreaterThan(0);
  });
});

describe('over workerd’s own HTTP', () => {
  const large = `{"model_profile":"${'x'.repeat(65 * 1024)}"}`;
  const bytes = new TextEncoder().encode(large);
  const streamed = () => inPieces(bytes);

  test.each([
    ['with its length', () => large],
    ['streamed', streamed],
  ])('a body of 65 KiB is refused %s', async (_how, body) => {
    const { job } = await failed();
    const headers = { ...JSON_TYPE, authorization: `Bearer ${job.token}` };

    const reply = await refusal(job, () =>
      sendOverHttp(`/jobs/${job.id}/retry`, { method: 'POST', headers, body: body() }),
    );

    expect(reply.status).toBe(413);
    expect(reply.body.error_code).toBe('PAYLOAD_TOO_LARGE');
  });

  test('a streamed body within the limit is put together again', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const headers = { ...JSON_TYPE, authorization: `Bearer ${job.token}` };
    const text = JSON.stringify(RETRY).padEnd(40_000, ' ');
    const body = inPieces(new TextEncoder().encode(text));

    const reply = await sendOverHttp(`/jobs/${job.id}/retry`, { method: 'POST', headers, body });

    expect(reply.status).toBe(202);
  });

  test('a body that names a content type and holds nothing is none', async () => {
    const job = await uploadedJob();
    const headers = { ...JSON_TYPE, authorization: `Bearer ${job.token}` };

    const reply = await sendOverHttp(`/jobs/${job.id}/run`, { method: 'POST', headers, body: '' });

    expect(reply.status).toBe(202);
  });
});

function inPieces(bytes: Uint8Array): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 4096) controller.enqueue(bytes.slice(at, at + 4096));
      controller.close();
    },
  });
}

describe('a body that is refused is read on to its end first', () => {
  const piece = new Uint8Array(16 * 1024);
  /** Says how many pieces were asked for; never ends when there are to be no end of them. */
  const counted = (pieces: number) => {
    const count = { asked: 0 };
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (count.asked === pieces) return controller.close();
          count.asked += 1;
          controller.enqueue(piece);
        },
      },
      { highWaterMark: 0 },
    );
    return { count, body };
  };

  test.each([
    ['too large', 413, (job: ActingJob) => ({ path: '/projects', token: job.token })],
    ['of nobody', 401, () => ({ path: '/projects', token: 'x' })],
  ])('%s', async (_what, status, make) => {
    const { path, token } = make(await createdJob());
    const { count, body } = counted(20);
    const headers = { ...JSON_TYPE, authorization: `Bearer ${token}` };

    const reply = await send(path, { method: 'POST', headers, body });

    expect([reply.status, count.asked]).toEqual([status, 20]);
  });

  test('but not without end', async () => {
    const job = await createdJob();
    const { count, body } = counted(Number.POSITIVE_INFINITY);
    const headers = { ...JSON_TYPE, authorization: `Bearer ${job.token}` };

    const reply = await send('/projects', { method: 'POST', headers, body });

    expect(reply.status).toBe(413);
    expect(count.asked * piece.byteLength).toBeLessThan(34 * 1024 * 1024);
  });
});

test('a body of exactly 64 KiB is looked at', async () => {
  const { job } = await failed();
  const frame = JSON.stringify({ ...RETRY, client_request_id: '' });
  const body = { ...RETRY, client_request_id: 'x'.repeat(65_536 - frame.length) };

  expectIssues(await refusal(job, () => job.post('retry', body)), 'client_request_id');
});

describe('a retry', () => {
  const cases: [string, unknown, ...string[]][] = [
    ['without a profile', { client_request_id: 'first' }, 'model_profile'],
    ['without a client_request_id', { model_profile: 'balanced' }, 'client_request_id'],
    ['with nothing', {}, 'model_profile', 'client_request_id'],
    ['with an unknown field', { ...RETRY, callback_url: 'https://evil.example' }, ''],
    ['with a resume point of its own', { ...RETRY, resume_from_status: 'DRAFT_READY' }, ''],
    ['with a prototype', '{"model_profile":"balanced","client_request_id":"x","__proto__":{"a":1}}', ''],
    ['with a number for a profile', { ...RETRY, model_profile: 7 }, 'model_profile'],
    ['with a list for a profile', { ...RETRY, model_profile: ['balanced'] }, 'model_profile'],
    ['with null for an id', { ...RETRY, client_request_id: null }, 'client_request_id'],
    ['with an object for an id', { ...RETRY, client_request_id: {} }, 'client_request_id'],
    ['with an empty id', { ...RETRY, client_request_id: '' }, 'client_request_id'],
    ['with an id of 129 characters', { ...RETRY, client_request_id: 'x'.repeat(129) }, 'client_request_id'],
    ['with a profile of 65 characters', { ...RETRY, model_profile: 'x'.repeat(65) }, 'model_profile'],
    ['with a NUL in its id', { ...RETRY, client_request_id: 'a\u0000b' }, 'client_request_id'],
    ['with a line break in its id', { ...RETRY, client_request_id: 'a\nb' }, 'client_request_id'],
    ['with a trailing line break in its id', { ...RETRY, client_request_id: 'ab\n' }, 'client_request_id'],
    ['with a blank in its id', { ...RETRY, client_request_id: 'a b' }, 'client_request_id'],
    ['with an id that is not ASCII', { ...RETRY, client_request_id: 'é' }, 'client_request_id'],
    [
      'with half a surrogate pair',
      `{"model_profile":"balanced","client_request_id":${LONE_SURROGATE}}`,
      'client_request_id',
    ],
  ];

  test.each(cases)('%s is refused', async (_what, body, ...paths) => {
    const { job } = await failed();

    expectIssues(await refusal(job, () => job.post('retry', body)), ...paths);
  });

  test('with an unknown field is told its name', async () => {
    const { job } = await failedAfter('TRANSCRIBING');

    const reply = await job.post('retry', { ...RETRY, callback_url: 'https://evil.example' });

    expect(reply.body.details.issues[0].message).toContain('callback_url');
  });

  test('with ids and profiles as long as they may be is looked at', async () => {
    const { job } = await failedAfter('TRANSCRIBING');

    expect((await job.retry('x'.repeat(128))).status).toBe(202);
  });
});

describe('a run', () => {
  test.each([
    ['with an unknown field', { profile: 'balanced' }, ''],
    ['with an empty profile', { model_profile: '' }, 'model_profile'],
    ['with a profile that is no token', { model_profile: 'two words' }, 'model_profile'],
  ])('%s is refused', async (_what, body, path) => {
    const job = await uploadedJob();

    expectIssues(await refusal(job, () => job.post('run', body)), path);
  });
});

test('null for an optional field is none', async () => {
  const { policy } = requireConfig(env).rules;
  const job = await uploadedJob();

  const reply = await job.post('run', { model_profile: null });

  expect(reply.status).toBe(202);
  expect((await job.dispatch(reply.body.dispatch_id)).model_profile).toBe(policy.defaultProfile);
});

describe('a slash at the end of a path', () => {
  test('names what stands before it', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const { token } = job;
    const report = { token: pipeline.token, body: pipeline.body('TRANSCRIBING') };

    const replies = [
      await call('GET', '/healthz/'),
      await call('GET', '/projects/', { token }),
      await call('GET', `/jobs/${job.id}/?x=1`, { token }),
      await call('GET', `/jobs/${job.id}/transitions/?limit=1`, { token }),
      await call('POST', `/jobs/${job.id}/run/`, { token }),
      await call('POST', `/internal/jobs/${job.id}/status/`, report),
      await call('DELETE', '/projects/', { token }),
    ];

    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 204, 405]);
  });

  test('is no way around a token', async () => {
    const { job } = await jobAt('AUDIO_READY');
    const paths = ['/projects/', `/jobs/${job.id}/`, `/jobs/${job.id}/transitions/`];

    const replies = await Promise.all(paths.map((path) => call('GET', path)));
    const callback = await call('POST', `/internal/jobs/${job.id}/status/`, { body: {} });

    expect([...replies, callback].map(({ status }) => status)).toEqual([401, 401, 401, 401]);
  });
});

describe('a project', () => {
  test.each([
    ['without a name', {}, 'name'],
    ['with an empty name', { name: '' }, 'name'],
    ['with a name of 201 characters', { name: 'x'.repeat(201) }, 'name'],
    ['with a number for a name', { name: 1 }, 'name'],
    ['with a NUL in its name', { name: 'a\u0000b' }, 'name'],
    ['with an escape in its name', { name: '\u001b[2J' }, 'name'],
    ['with a C1 control in its name', { name: 'a\u0085b' }, 'name'],
    ['of blanks', { name: ' \u2003\n ' }, 'name'],
    ['of a character without width', { name: '\u200b' }, 'name'],
    ['of fillers and joiners', { name: '\u3164\u200d\ufeff\u2800\u115f' }, 'name'],
    ['of a mark on nothing', { name: '\u0301' }, 'name'],
    ['that turns a line around', { name: 'Talks\u202egp4' }, 'name'],
    ['that isolates what follows', { name: 'Talks\u2066' + 'x' }, 'name'],
    ['with a mark of direction', { name: 'Talks\u200fx' }, 'name'],
    ['of two lines', { name: 'Talks\u2028x' }, 'name'],
    ['of two paragraphs', { name: 'Talks\u2029x' }, 'name'],
    ['with half a surrogate pair in its name', `{"name":${LONE_SURROGATE}}`, 'name'],
    ['with an unknown field', { name: 'Talks', owner: 'somebody' }, ''],
  ])('%s is refused and not made', async (_what, body, path) => {
    const token = await editorToken(`editor-${crypto.randomUUID()}`);

    const reply = await call('POST', '/projects', { token, body });

    expectIssues(reply, path);
    expect((await call('GET', '/projects', { token })).body.items).toEqual([]);
  });

  test.each([
    ['講演 🎬 “Talks”', '講演 🎬 “Talks”'],
    ['مقابلات', 'مقابلات'],
    ['👩‍👩‍👧 मेरी', '👩‍👩‍👧 मेरी'],
    ['…', '…'],
    ['  Talks\u00a0\n', 'Talks'],
    [`  ${'x'.repeat(200)}  `, 'x'.repeat(200)],
  ])('may be named %j', async (name, expected) => {
    const token = await editorToken(`editor-${crypto.randomUUID()}`);

    const reply = await call('POST', '/projects', { token, body: { name } });

    expect(reply.status).toBe(201);
    expect(reply.body.name).toBe(expected);
  });
});

describe('a video_uri', () => {
  test.each([
    ['with a user', 'https://user@media.example/talk.mp4'],
    ['with credentials', 'https://user:secret@media.example/talk.mp4'],
    ['with empty credentials', 'https://:@media.example/talk.mp4'],
    ['that only a browser would mend', 'https:media.example/talk.mp4'],
    ['with one slash', 'https:/media.example/talk.mp4'],
    ['with backslashes', 'https:\\\\media.example\\talk.mp4'],
    ['with angle brackets', 'https://media.example/<script>'],
    ['with half an escape', 'https://media.example/100%'],
    ['over plain http', 'http://media.example/talk.mp4'],
    ['of a bucket alone', 's3://media/'],
    ['of a bucket that is no name', 's3://my media/talk.mp4'],
    ['of an object with a user', 's3://user@media/talk.mp4'],
    ['of a key with a line break', 's3://media/talk.mp4\nx-header: 1'],
    ['of a key with a NUL', 's3://media/\u0000'],
    ['of an account without a container', 'abfss://account.dfs.core.windows.net/talk.mp4'],
    ['on this machine', 'https://localhost/talk.mp4'],
    ['among the metadata of a cloud', 'https://169.254.169.254/latest/meta-data'],
    ['on a private network', 'https://10.0.0.5:8443/talk.mp4'],
    ['of a file', 'file:///etc/passwd'],
    ['of data', 'data:video/mp4;base64,AAAA'],
    ['of a script', 'javascript:alert(1)'],
    ['by ftp', 'ftp://media.example/talk.mp4'],
    ['that is relative', '/talk.mp4'],
    ['without a scheme', '//media.example/talk.mp4'],
    ['without a host', 'https:///'],
    ['without a bucket', 's3:///talk.mp4'],
    ['that is a scheme', 's3:'],
    ['that is empty', ''],
    ['that is words', 'not a uri'],
    ['with a leading blank', ' https://media.example/talk.mp4'],
    ['with a trailing blank', 'https://media.example/talk.mp4 '],
    ['with a blank', 'https://media.example/my talk.mp4'],
    ['with a tab', 'https://media.example/\ttalk.mp4'],
    ['with a line break', 'https://media.example/talk.mp4\nx-header: 1'],
    ['with a NUL', 'https://media.example/\u0000'],
    ['that is not ASCII', 'https://media.example/vidéo.mp4'],
    ['of 2049 characters', `https://media.example/${'x'.repeat(2049 - 22)}`],
    ['that is a number', 7],
    ['that is null', null],
    ['that is an object', { href: 'https://media.example/talk.mp4' }],
  ])('%s is refused', async (_what, videoUri) => {
    const job = await created();

    expectIssues(await refusal(job, () => job.post('confirm-upload', { video_uri: videoUri })), 'video_uri');
  });

  test.each([
    'https://media.example/talk.mp4',
    'https://media.example:8443/a/b?version=1#t=10',
    's3://bucket/key/with/parts.mp4',
    'gs://bucket/talk.mp4',
    'https://[2001:db8::1]/a%20b/@c;d=(e)*!$&,~',
    'r2://bucket/talk.mp4',
    's3://media/My talk.mp4',
    'gs://media/Интервью/講演 🎬.mp4',
    's3://media/100% real?#<1>.mp4 ',
    'abfss://raw@account.dfs.core.windows.net/talks/My talk.mp4',
  ])('%s is taken as it is', async (videoUri) => {
    const job = await createdJob();

    const reply = await job.post('confirm-upload', { video_uri: videoUri });

    expect(reply.status).toBe(200);
    expect(reply.body.job.manifest.video_uri).toBe(videoUri);
  });

  test('with half a surrogate pair in its key is refused', async () => {
    const job = await created();
    const body = `{"video_uri":"s3://media/${LONE_SURROGATE.slice(1)}}`;

    expectIssues(await refusal(job, () => job.post('confirm-upload', body)), 'video_uri');
  });

  test('that is renewed is held to the same', async () => {
    const job = await uploadedJob();
    const renewed = { video_uri: 'https://localhost/talk.mp4', replaces: 's3://media/talk.mp4' };

    const renew = () => call('PUT', `/jobs/${job.id}/video`, { token: job.token, body: renewed });
    expectIssues(await refusal(job, renew), 'video_uri');
  });

  describe('under settings', () => {
    const confirm = (job: ActingJob, videoUri: string, vars: object) => {
      const headers = { ...JSON_TYPE, authorization: `Bearer ${job.token}` };
      const init = { method: 'POST', headers, body: JSON.stringify({ video_uri: videoUri }) };
      return send(`/jobs/${job.id}/confirm-upload`, init, { ...env, ...vars });
    };
    const subOf = ({ token }: ActingJob): string => JSON.parse(atob(token.split('.')[1] ?? '')).sub;

    test('may be on plain http and a private network', async () => {
      const job = await createdJob();
      const vars = { MEDIA_SCHEMES: 'https, http', MEDIA_HOSTS: 'nas.lan' };

      const others = ['s3://media/talk.mp4', 'http://localhost/talk.mp4'];
      const refused = await Promise.all(others.map((uri) => confirm(job, uri, vars)));
      const taken = await confirm(job, 'http://nas.lan:8080/talk.mp4', vars);

      for (const reply of refused) expectIssues(reply, 'video_uri');
      expect(taken.status).toBe(200);
    });

    test('is only below what is its owner’s and its project’s', async () => {
      const job = await createdJob();
      const vars = { MEDIA_PREFIXES: 's3://media/{owner}/{project}/' };
      const below = `s3://media/${subOf(job)}/${job.projectId}/`;

      const others = [
        's3://media/talk.mp4',
        `s3://media/somebody/${job.projectId}/talk.mp4`,
        `s3://media/${subOf(job)}/prj_other/talk.mp4`,
        `${below}../../somebody/talk.mp4`,
      ];
      const refused = await Promise.all(others.map((uri) => confirm(job, uri, vars)));
      const taken = await confirm(job, `${below}My talk.mp4`, vars);

      for (const reply of refused) expectIssues(reply, 'video_uri');
      expect(taken.status).toBe(200);
    });

    test('is not told from a job that is missing, to a stranger', async () => {
      const job = await createdJob();
      const stranger = await createdJob();
      const vars = { MEDIA_PREFIXES: 's3://media/{project}/' };
      const missing = await missingId('job');

      const foreign = new ActingJob(job.id, job.projectId, stranger.token);
      const nowhere = new ActingJob(missing, job.projectId, stranger.token);
      const uri = `s3://media/${job.projectId}/talk.mp4`;

      const replies = [await confirm(foreign, uri, vars), await confirm(nowhere, uri, vars)];
      expect(replies.map(({ status }) => status)).toEqual([404, 404]);
      expect(replies[0]?.text).toBe(replies[1]?.text);
    });
  });

  test('is not repeated in the refusal', async () => {
    const job = await createdJob();

    const reply = await job.post('confirm-upload', {
      video_uri: 'https://user:secret@media.example/talk.mp4',
    });

    expect(reply.text).not.toContain('secret');
  });
});

describe('a list', () => {
  const lists = (job: ActingJob): Record<string, string> => ({
    projects: '/projects',
    jobs: `/projects/${job.projectId}/jobs`,
    dispatches: `/jobs/${job.id}/dispatches`,
    transitions: `/jobs/${job.id}/transitions`,
  });
  const bad: [string, string][] = [
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=1e1', 'limit'],
    ['limit=+1', 'limit'],
    ['limit=01', 'limit'],
    ['limit=many', 'limit'],
    ['limit=', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['cursor=', 'cursor'],
    ['cursor=nonsense', 'cursor'],
    ['cursor=%00', 'cursor'],
    [`cursor=${btoa('1:')}`, 'cursor'],
    [`cursor=${btoa('-1:job_1')}`, 'cursor'],
    [`cursor=${btoa('seq:-1')}`, 'cursor'],
    [`cursor=${btoa('seq:x')}`, 'cursor'],
    [`cursor=${btoa(`1:job_${'0'.repeat(32)}' OR 1=1`)}`, 'cursor'],
    [`cursor=${'A'.repeat(201)}`, 'cursor'],
    ['cursor=a&cursor=b', 'cursor'],
    ['page=2', ''],
  ];

  test.each(['projects', 'jobs', 'dispatches', 'transitions'])('of %s refuses a bad query', async (name) => {
    const { job } = await failed();
    const path = lists(job)[name];

    for (const [query, field] of bad) {
      const reply = await call('GET', `${path}?${query}`, { token: job.token });
      expect(reply.status, query).toBe(400);
      expectIssues(reply, field);
    }
  });

  test.each([
    ['positions', 'transitions', `cursor=${encodeURIComponent(btoa(`1:job_${'0'.repeat(32)}`))}`],
    ['sequences', 'dispatches', `cursor=${encodeURIComponent(btoa('seq:1'))}`],
  ])('refuses a cursor of a list of %s', async (_what, name, query) => {
    const { job } = await failed();

    expectIssues(await call('GET', `${lists(job)[name]}?${query}`, { token: job.token }), 'cursor');
  });

  test.each(['failed', 'POLISHING', '', 'FAILED&status=DONE'])(
    'of jobs refuses the status %j',
    async (status) => {
      const job = await created();

      const reply = await call('GET', `/projects/${job.projectId}/jobs?status=${status}`, {
        token: job.token,
      });

      expectIssues(reply, 'status');
    },
  );
});
