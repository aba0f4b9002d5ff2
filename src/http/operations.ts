// Bulk operations over a project's jobs: begin one or look what it would do, read it and its jobs, pause, resume and cancel it.
// Parse, ask the project or the operation, reply.
import type { Context } from 'hono';
import * as z from 'zod';
import {
  dryRun,
  maxInFlightOf,
  plansAskedFor,
  type RetryJobsRequest,
  retryJobsRequest,
  toJobChoice,
  toPlannedJobs,
} from '../contract/bulk-requests.ts';
import { plannedRefusal } from '../contract/errors.ts';
import { positionCursor, toPage } from '../contract/fields.ts';
import { idFor, isGivenOut } from '../contract/ids.ts';
import {
  itemCursor,
  operation,
  operationItemPage,
  operationPage,
  shownItemState,
  toItemResource,
  toOperationResource,
  toOperationSummary,
} from '../contract/operations.ts';
import { bulkDigest } from '../contract/payload-digest.ts';
import * as problems from '../contract/problems.ts';
import { emptyBody } from '../contract/requests.ts';
import { traceparentOf } from '../contract/trace.ts';
import { jobObject, operationObject, projectObject } from '../objects.ts';
import type { AppEnv } from './app-env.ts';
import { asker, correlationHeader, requestIdHeaders, requestIdIssue, requestIdOf } from './asker.ts';
import { recognisedByItself } from './idempotency-key.ts';
import { problem, refuse } from './problem.ts';
import { defineRoute, type Route, route } from './route.ts';
import {
  bodyRefusals,
  DEFAULT_LIMIT,
  editorRefusals,
  editorSecurity,
  json,
  jsonBody,
  notFound,
  ofOperation,
  ofProject,
  optionalJsonBody,
  pageQuery,
  refusal,
} from './route-parts.ts';

/** How many jobs are asked for their plans side by side. */
const PLANS_AT_ONCE = 20;

const base = { tags: ['Operations'], security: editorSecurity };

const retryJobs = defineRoute({
  ...base,
  method: 'post',
  path: '/projects/{projectId}/retries',
  operationId: 'retryJobs',
  summary: 'Retry many jobs of a project, or look what that would do',
  parameters: [correlationHeader],
  request: {
    ...ofProject,
    headers: requestIdHeaders,
    body: jsonBody(retryJobsRequest),
    // Who only looks need not say by which id the request is known.
    together: (headers, body) => requestIdIssue(headers, body, !('dry_run' in body && body.dry_run === true)),
  },
  responses: {
    200: json(z.union([operation, dryRun]), 'The operation that this request began before; or a dry run'),
    202: json(operation, 'The operation, begun'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(
      problems.retryJobsConflictError,
      'Too many jobs, a profile that is not allowed, or an id that was used',
    ),
    412: refusal(problems.jobsChangedError, 'There are not as many jobs as `expected` says'),
  },
});

const listOperations = defineRoute({
  ...base,
  method: 'get',
  path: '/projects/{projectId}/operations',
  operationId: 'listOperations',
  summary: 'List the operations over a project’s jobs, newest first',
  request: { ...ofProject, query: pageQuery(positionCursor.decode) },
  responses: { 200: json(operationPage, 'A page of operations'), ...editorRefusals, ...notFound },
});

const getOperation = defineRoute({
  ...base,
  method: 'get',
  path: '/operations/{operationId}',
  operationId: 'getOperation',
  summary: 'How far an operation is',
  request: ofOperation,
  responses: { 200: json(operation, 'The operation'), ...editorRefusals, ...notFound },
});

const listItems = defineRoute({
  ...base,
  method: 'get',
  path: '/operations/{operationId}/items',
  operationId: 'listOperationItems',
  summary: 'The jobs in an operation, each with what became of it',
  request: {
    ...ofOperation,
    query: pageQuery(itemCursor.decode).extend({
      outcome: shownItemState.optional().meta({ description: 'Only those.' }),
    }),
  },
  responses: { 200: json(operationItemPage, 'A page of its jobs'), ...editorRefusals, ...notFound },
});

const commanded = (command: 'pause' | 'resume' | 'cancel', summary: string) =>
  defineRoute({
    ...base,
    method: 'post',
    path: `/operations/{operationId}/${command}`,
    operationId: `${command}Operation`,
    summary,
    parameters: [correlationHeader],
    request: { ...ofOperation, headers: recognisedByItself, body: optionalJsonBody(emptyBody) },
    responses: {
      200: json(operation, 'The operation, as it was asked to be, now or before'),
      ...editorRefusals,
      ...bodyRefusals,
      ...notFound,
      409: refusal(problems.operationEndedError, 'It is over, or is being cancelled'),
    },
  });

const commandRoute = (command: 'pause' | 'resume' | 'cancel', summary: string): Route =>
  route(commanded(command, summary), async (c) => {
    const asked = operationObject(c.env, c.req.valid('param').operationId);
    const answer = await asked.command(asker(c), command);
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(toOperationResource(answer.operation, answer.counts), 200);
  });

export const operationRoutes: readonly Route[] = [
  route(retryJobs, async (c) => {
    const { projectId } = c.req.valid('param');
    const body = c.req.valid('json');
    const choice = await choiceOf(c, body);
    if (body.dry_run) {
      const looked = await look(c, projectId, body, choice);
      return looked ? c.json(looked, 200) : problem(c, 'RESOURCE_NOT_FOUND', {});
    }
    const { idKeys } = c.get('config');
    const owner = c.get('owner');
    const clientRequestId = requestIdOf(c.req.valid('header'), body);
    const id = await idFor('opr', { owner, place: projectId, key: clientRequestId }, idKeys);
    const answer = await projectObject(c.env, projectId).retryJobs({
      ...{ id, projectId, ...asker(c), clientRequestId, choice, expected: body.expected ?? null },
      traceparent: traceparentOf(c.req.header('traceparent')),
      requestDigest: await bulkDigest(c.get('sent')),
      modelProfile: body.model_profile,
      discardEdits: body.discard_edits ?? [],
      maxInFlight: maxInFlightOf(body),
    });
    if (!answer.ok) return refuse(c, answer.rejection);
    const begun = await operationObject(c.env, id).show(owner);
    // It begins by itself in a moment; whoever asks again under the same id finds it.
    if (!begun.ok) return problem(c, 'OVERLOADED', {}, { headers: { 'retry-after': '1' } });
    const shown = toOperationResource(begun.operation, begun.counts);
    return answer.replayed ? c.json(shown, 200) : c.json(shown, 202, { location: `/operations/${id}` });
  }),

  route(listOperations, async (c) => {
    const { cursor = null, limit = DEFAULT_LIMIT } = c.req.valid('query');
    const project = projectObject(c.env, c.req.valid('param').projectId);
    const found = await project.operations(c.get('owner'), cursor, limit + 1);
    if (!found) return problem(c, 'RESOURCE_NOT_FOUND', {});
    return c.json(toPage(found, limit, toOperationSummary, positionCursor.encode), 200);
  }),

  route(getOperation, async (c) => {
    const answer = await operationObject(c.env, c.req.valid('param').operationId).show(c.get('owner'));
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(toOperationResource(answer.operation, answer.counts), 200);
  }),

  route(listItems, async (c) => {
    const { cursor = '', limit = DEFAULT_LIMIT, outcome = null } = c.req.valid('query');
    const asked = operationObject(c.env, c.req.valid('param').operationId);
    const answer = await asked.items(c.get('owner'), outcome, cursor, limit + 1);
    if (!answer.ok) return refuse(c, answer.rejection);
    const { items, state } = answer;
    return c.json(
      toPage(items, limit, (item) => toItemResource(item, { state }), itemCursor.encode),
      200,
    );
  }),

  commandRoute('pause', 'Begin no further job for now; what is in flight goes on'),
  commandRoute('resume', 'Go on, also with one that waits for the orchestrator'),
  commandRoute('cancel', 'Begin no further job for good; what is in flight goes on'),
];

/** Of an operation that was never given out no job can be meant, and no object is woken for it. */
async function choiceOf(c: Context<AppEnv>, { filter }: RetryJobsRequest) {
  const choice = toJobChoice(filter);
  const { endedIn } = choice;
  if (endedIn === null || (await isGivenOut('opr', endedIn.operationId, c.get('config').idKeys)))
    return choice;
  return { ...choice, jobIds: [], endedIn: null };
}

/** What an operation would do with a page of the jobs; null where there is no such project. */
async function look(
  c: Context<AppEnv>,
  projectId: string,
  body: RetryJobsRequest,
  choice: ReturnType<typeof toJobChoice>,
) {
  const { model_profile, discard_edits, cursor } = body;
  const limit = plansAskedFor(body);
  const owner = c.get('owner');
  const chosen = await projectObject(c.env, projectId).chosen(owner, choice, cursor ?? null, limit + 1);
  if (chosen === null) return null;
  const asked = {
    ...{ kind: 'retry' as const, modelProfile: model_profile, resumeFrom: null },
    discardEdits: discard_edits ?? [],
  };
  const page = toPage(chosen.items, limit, (job) => job, positionCursor.encode);
  // A project of a version before does not say what a job is called.
  const planned = await inParallel(page.items, PLANS_AT_ONCE, async ({ id, externalId }) => {
    const answer = await jobObject(c.env, id).planUnder(owner, asked);
    return answer.ok ? [{ id, externalId: externalId ?? null, plan: answer.plan }] : [];
  });
  return { ...page, found: chosen.found, ...toPlannedJobs(planned.flat(), plannedRefusal) };
}

/** What `act` makes of each, in their order, no more than so many at a time. */
async function inParallel<T, R>(all: readonly T[], most: number, act: (one: T) => Promise<R>): Promise<R[]> {
  const made: R[] = [];
  const left = [...all.entries()];
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) made[next[0]] = await act(next[1]);
  };
  await Promise.all(Array.from({ length: most }, work));
  return made;
}
