// Bad input: each kind is a clear 4xx that names the field, and nothing is stored.
import { describe, expect, test } from 'vitest';
import { type ActingJob, createdJob, failedAfter, jobAt, uploadedJob } from '../support/workerd/acting.ts';
import { call, editorToken, send, sendOverHttp } from '../support/workerd/harness.ts';
import { expectIssues, refusal } from './refusal.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const RETRY = { model_profile: 'balanced', client_request_id: 'first' };
const LONE_SURROGATE = '"\\ud83c"';

/** The endpoints that take a body, with a job for which a good body would be taken. */
const endpoints: [string, () => Promise<{ job: ActingJob; path: string; token: string }>][] = [
  ['retry', async () => editorPath((await failedAfter('TRANSCRIBING')).job, 'retry')],
  ['run', async () => editorPath(await uploadedJob(), 'run')],
  ['cancel', async () => editorPath(await uploadedJob(), 'cancel')],
  ['confirm-upload', async () => editorPath(await createdJob(), 'confirm-upload')],
  [
    'create a job',
    async () => {
      const job = await createdJob();
      return { job, path: `/projects/${job.projectId}/jobs`, token: job.token };
    },
  ],
  [
    'create a project',
    async () => {
      const job = await createdJob();
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
      'text/json',
      'nonsense',
    ];

    for (const type of contentTypes) {
      const reply = await refusal(job, () => post(path, token, { body, headers: { 'content-type': type } }));
      expect(reply.status, type).toBe(415);
      expect(reply.body.error_code).toBe('UNSUPPORTED_MEDIA_TYPE');
    }
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
  const streamed = () =>
    new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 4096) controller.enqueue(bytes.slice(at, at + 4096));
        controller.close();
      },
    });

  test.each([
    ['with its length', () => large],
    ['streamed', streamed],
  ])('a body of 65 KiB is refused %s', async (_how, body) => {
    const { job } = await failedAfter('TRANSCRIBING');
    const headers = { ...JSON_TYPE, authorization: `Bearer ${job.token}` };

    const reply = await refusal(job, () =>
      sendOverHttp(`/jobs/${job.id}/retry`, { method: 'POST', headers, body: body() }),
    );

    expect(reply.status).toBe(413);
    expect(reply.body.error_code).toBe('PAYLOAD_TOO_LARGE');
  });

  test('a body that names a content type and holds nothing is none', async () => {
    const job = await uploadedJob();
    const headers = { ...JSON_TYPE, authorization: `Bearer ${job.token}` };

    const reply = await sendOverHttp(`/jobs/${job.id}/run`, { method: 'POST', headers, body: '' });

    expect(reply.status).toBe(202);
  });
});

test('a body of exactly 64 KiB is looked at', async () => {
  const { job } = await failedAfter('TRANSCRIBING');
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
    const { job } = await failedAfter('TRANSCRIBING');

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
    ['with null for a profile', { model_profile: null }, 'model_profile'],
    ['with an empty profile', { model_profile: '' }, 'model_profile'],
    ['with a profile that is no token', { model_profile: 'two words' }, 'model_profile'],
  ])('%s is refused', async (_what, body, path) => {
    const job = await uploadedJob();

    expectIssues(await refusal(job, () => job.post('run', body)), path);
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
    ['with half a surrogate pair in its name', `{"name":${LONE_SURROGATE}}`, 'name'],
    ['with an unknown field', { name: 'Talks', owner: 'somebody' }, ''],
  ])('%s is refused and not made', async (_what, body, path) => {
    const token = await editorToken(`editor-${crypto.randomUUID()}`);

    const reply = await call('POST', '/projects', { token, body });

    expectIssues(reply, path);
    expect((await call('GET', '/projects', { token })).body.items).toEqual([]);
  });

  test('may be named in any script', async () => {
    const token = await editorToken(`editor-${crypto.randomUUID()}`);

    const reply = await call('POST', '/projects', { token, body: { name: '講演 🎬 “Talks”' } });

    expect(reply.status).toBe(201);
    expect(reply.body.name).toBe('講演 🎬 “Talks”');
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
    const job = await createdJob();

    expectIssues(await refusal(job, () => job.post('confirm-upload', { video_uri: videoUri })), 'video_uri');
  });

  test.each([
    'https://media.example/talk.mp4',
    'https://media.example:8443/a/b?version=1#t=10',
    's3://bucket/key/with/parts.mp4',
    'gs://bucket/talk.mp4',
    'https://[2001:db8::1]/a%20b/@c;d=(e)*!$&,~',
    'r2://bucket/talk.mp4',
  ])('%s is taken as it is', async (videoUri) => {
    const job = await createdJob();

    const reply = await job.post('confirm-upload', { video_uri: videoUri });

    expect(reply.status).toBe(200);
    expect(reply.body.job.manifest.video_uri).toBe(videoUri);
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
    const { job } = await failedAfter('TRANSCRIBING');
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
    const { job } = await failedAfter('TRANSCRIBING');

    expectIssues(await call('GET', `${lists(job)[name]}?${query}`, { token: job.token }), 'cursor');
  });

  test.each(['failed', 'POLISHING', '', 'FAILED&status=DONE'])(
    'of jobs refuses the status %j',
    async (status) => {
      const job = await createdJob();

      const reply = await call('GET', `/projects/${job.projectId}/jobs?status=${status}`, {
        token: job.token,
      });

      expectIssues(reply, 'status');
    },
  );
});
