// What an upload has left whose end nobody knew is taken away at the next correction of the same stage, and nothing else is.
import { env } from 'cloudflare:test';
import { expect, test } from 'vitest';
import type { ActingJob } from '../support/workerd/acting.ts';
import {
  draftInBucket,
  keyOf,
  keysOf,
  readContent,
  type Sending,
  sendContent,
  versionsOf,
} from './content.ts';
import { storeDoes } from './store.ts';

const HOUR_MS = 3_600_000;
const list = env.ARTIFACTS.list.bind(env.ARTIFACTS);

/** All that lies in the bucket was put so long before it was, and comes in pages of this size. */
function bucketIsOlder(byMs: number, limit = 1000): void {
  storeDoes('list', async (options) => {
    const page = await list({ ...options, limit });
    const aged = ({ key, uploaded }: R2Object) => ({ key, uploaded: new Date(uploaded.getTime() - byMs) });
    return { ...page, objects: page.objects.map(aged) } as R2Objects;
  });
}

/** As an upload leaves it that was put, and whose edit was never heard of. */
async function leftBehind({ id }: ActingJob, stage = 'transcript'): Promise<string> {
  const key = `edits/${id}/${stage}/1-${crypto.randomUUID()}`;
  await env.ARTIFACTS.put(key, 'left behind');
  return key;
}

/** Once the sweep is through that comes behind the answer. */
const correct = async (job: ActingJob, version: number, sending: Sending = {}) => {
  const headers = { 'content-length': '9', ...sending.headers };
  const reply = await sendContent(job, 'corrected', { version, ...sending, headers, directly: true });
  expect(reply.status, reply.text).toBe(200);
  return keyOf(reply.body.version.ref);
};

test('what is of no version and an hour old is taken away', async () => {
  const { job } = await draftInBucket();
  const keys = await Promise.all([1, 2, 3].map(() => leftBehind(job)));
  expect(await keysOf(job)).toEqual(keys.toSorted());
  bucketIsOlder(HOUR_MS);

  const made = await correct(job, 1);

  expect(await keysOf(job)).toEqual([made]);
});

test('what is younger stays: an upload may be under way', async () => {
  const { job } = await draftInBucket();
  const key = await leftBehind(job);
  bucketIsOlder(HOUR_MS - 60_000);

  const made = await correct(job, 1);

  expect(await keysOf(job)).toEqual([key, made].toSorted());
});

test('what a version names stays however old that is, also where no retry looks at it any more', async () => {
  const { job } = await draftInBucket();
  const keys: string[] = [];
  for (let version = 1; version <= 20; version += 1) keys.push(await correct(job, version));
  const orphan = await leftBehind(job);
  expect((await versionsOf(job)).find(({ version }) => version === 2)).toMatchObject({ state: 'retired' });
  bucketIsOlder(24 * HOUR_MS);

  keys.push(await correct(job, 21));

  expect(await keysOf(job)).not.toContain(orphan);
  expect(await keysOf(job)).toEqual(keys.toSorted());
  expect((await readContent(job, 2)).text).toBe('corrected');
});

test('it is looked through page by page', async () => {
  const { job } = await draftInBucket();
  await Promise.all(Array.from({ length: 5 }, () => leftBehind(job)));
  bucketIsOlder(HOUR_MS, 2);

  const made = await correct(job, 1);

  expect(await keysOf(job)).toEqual([made]);
});

test('what is of another stage, of another job, or anybody else’s stays', async () => {
  const [{ job }, { job: other, draft }] = [await draftInBucket(), await draftInBucket()];
  const kept = [await leftBehind(job, 'draft'), await leftBehind(other), draft.key];
  bucketIsOlder(HOUR_MS);

  await correct(job, 1);

  for (const key of kept) expect(await env.ARTIFACTS.head(key), key).not.toBeNull();
});

test('nothing is taken away where nothing was corrected: at a repeat, or at a refusal', async () => {
  const { job } = await draftInBucket();
  await correct(job, 1, { key: 'once' });
  const key = await leftBehind(job);
  bucketIsOlder(HOUR_MS);

  await correct(job, 1, { key: 'once' });
  const headers = { 'content-length': '9' };
  expect((await sendContent(job, 'corrected', { version: 7, headers, directly: true })).status).toBe(409);

  expect(await keysOf(job)).toContain(key);
});

test('where the store fails, what was answered stands, and the next one takes it away', async () => {
  const { job } = await draftInBucket();
  const key = await leftBehind(job);
  storeDoes('list', () => Promise.reject(new Error('list: Internal Error (10001)')));
  await correct(job, 1);
  bucketIsOlder(HOUR_MS);
  expect(await env.ARTIFACTS.head(key)).not.toBeNull();

  await correct(job, 2);

  expect(await env.ARTIFACTS.head(key)).toBeNull();
});

test('nobody but the owner is told whether a reference is a version’s', async () => {
  const { job } = await draftInBucket();
  const refs = ['r2://retake-artifacts/nobody-s'];

  expect(await job.stub.unreferenced(await job.owner(), refs)).toEqual(refs);
  expect(await job.stub.unreferenced('somebody else', refs)).toEqual([]);
});
