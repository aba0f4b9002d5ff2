// Jobs on Restate. A virtual object per job: its handlers run one at a time for each key, and what they set, send and
// answer becomes durable together. History is a state key of its own per event, so that a handler writes only what it
// adds. The POST is made by a service, so that the job is not locked meanwhile.
import * as restate from '@restatedev/restate-sdk';
import {
  acceptDispatch,
  applyReport,
  confirmUpload,
  createJob,
  type Delivery,
  type DispatchAnswer,
  type DispatchRequest,
  type DispatchType,
  deliveryOf,
  type Job,
  NOT_FOUND,
  type Refusal,
  type Report,
  type Transition,
} from '../peers/job.ts';
import { post } from '../peers/orchestrator.ts';

export interface Addresses {
  orchestrator: string;
  ingress: string;
}

interface Accepted {
  answer: DispatchAnswer;
  /** Null for a repeat. */
  delivery: Delivery | null;
}

export function services({ orchestrator, ingress }: Addresses) {
  /** Tries again after 1, 2, 4, 8, 15, 15 … s until the orchestrator has it. */
  const postDurably = (ctx: restate.Context, delivery: Delivery) =>
    ctx.run('post', () => post(orchestrator, delivery), {
      initialRetryInterval: { seconds: 1 },
      retryIntervalFactor: 2,
      maxRetryInterval: { seconds: 15 },
    });

  const deliveries = restate.service({
    name: 'deliveries',
    handlers: {
      deliver: async (ctx: restate.Context, delivery: Delivery): Promise<void> => {
        await postDurably(ctx, delivery);
      },
    },
    options: { ingressPrivate: true },
  });

  const accept = async (
    ctx: restate.ObjectContext,
    type: DispatchType,
    request: DispatchRequest,
  ): Promise<Accepted> => {
    const job = await existing(ctx);
    // In the job's state rather than by an idempotency key of the ingress, which is forgotten after a day.
    const requestKey = `request/${request.client_request_id}`;
    const earlier = await ctx.get<DispatchAnswer>(requestKey);
    if (earlier !== null) return { answer: { ...earlier, replayed: true }, delivery: null };
    const accepted = unlessRefused(acceptDispatch(job, type, request, ctx.rand.uuidv4()));
    ctx.set('job', accepted.job);
    ctx.set(`dispatch/${accepted.dispatch.dispatch_id}`, accepted.dispatch);
    if (request.client_request_id !== undefined) ctx.set(requestKey, accepted.answer);
    const callbackUrl = `${ingress}/jobs/${job.id}/report`;
    return {
      answer: accepted.answer,
      delivery: deliveryOf(accepted.job, accepted.dispatch, callbackUrl),
    };
  };

  /** Answers as soon as the dispatch and the message that delivers it are durable. */
  const dispatch = async (
    ctx: restate.ObjectContext,
    type: DispatchType,
    request: DispatchRequest,
  ): Promise<DispatchAnswer> => {
    const { answer, delivery } = await accept(ctx, type, request);
    if (delivery !== null) ctx.serviceSendClient(deliveries).deliver(delivery);
    return answer;
  };

  const jobs = restate.object({
    name: 'jobs',
    // With its state sent along (the default): fetching it lazily (enableLazyState) was slower here, most of all one by one.
    handlers: {
      create: async (ctx: restate.ObjectContext): Promise<Job> => {
        const job = (await ctx.get<Job>('job')) ?? createJob(ctx.key);
        ctx.set('job', job);
        return job;
      },
      confirm: async (ctx: restate.ObjectContext, { video_uri }: { video_uri: string }): Promise<Job> => {
        const at = new Date(await ctx.date.now()).toISOString();
        const { job, transition } = unlessRefused(confirmUpload(await existing(ctx), video_uri, at));
        ctx.set('job', job);
        ctx.set('confirmed', transition);
        return job;
      },
      run: (ctx: restate.ObjectContext, request: DispatchRequest) => dispatch(ctx, 'job.run', request),
      retry: (ctx: restate.ObjectContext, request: DispatchRequest) => dispatch(ctx, 'job.retry', request),
      acceptRetry: restate.handlers.object.exclusive(
        { ingressPrivate: true },
        (ctx: restate.ObjectContext, request: DispatchRequest) => accept(ctx, 'job.retry', request),
      ),
      report: async (ctx: restate.ObjectContext, report: Report): Promise<void> => {
        const eventKey = `event/${report.event_id}`;
        if ((await ctx.get<Transition>(eventKey)) !== null) return;
        const { job, transition } = unlessRefused(applyReport(await existing(ctx), report));
        ctx.set('job', job);
        // At once the proof that it was applied and its entry in the audit.
        ctx.set(eventKey, transition ?? { from: job.status, to: job.status, at: report.occurred_at });
      },
      read: restate.handlers.object.shared((ctx: restate.ObjectSharedContext) => existing(ctx)),
    },
  });

  const waiting = restate.service({
    name: 'waiting',
    handlers: {
      /** A retry that is answered when the orchestrator has it; this invocation, durable itself, sees to that. */
      retry: async (
        ctx: restate.Context,
        { job_id, ...request }: DispatchRequest & { job_id: string },
      ): Promise<DispatchAnswer> => {
        const { answer, delivery } = await ctx.objectClient(jobs, job_id).acceptRetry(request);
        if (delivery !== null) await postDurably(ctx, delivery);
        return answer;
      },
    },
  });

  return [jobs, deliveries, waiting];
}

async function existing(ctx: restate.ObjectSharedContext): Promise<Job> {
  return unlessRefused((await ctx.get<Job>('job')) ?? NOT_FOUND);
}

/** The ingress answers a terminal error with its code. */
function unlessRefused<T extends object>(outcome: T | Refusal): T {
  if ('refused' in outcome) {
    const { status, error_code } = outcome.refused;
    throw new restate.TerminalError(error_code, { errorCode: status });
  }
  return outcome;
}
