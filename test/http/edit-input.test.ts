// Bad input of corrections: each kind is a 400 that names the field, and nothing is stored. Which references an editor may name
// follows from the settings, as for a video.
import { env } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { ActingJob, failedAfter } from '../support/workerd/acting.ts';
import { missingId, type Reply, send, withoutSideEffect } from '../support/workerd/harness.ts';
import { corrected, drafted, edit, newRef, subOf } from './editing.ts';
import { expectIssues, refusal } from './refusal.ts';

const LONE_SURROGATE = '\ud83c';

describe('the body of a correction', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['without a reference', { uri: undefined }, 'uri'],
    ['without the version that it corrects', { edits: undefined }, 'edits'],
    ['without an id', { client_request_id: undefined }, 'client_request_id'],
    ['with version 0', { edits: 0 }, 'edits'],
    ['with a version that is no whole number', { edits: 1.5 }, 'edits'],
    ['with a version as text', { edits: '1' }, 'edits'],
    ['with null for the version', { edits: null }, 'edits'],
    ['with a version beyond what is exact', { edits: 2 ** 53 }, 'edits'],
    ['with a size below 0', { size_bytes: -1 }, 'size_bytes'],
    ['with a size that is no whole number', { size_bytes: 0.5 }, 'size_bytes'],
    ['with a size as text', { size_bytes: '7' }, 'size_bytes'],
    ['with a digest that is empty', { digest: '' }, 'digest'],
    ['with a digest of 201 characters', { digest: 'x'.repeat(201) }, 'digest'],
    ['with a digest that holds a blank', { digest: 'sha-256: x' }, 'digest'],
    ['with a digest that is no text', { digest: 7 }, 'digest'],
    ['with an id of 129 characters', { client_request_id: 'x'.repeat(129) }, 'client_request_id'],
    ['with an id that is empty', { client_request_id: '' }, 'client_request_id'],
    ['with an id that is not ASCII', { client_request_id: 'ä' }, 'client_request_id'],
    ['with a field that nobody knows', { ref: 's3://media/x' }, ''],
    ['with what a pipeline would say', { status: 'DRAFT_READY' }, ''],
  ])('%s is refused', async (_what, said, path) => {
    const { job } = await failedAfter('GENERATING');

    expectIssues(await refusal(job, () => edit(job, 'transcript', { edits: 1, ...said })), path);
  });

  test('under another id than Idempotency-Key says is refused', async () => {
    const { job } = await failedAfter('GENERATING');
    const headers = { 'idempotency-key': '"another"' };

    expectIssues(
      await refusal(job, () => edit(job, 'transcript', { edits: 1 }, headers)),
      'client_request_id',
    );
  });

  test.each<[string, unknown]>([
    ['over plain http', 'http://media.example/a'],
    ['with credentials', 'https://user:secret@media.example/a'],
    ['of a bucket alone', 's3://media/'],
    ['of a file', 'file:///etc/passwd'],
    ['of data', 'data:text/html,x'],
    ['of a script', 'javascript:alert(1)'],
    ['that is relative', '/a'],
    ['that is empty', ''],
    ['of 2049 characters', `https://media.example/${'x'.repeat(2049 - 22)}`],
    ['with a line break', 's3://media/a\nb'],
    ['with half a surrogate pair', `s3://media/${LONE_SURROGATE}`],
    ['that is a number', 7],
    ['that is null', null],
    ['on this machine', 'https://localhost/a'],
    ['on this machine by its address', 'https://127.0.0.1/a'],
    ['on this machine in IPv6', 'https://[::1]/a'],
    ['among the metadata of a cloud', 'https://169.254.169.254/latest/meta-data'],
    ['on a private network', 'https://10.0.0.5:8443/a'],
    ['on a host of a private network, by name', 'https://nas.lan/a'],
  ])('with a reference %s is refused', async (_what, uri) => {
    const { job } = await failedAfter('GENERATING');

    const reply = await refusal(job, () => edit(job, 'transcript', { uri, edits: 1 }));

    expectIssues(reply, 'uri');
    expect(reply.text).not.toContain('secret');
  });

  test.each(['https://media.example/a%20b?v=1', 's3://media/My transcript.json', 'gs://media/講演 🎬.txt'])(
    'with the reference %s is taken as it is',
    async (uri) => {
      const { job } = await failedAfter('GENERATING');

      expect(await corrected(job, 'transcript', 1, { uri })).toBe(uri);
    },
  );
});

describe('the path of a correction', () => {
  test('of an id that was not given out is a job that is missing', async () => {
    const { job } = await failedAfter('GENERATING');
    const nowhere = new ActingJob('job_123', job.projectId, job.token);

    expect((await edit(nowhere, 'transcript', { edits: 1 })).status).toBe(404);
  });
});

describe('under settings', () => {
  const under = (vars: object, job: ActingJob, uri: string, edits = 1): Promise<Reply> =>
    send(
      `/jobs/${job.id}/artifacts/draft`,
      {
        method: 'PUT',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${job.token}` },
        body: JSON.stringify({ uri, edits, client_request_id: crypto.randomUUID() }),
      },
      { ...env, ...vars },
    );
  const BELOW = { MEDIA_PREFIXES: 's3://media/{owner}/{project}/' };

  test('a reference is only below what is its owner’s and its project’s', async () => {
    const { job } = await drafted();
    const below = `s3://media/${subOf(job)}/${job.projectId}/`;
    const others = [
      newRef('draft'),
      `s3://media/somebody/${job.projectId}/draft`,
      `${below}../../somebody/draft`,
    ];

    for (const uri of others) {
      expectIssues(await refusal(job, () => under(BELOW, job, uri)), 'uri');
    }
    expect((await under(BELOW, job, `${below}My draft.md`)).status).toBe(200);
  });

  test('what the job has as an artifact already may be named again wherever it is, so that it comes back', async () => {
    const { job, draft, transcript } = await drafted();
    const below = `s3://media/${subOf(job)}/${job.projectId}/draft.md`;
    expect((await under(BELOW, job, below)).status).toBe(200);

    const reply = await under(BELOW, job, draft, 2);

    expect(reply.status, reply.text).toBe(200);
    expect(reply.body.version).toMatchObject({ version: 3, ref: draft });
    // Of another job it is nobody's.
    const other = await drafted();
    for (const uri of [draft, transcript]) {
      expectIssues(await refusal(other.job, () => under(BELOW, other.job, uri)), 'uri');
    }
  });

  test('a private host is one where it is not allowed, and is taken where it is', async () => {
    const { job } = await drafted();
    const vars = { MEDIA_SCHEMES: 'https, http', MEDIA_HOSTS: 'nas.lan' };

    expectIssues(await refusal(job, () => under(vars, job, 'http://localhost/draft')), 'uri');
    expect((await under(vars, job, 'http://nas.lan:8080/draft')).status).toBe(200);
  });

  test('a stranger is not told whether there is such a job, nor what it has', async () => {
    const { job, draft } = await drafted();
    const stranger = await drafted();
    const foreign = new ActingJob(job.id, job.projectId, stranger.job.token);
    const nowhere = new ActingJob(await missingId('job'), job.projectId, stranger.job.token);

    for (const vars of [BELOW, { MEDIA_PREFIXES: 's3://media/{owner}/' }]) {
      for (const uri of [draft, `s3://media/${subOf(stranger.job)}/draft`, newRef('draft')]) {
        const theirs = await withoutSideEffect(job, () => under(vars, foreign, uri));
        const nobodys = await under(vars, nowhere, uri);
        expect([theirs.status, withoutInstance(theirs)]).toEqual([nobodys.status, withoutInstance(nobodys)]);
      }
    }
  });
});

const withoutInstance = ({ text }: Reply): string => text.replace(/"instance":"[^"]*"/, '');
