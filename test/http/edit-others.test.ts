// In the service's own bucket an editor names what is the job's own: naming another's would have it read to them.
import { env } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { jobAt } from '../support/workerd/acting.ts';
import { call, missingId, send } from '../support/workerd/harness.ts';
import { corrected, edit } from './editing.ts';
import { BUCKET, putArtifact, putCorrection } from './planning.ts';
import { expectIssues } from './refusal.ts';
import { storeWatched } from './store.ts';

const drafted = async () => (await jobAt('DRAFT_READY')).job;
const versionsOf = async (id: string, token: string) =>
  (await call('GET', `/jobs/${id}/artifacts`, { token })).body.items;

describe('an object in the bucket that is not the job’s own', () => {
  test.each([
    ['of another’s pipeline', async () => (await putArtifact('not yours')).ref],
    ['another’s correction', async () => (await putCorrection(await drafted(), 'not yours')).ref],
    ['that is not there', async () => `r2://${BUCKET}/${crypto.randomUUID()}`],
    ['with the name of this bucket alone', async () => `r2://${BUCKET}/x`],
    ['by its scheme in capitals', async () => (await putArtifact('not yours')).ref.replace('r2:', 'R2:')],
  ])('%s cannot be named, and it is not looked at', async (_what, make) => {
    const job = await drafted();
    const uri = await make();
    const before = await versionsOf(job.id, job.token);
    const asked = storeWatched();

    const reply = await edit(job, 'transcript', { uri, edits: 1 });

    expectIssues(reply, 'uri');
    expect(asked).toEqual([]);
    expect(await versionsOf(job.id, job.token)).toEqual(before);
  });

  test('and is another’s correction is below no prefix that is set', async () => {
    const [job, other] = [await drafted(), await drafted()];
    const vars = { ...env, MEDIA_PREFIXES: `r2://${BUCKET}/` };
    const under = (uri: string) =>
      send(
        `/jobs/${job.id}/artifacts/transcript`,
        {
          method: 'PUT',
          headers: { authorization: `Bearer ${job.token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ uri, edits: 1, client_request_id: crypto.randomUUID() }),
        },
        vars,
      );

    expectIssues(await under((await putCorrection(other, 'not yours')).ref), 'uri');
    expect((await under((await putArtifact('below it')).ref)).status).toBe(200);
  });

  test('is not what somebody is told of whose job it is not', async () => {
    const job = await drafted();
    const { ref: uri } = await putArtifact('not yours');
    const others = [await missingId('job'), (await drafted()).id];
    for (const id of others) {
      const body = { uri, edits: 1, client_request_id: 'c1' };
      const reply = await call('PUT', `/jobs/${id}/artifacts/transcript`, { token: job.token, body });
      expect(reply.status).toBe(404);
    }
  });
});

test('what lies in the job’s own folder, and what one of its versions has been, can be named', async () => {
  const { job, pipeline } = await jobAt('TRANSCRIPT_READY');
  const { ref: made } = await putArtifact('the draft');
  await pipeline.report('GENERATING');
  await pipeline.report('DRAFT_READY', { artifact_updates: { draft_uri: made } });
  const { ref: own } = await putCorrection(job, 'corrected');

  expect(await corrected(job, 'draft', 1, { uri: own })).toBe(own);
  expect(await corrected(job, 'draft', 2, { uri: made })).toBe(made);
});
