// next_actions: what can be done about a job now. In each state each act that is offered is carried out, as the request that
// it describes, and works; what is not offered is refused, or does nothing.
import { describe, expect, test } from 'vitest';
import { ACTIONS, type Action } from '../../src/domain/next-actions.ts';
import {
  type ActingJob,
  createdJob,
  failedAfter,
  jobAt,
  losingMessages,
  uploadedJob,
  VIDEO_URI,
} from '../support/workerd/acting.ts';
import { call, type Reply, settledTraceOf, traceOf } from '../support/workerd/harness.ts';
import { failed, STATES } from './job-states.ts';

interface Offer {
  action: Action;
  allowed: boolean;
  error_code: string | null;
  reason: string | null;
  method: string;
  path: string;
  body: Record<string, string | number> | null;
  needs: string[];
  until: string | null;
}

const offersOf = async (job: ActingJob): Promise<Offer[]> => (await job.get()).next_actions;

/** What the caller has to add. */
const ADDED: Record<string, () => unknown> = {
  video_uri: () => `s3://media/${crypto.randomUUID()}.mp4`,
  client_request_id: () => crypto.randomUUID(),
  formats: () => ['docx'],
  uri: () => `s3://media/${crypto.randomUUID()}.md`,
};

/** The request as it is described, with what it needs. */
function carryOut(job: ActingJob, { method, path, body, needs }: Offer): Promise<Reply> {
  const added = needs.map((name) => [name, ADDED[name]?.()]);
  const sent = body === null && added.length === 0 ? undefined : { ...body, ...Object.fromEntries(added) };
  return call(method, path, { token: job.token, ...(sent === undefined ? {} : { body: sent }) });
}

/** What shows that it was done. */
const DONE: Record<Action, (job: ActingJob, reply: Reply, offer: Offer) => Promise<void>> = {
  confirm_upload: async (job, reply) => {
    expect(reply.body).toMatchObject({ replayed: false, job: { status: 'UPLOADED' } });
    expect(await job.status()).toBe('UPLOADED');
  },
  run: async (job, reply, { body }) => {
    expect(reply.status).toBe(202);
    expect(await job.dispatch(reply.body.dispatch_id)).toMatchObject({ kind: 'run', ...body });
  },
  retry: expectDispatched('retry'),
  retry_with_profile: expectDispatched('retry'),
  redo: expectDispatched('redo'),
  export: expectDispatched('export'),
  edit: async (_, reply, { body }) => {
    expect(reply.body).toMatchObject({ replayed: false, version: { made_by: { kind: 'editor', ...body } } });
  },
  wait: async (job, reply) => {
    expect(reply.body.id).toBe(job.id);
  },
  renew_video: async (job, reply) => {
    expect(reply.body.replayed).toBe(false);
    expect((await job.get()).manifest.video_uri).not.toBe(VIDEO_URI);
  },
  new_job: async (job, reply) => {
    expect(reply.status).toBe(201);
    expect(reply.body).toMatchObject({ project_id: job.projectId, status: 'CREATED' });
    expect(reply.body.id).not.toBe(job.id);
  },
  abandon: async (job) => {
    expect(await job.get()).toMatchObject({ status: 'FAILED', failure: { failure_code: 'ABANDONED' } });
  },
  cancel: async (job) => {
    expect(await job.status()).toBe('CANCELLED');
  },
};

function expectDispatched(kind: string) {
  return async (job: ActingJob, reply: Reply, { body }: Offer): Promise<void> => {
    expect(reply.status).toBe(202);
    expect(await job.dispatch(reply.body.dispatch_id)).toMatchObject({ kind, ...body });
  };
}

/** The request by which somebody would do it who was not offered it. */
const REQUESTS: Record<Exclude<Action, 'wait' | 'new_job'>, (job: ActingJob) => Promise<Reply>> = {
  confirm_upload: (job) => job.post('confirm-upload', { video_uri: 's3://media/another.mp4' }),
  run: (job) => job.run(),
  retry: (job) => job.retry(crypto.randomUUID()),
  retry_with_profile: (job) => job.retry(crypto.randomUUID(), {}, 'accurate'),
  redo: (job) => job.post('redo', { model_profile: 'balanced', client_request_id: crypto.randomUUID() }),
  export: (job) => job.post('export', { formats: ['docx'], client_request_id: crypto.randomUUID() }),
  edit: (job) =>
    call('PUT', `/jobs/${job.id}/artifacts/draft`, {
      token: job.token,
      body: { uri: 's3://media/edited.md', edits: 1, client_request_id: crypto.randomUUID() },
    }),
  renew_video: (job) =>
    call('PUT', `/jobs/${job.id}/video`, {
      token: job.token,
      body: { video_uri: 's3://media/another.mp4', replaces: VIDEO_URI },
    }),
  abandon: (job) => job.post('abandon'),
  cancel: (job) => job.cancel(),
};
const asked = Object.keys(REQUESTS) as (keyof typeof REQUESTS)[];

const inShort = ({ action, allowed, path, body, error_code, reason }: Offer): string => {
  const stage = action === 'edit' ? ` ${path.split('/').at(-1)} ${body?.edits}` : '';
  const offer = body?.model_profile === undefined ? `${action}${stage}` : `${action} ${body.model_profile}`;
  return allowed ? offer : `not ${offer}: ${[error_code, reason].join(' ').trim()}`;
};

describe.each(STATES)('a job in %s', (_state, make, offered) => {
  test(`is offered ${offered.join(', ') || 'nothing'}`, async () => {
    expect((await offersOf(await make())).map(inShort)).toEqual(offered);
  });

  test.each(offered.map((offer, index) => [offer, index] as const))('%s', async (short, index) => {
    const job = await make();
    const offer = (await offersOf(job))[index];
    if (offer === undefined) throw new Error('it is not offered');
    expect(inShort(offer)).toBe(short);

    if (offer.allowed) {
      const reply = await carryOut(job, offer);
      expect(reply.status, reply.text).toBeLessThan(300);
      await DONE[offer.action](job, reply, offer);
    } else {
      const reply = await doingNothing(job, () => carryOut(job, offer));
      expect(reply.status).toBe(409);
      const details = offer.reason === null ? {} : { reason: offer.reason };
      expect(reply.body).toMatchObject({ error_code: offer.error_code, details });
    }
  });

  const names = new Set(offered.map((offer) => offer.replace(/^not /, '').split(/[ :]/)[0]));
  test.each(asked.filter((action) => !names.has(action)))(
    '%s is not offered: it is refused, or does nothing',
    async (action) => {
      const job = await make();

      const reply = await doingNothing(job, () => REQUESTS[action](job));

      if (reply.status === 200) expect(isRepeat(action, reply)).toBe(true);
      else expect(reply.status).toBe(409);
    },
  );
});

/** What `act` answers, having stored nothing, sent nothing, and put nothing on the queue. */
async function doingNothing(job: ActingJob, act: () => Promise<Reply>): Promise<Reply> {
  const sent = losingMessages();
  const before = await settledTraceOf(job);
  const reply = await act();
  expect(await traceOf(job)).toEqual(before);
  expect(sent.filter(({ job_id }) => job_id === job.id)).toEqual([]);
  return reply;
}

/** A request that was carried out before is answered as that one was. */
function isRepeat(action: Action, { body }: Reply): boolean {
  switch (action) {
    case 'run':
      return body.replayed === true;
    case 'abandon':
      return body.failure?.failure_code === 'ABANDONED';
    case 'cancel':
      return body.status === 'CANCELLED';
    default:
      return false;
  }
}

test('every act is offered in one of these states', () => {
  const offered = STATES.flatMap(([, , offers]) => offers);

  for (const action of ACTIONS) expect(offered.some((offer) => offer.startsWith(action))).toBe(true);
});

describe('waiting', () => {
  test('says until when the stage is given, and the job has failed by then if nothing is heard', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    const [wait] = await offersOf(job);
    const { lastProgressAt } = await job.stored();

    expect(Date.parse(wait?.until ?? '')).toBe((lastProgressAt ?? 0) + 3_600_000);
    expect(wait).toMatchObject({
      action: 'wait',
      method: 'GET',
      path: `/jobs/${job.id}`,
      body: null,
      needs: [],
    });
  });

  test('follows each sign of life, and so does the tag of the job', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    const before = await call('GET', `/jobs/${job.id}`, { token: job.token });
    await pipeline.report('TRANSCRIBING', { progress_pct: 10 });
    const headers = { 'if-none-match': before.headers.get('etag') ?? '' };

    const after = await call('GET', `/jobs/${job.id}`, { token: job.token, headers });

    expect(after.status).toBe(200);
    expect(after.body.next_actions[0].until).not.toBe(before.body.next_actions[0].until);
  });

  test('says until when a retry is better waited with, where the report said so', async () => {
    const job = await failed({ failure_class: 'quota', retry_after_seconds: 90 });
    const shown = await job.get();

    expect(shown.next_actions[0]).toMatchObject({ action: 'wait', until: shown.failure.retry_at });
  });
});

describe('a run that comes again', () => {
  test('says what can be done in its place', async () => {
    const { job, dispatchId } = await failedAfter('GENERATING');

    const reply = await job.run();

    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ dispatch_id: dispatchId, replayed: true });
    expect(reply.body.next_actions).toEqual(await offersOf(job));
    const [retry] = reply.body.next_actions;
    expect((await carryOut(job, retry)).status).toBe(202);
  });

  test('and one that is new says nothing of it', async () => {
    expect((await (await uploadedJob()).run()).body.next_actions).toEqual([]);
  });
});

test('an editor’s own answers show what can be done next', async () => {
  const job = await createdJob();
  const confirmed = await job.confirm();
  const cancelled = await job.cancel();

  expect(confirmed.body.job.next_actions.map(inShort)).toEqual(['run balanced', 'renew_video', 'cancel']);
  expect(cancelled.body.next_actions).toEqual([]);
});
