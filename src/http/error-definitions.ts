// Every error that this service answers, as a client can learn them: the table of contract/errors.ts.
import { errorDefinitions, toErrorDefinitions } from '../contract/error-definitions.ts';
import { defineRoute, type Route, route } from './route.ts';
import { commonRefusals, json } from './route-parts.ts';

const { 405: otherMethod, 500: internal } = commonRefusals;

const getErrorDefinitions = defineRoute({
  method: 'get',
  tags: ['Service'],
  security: [],
  path: '/error-definitions',
  operationId: 'getErrorDefinitions',
  summary: 'All errors: what they mean, whether a repeat can help, and what to do',
  responses: {
    200: json(errorDefinitions, 'The errors, by code'),
    405: otherMethod,
    500: internal,
  },
});

export const errorDefinitionRoute: Route = route(getErrorDefinitions, (c) => {
  // It changes with a deployment alone.
  c.header('cache-control', 'public, max-age=300');
  return c.json(toErrorDefinitions(), 200);
});
