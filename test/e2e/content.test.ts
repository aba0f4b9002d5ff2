// A correction sent as its text, into a real bucket. A connection that breaks is test/http/content-refused.test.ts's.
import { expect, onTestFinished, test } from 'vitest';
import { editorToken } from '../support/editor-token.ts';
import { fetchAlone } from '../support/own-connection.ts';
import { Stack } from './stack.ts';

const MAX_BYTES = 25 * 1024 * 1024;

test('25 MiB go into the bucket and come back; one byte more is told so, and what is refused is in the way of nothing', async () => {
  const stack = await Stack.start({ withArtifactStore: true });
  onTestFinished(() => stack.stop());
  const alice = await stack.editor('alice');
  const jobId = await alice.uploadedJob();
  await alice.run(jobId);
  await alice.jobWhen(jobId, 'done', ({ status }) => status === 'DRAFT_READY');
  const authorization = `Bearer ${await editorToken({ sub: 'alice' })}`;
  const url = `${stack.serviceUrl}/jobs/${jobId}/artifacts/transcript`;
  const send = (body: Buffer | ReadableStream | string, version: number) => {
    const headers = { authorization, 'idempotency-key': `edit-${version}`, 'if-match': `"${version}"` };
    return fetchAlone(`${url}/content`, { method: 'PUT', headers, body, duplex: 'half' });
  };
  const whole = Buffer.alloc(MAX_BYTES, 'what was really said ');

  const statuses = [];
  for (const [body, version] of [
    [Buffer.concat([whole, Buffer.from('.')]), 1],
    [whole, 7],
    [new Blob(['in chunks']).stream(), 1],
    [whole, 1],
    [whole, 1],
    ['again', 1],
  ] as const) {
    statuses.push((await send(body, version)).status);
  }
  expect(statuses).toEqual([413, 409, 411, 200, 200, 409]);

  const [, made] = (await alice.get(`/jobs/${jobId}/artifacts`)).items.filter(
    ({ stage }: { stage: string }) => stage === 'transcript',
  );
  expect(made).toMatchObject({ size_bytes: MAX_BYTES, made_by: { kind: 'editor', edits: 1 } });
  const read = await fetchAlone(`${url}/2/content`, { headers: { authorization } });
  expect(Buffer.from(await read.arrayBuffer()).equals(whole)).toBe(true);
  const part = await fetchAlone(`${url}/2/content`, { headers: { authorization, range: 'bytes=-5' } });
  expect([part.status, await part.text()]).toEqual([206, whole.subarray(-5).toString()]);
  const head = await fetchAlone(`${url}/2/content`, { method: 'HEAD', headers: { authorization } });
  expect(head.headers.get('content-length')).toBe(String(MAX_BYTES));
});
