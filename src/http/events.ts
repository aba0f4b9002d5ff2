// What happens to a job, in a project and in an operation, as it happens: a WebSocket, server-sent events, or JSON at once, by what
// the request asks for. The socket is the object's own; here it is handed on, or read out as a stream (event-stream.ts).
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import * as z from 'zod';
import {
  CLOSED,
  jobEvents,
  operationEvents,
  projectEvents,
  SUBPROTOCOL,
  toViewerRequest,
} from '../contract/events.ts';
import { watchLimitError } from '../contract/problems.ts';
import { jobObject, operationObject, projectObject } from '../objects.ts';
import { type AppEnv, asksForSocket } from './app-env.ts';
import { eventStream } from './event-stream.ts';
import { invalid, type Problem, problem, refuse } from './problem.ts';
import { defineRoute, type Route, route } from './route.ts';
import {
  editorRefusals,
  editorSecurity,
  json,
  notFound,
  ofJob,
  ofOperation,
  ofProject,
  refusal,
} from './route-parts.ts';

const JSON_TYPE = 'application/json';
const STREAM_TYPE = 'text/event-stream';
/** Nobody knows: one of the viewers has to leave. */
const RETRY_AFTER_SECONDS = '15';
const LONGEST_BY_SESSION_MS = 15 * 60_000;

const closings = Object.values(CLOSED).map(({ code, reason }) => `${code} (${reason})`);

const described = (events: z.ZodType) => ({
  description:
    'JSON at once; with `Accept: text/event-stream` a stream, with `Upgrade: websocket` a WebSocket.',
  responses: {
    101: {
      description: `A WebSocket of the subprotocol \`${SUBPROTOCOL}\`: each message is an array of the records. It is closed with ${closings.join(', ')}.`,
    },
    200: {
      description: 'What there is, at once; or a stream in which each record is an event, named by its type.',
      content: { ...json(events, '').content, [STREAM_TYPE]: { schema: z.string() } },
    },
    ...editorRefusals,
    ...notFound,
    429: refusal(watchLimitError, 'More than an owner may ask for, or viewers than an object has'),
  },
});

const base = { method: 'get' as const, tags: ['Events'], security: editorSecurity };

const watchJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/events',
  operationId: 'watchJob',
  summary: 'What happens to a job, as it happens',
  parameters: [
    {
      name: 'Last-Event-ID',
      in: 'header',
      required: false,
      description: 'As `after`, and before it: what a reader of the stream sends when it comes back.',
      schema: { type: 'string' },
    },
  ],
  request: {
    ...ofJob,
    query: z.strictObject({
      after: z
        .string()
        .regex(/^(0|[1-9]\d{0,14})$/, 'must be a whole number')
        .transform(Number)
        .optional()
        .meta({
          type: 'integer',
          minimum: 0,
          maximum: 999_999_999_999_999,
          description:
            'The last `seq` that is known: what came since is told first. Without it nothing of before is.',
        }),
    }),
  },
  ...described(jobEvents),
});

const watchProject = defineRoute({
  ...base,
  path: '/projects/{projectId}/events',
  operationId: 'watchProject',
  summary: 'What happens in a project, as it happens',
  request: ofProject,
  ...described(projectEvents),
});

const watchOperation = defineRoute({
  ...base,
  path: '/operations/{operationId}/events',
  operationId: 'watchOperation',
  summary: 'How far an operation is, as it goes on',
  request: ofOperation,
  ...described(operationEvents),
});

export const eventRoutes: readonly Route[] = [
  route(watchJob, async (c) => {
    const job = jobObject(c.env, c.req.valid('param').jobId);
    const after = lastEventId(c) ?? c.req.valid('query').after ?? null;
    if (asksForJson(c)) return told(c, await job.events(c.get('owner'), after));
    return watch(c, job, after);
  }),

  route(watchProject, async (c) => {
    const project = projectObject(c.env, c.req.valid('param').projectId);
    if (asksForJson(c)) return told(c, await project.events(c.get('owner')));
    return watch(c, project, null);
  }),

  route(watchOperation, async (c) => {
    const operation = operationObject(c.env, c.req.valid('param').operationId);
    if (asksForJson(c)) return told(c, await operation.events(c.get('owner')));
    return watch(c, operation, null);
  }),
];

/** What is of another form is of another stream. */
function lastEventId(c: Context<AppEnv>): number | null {
  const id = c.req.header('last-event-id') ?? '';
  return /^\d{1,15}$/.test(id) ? Number(id) : null;
}

/** Who asks for the head alone is not shown a stream that does not end. */
const asksForJson = (c: Context<AppEnv>): boolean =>
  !asksForSocket(c) &&
  (c.req.method === 'HEAD' ||
    accepts(c, { header: 'Accept', supports: [JSON_TYPE, STREAM_TYPE], default: JSON_TYPE }) === JSON_TYPE);

type Events = Awaited<ReturnType<ReturnType<typeof jobObject>['events']>>;

function told(c: Context<AppEnv>, answer: Events): Problem {
  if (!answer.ok) return refuse(c, answer.rejection);
  const response: Response = c.body(answer.body, 200, { 'content-type': JSON_TYPE });
  return response as Problem;
}

/** Opens a socket to the object, and hands it to whoever asks, in the form that is asked for. */
async function watch(
  c: Context<AppEnv>,
  object: Pick<ReturnType<typeof jobObject>, 'fetch'>,
  after: number | null,
): Promise<Problem> {
  const isSocket = asksForSocket(c);
  const protocols = c.req.header('sec-websocket-protocol');
  const speaksOurs = protocols?.split(',').some((name) => name.trim() === SUBPROTOCOL);
  if (isSocket && speaksOurs === false) {
    return invalid(c, 'Sec-WebSocket-Protocol', `must name ${SUBPROTOCOL}, or nothing`);
  }
  const ask = { owner: c.get('owner'), endsAt: looksUntil(c), after };
  const { status, webSocket } = await object.fetch(toViewerRequest(ask));
  if (status === 404) return refuse(c, { code: 'RESOURCE_NOT_FOUND' });
  if (isSocket) return upgraded(webSocket ?? refusedSocket(), speaksOurs === true);
  if (!webSocket)
    return problem(c, 'TOO_MANY_VIEWERS', {}, { headers: { 'retry-after': RETRY_AFTER_SECONDS } });
  const response: Response = c.body(eventStream(webSocket, c.req.raw.signal), 200, {
    'content-type': STREAM_TYPE,
    // Nothing on the way may hold it back to make it smaller, and nobody keeps it.
    'cache-control': 'no-store, no-transform',
    'content-encoding': 'identity',
  });
  return response as Problem;
}

/** A session can be ended before its end, which no socket hears of: whoever looks on with one has it judged again now and then. */
function looksUntil(c: Context<AppEnv>): number {
  const endsAt = c.get('accessEndsAt');
  return c.get('isBySession') ? Math.min(endsAt, Date.now() + LONGEST_BY_SESSION_MS) : endsAt;
}

/** The only way to tell a browser why it gets no socket. */
function refusedSocket(): WebSocket {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(CLOSED.tooMany.code, CLOSED.tooMany.reason);
  return client;
}

function upgraded(webSocket: WebSocket, isOfOurs: boolean): Problem {
  const headers = isOfOurs ? { 'sec-websocket-protocol': SUBPROTOCOL } : {};
  return new Response(null, { status: 101, webSocket, headers }) as Problem;
}
