// Following a list: the last page says where it ended, so that what comes later can be asked for alone.
import { expect, test } from 'vitest';
import { createdJob, jobAt } from '../support/workerd/acting.ts';
import { call, type OwnedJob } from '../support/workerd/harness.ts';

const trail = async ({ id, token }: OwnedJob, cursor: string | null, limit = 2) => {
  const query = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
  const reply = await call('GET', `/jobs/${id}/transitions?limit=${limit}${query}`, { token });
  expect(reply.status).toBe(200);
  return reply.body;
};

test('the audit trail is followed from where the last page ended, and nothing comes twice or is left out', async () => {
  const { job, pipeline } = await jobAt('AUDIO_READY');
  const seen: { new_status: string }[] = [];
  let cursor: string | null = null;
  const follow = async () => {
    for (;;) {
      const page = await trail(job, cursor);
      seen.push(...page.items);
      cursor = page.end_cursor ?? cursor;
      if (page.next_cursor === null) return;
      expect(page.next_cursor).toBe(page.end_cursor);
    }
  };

  await follow();
  await follow();
  await pipeline.report('TRANSCRIBING');
  await follow();

  expect(seen).toEqual((await trail(job, null, 100)).items);
  expect(seen.at(-1)).toMatchObject({ new_status: 'TRANSCRIBING' });
});

test('an empty page says that it ended nowhere', async () => {
  const { id, token } = await createdJob();

  const { body } = await call('GET', `/jobs/${id}/dispatches`, { token });

  expect(body).toEqual({ items: [], next_cursor: null, end_cursor: null });
});
