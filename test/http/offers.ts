// next_actions, state by state: what is offered, carried out, and what is not.
import { describe, expect, test } from 'vitest';
import type { Action } from '../../src/domain/next-actions.ts';
import { type ActingJob, losingMessages, SHORT_WAIT, VIDEO_URI } from '../support/workerd/acting.ts';
import { call, type Reply, settledTraceOf, traceOf } from '../support/workerd/harness.ts';
import type { OfferedState } from './job-states.ts';

export interface Offer {
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

export const offersOf = async (job: ActingJob): Promise<Offer[]> => (await job.get()).next_actions;

/** What the caller has to add. */
const ADDED: Record<string, () => unknown> = {
  video_uri: () => `s3://media/${crypto.randomUUID()}.mp4`,
  client_request_id: () => crypto.randomUUID(),
  formats: () => ['docx'],
  uri: () => `s3://media/${crypto.randomUUID()}.md`,
};

/** The request as it is described, with what it needs. */
export function carryOut(job: ActingJob, { method, path, body, needs }: Offer): Promise<Reply> {
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
    const { status, failure, open_dispatch } = await job.get();
    expect(open_dispatch).toBeNull();
    // What nobody has heard of leaves a job with its draft.
    if (!['DRAFT_READY', 'EDITING'].includes(status))
      expect([status, failure?.failure_code]).toEqual(['FAILED', 'ABANDONED']);
  },
  cancel: async (job) => {
    expect(await job.status()).toBe('CANCELLED');
  },
  erase: async (job, reply) => {
    expect([202, 204]).toContain(reply.status);
    expect((await call('GET', `/jobs/${job.id}`, { token: job.token })).status).toBe(404);
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
  run: (job) => job.run(SHORT_WAIT),
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
  erase: (job) => job.erase(),
};
const asked = Object.keys(REQUESTS) as (keyof typeof REQUESTS)[];

export const inShort = ({ action, allowed, path, body, error_code, reason }: Offer): string => {
  const stage = action === 'edit' ? ` ${path.split('/').at(-1)} ${body?.edits}` : '';
  const offer = body?.model_profile === undefined ? `${action}${stage}` : `${action} ${body.model_profile}`;
  return allowed ? offer : `not ${offer}: ${[error_code, reason].join(' ').trim()}`;
};

/**
 * In each of these states each act that is offered is carried out, as the request that it describes, and works. What is offered
 * as refused is refused with what was said, and what is not offered is refused, or does nothing: one after the other, on a job
 * that none of them may change.
 */
export function offersAreTrue(states: readonly OfferedState[]): void {
  describe.each(states)('a job in %s', (_state, make, offered) => {
    const names = new Set(offered.map((offer) => offer.replace(/^not /, '').split(/[ :]/)[0]));
    const others = asked.filter((action) => !names.has(action));

    test(`is offered ${offered.join(', ') || 'nothing'}; ${others.join(', ')} is refused, or does nothing`, async () => {
      const job = await make();
      const offers = await offersOf(job);
      expect(offers.map(inShort)).toEqual(offered);
      const before = await settledTraceOf(job);
      const lostOf = losingMessages();
      /** What `act` answers, having stored nothing, sent nothing, and put nothing on the queue. */
      const doingNothing = async (act: () => Promise<Reply>): Promise<Reply> => {
        const reply = await act();
        expect(await traceOf(job)).toEqual(before);
        expect(lostOf(job)).toEqual([]);
        return reply;
      };

      for (const offer of offers.filter(({ allowed }) => !allowed)) {
        const reply = await doingNothing(() => carryOut(job, offer));
        expect(reply.status, inShort(offer)).toBe(409);
        const details = offer.reason === null ? {} : { reason: offer.reason };
        expect(reply.body, inShort(offer)).toMatchObject({ error_code: offer.error_code, details });
      }
      for (const action of others) {
        const reply = await doingNothing(() => REQUESTS[action](job));
        if (reply.status === 200) expect(isRepeat(action, reply), action).toBe(true);
        else expect(reply.status, action).toBe(409);
      }
    });

    const allowed = offered.flatMap((offer, index) =>
      offer.startsWith('not ') ? [] : [[offer, index] as const],
    );
    test.each(allowed)('%s', async (short, index) => {
      const job = await make();
      const offer = (await offersOf(job))[index];
      if (offer === undefined) throw new Error('it is not offered');
      expect(inShort(offer)).toBe(short);

      const reply = await carryOut(job, offer);

      expect(reply.status, reply.text).toBeLessThan(300);
      await DONE[offer.action](job, reply, offer);
    });
  });
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
