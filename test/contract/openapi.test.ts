import { expect, test } from 'vitest';
import { STATUSES } from '../../src/domain/lifecycle.ts';
import { contract } from '../../src/http/app.ts';

const document = contract();

interface Operation {
  responses: Record<string, { content?: Record<string, { schema: { $ref?: string } }> }>;
  requestBody?: { content: Record<string, { schema: { $ref?: string } }> };
}
const operation = (path: string, method: 'get' | 'post'): Operation =>
  document.paths?.[path]?.[method] as unknown as Operation;
const schemaOf = (response: Operation['responses'][string] | undefined): string | undefined =>
  Object.values(response?.content ?? {})[0]
    ?.schema.$ref?.split('/')
    .at(-1);

test('the retry is documented with every answer it gives, under the agreed schema names', () => {
  const retry = operation('/jobs/{jobId}/retry', 'post');
  expect(Object.keys(retry.responses)).toEqual(
    expect.arrayContaining(['200', '202', '400', '401', '404', '409', '412', '502']),
  );
  expect(retry.requestBody?.content['application/json']?.schema.$ref).toBe(
    '#/components/schemas/RetryJobRequest',
  );
  expect(schemaOf(retry.responses['200'])).toBe('RetryJobResponse');
  expect(schemaOf(retry.responses['202'])).toBe('RetryJobResponse');
  expect(schemaOf(retry.responses['404'])).toBe('NoLeakNotFoundError');
  expect(schemaOf(retry.responses['409'])).toBe('RetryStateConflictError');
  expect(schemaOf(retry.responses['412'])).toBe('PlanChangedError');
  expect(schemaOf(retry.responses['502'])).toBe('UpstreamDispatchError');
});

test('the document knows exactly the statuses of the life cycle', () => {
  expect(document.components?.schemas?.JobStatus).toMatchObject({ enum: [...STATUSES] });
});

interface Schema {
  type?: string | string[];
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}
const takesNull = ({ type, enum: values, anyOf, oneOf, allOf }: Schema): boolean =>
  [type].flat().includes('null') ||
  values?.includes(null) ||
  [...(anyOf ?? []), ...(oneOf ?? []), ...(allOf ?? [])].some(takesNull);

const components = Object.entries(document.components?.schemas ?? {});

test('no component may be null by itself: each use says so where it may', () => {
  expect(components.map(([name]) => name)).toContain('Dispatch');
  expect(components.filter(([, schema]) => takesNull(schema as Schema)).map(([name]) => name)).toEqual([]);
});

const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
  Object.keys(item).map((method) => [method, path] as const),
);

test('the document has operations to judge', () => {
  expect(operations).toContainEqual(['post', '/jobs/{jobId}/retry']);
});

test.each(operations)('%s %s names what it refuses, but for the open endpoints', (method, path) => {
  const { responses } = operation(path, method as 'get');
  const isOpen = ['/healthz', '/openapi.json', '/error-definitions'].includes(path);
  // Whoever is not signed in yet needs nothing, and whoever signs out takes nothing along.
  const expected = path.startsWith('/session') ? ['409', '500', '503'] : ['400', '401', '500', '503'];
  const refused = Object.keys(responses).filter((status) => status >= '400');
  expect(refused).toEqual(expect.arrayContaining(isOpen ? ['500'] : expected));
});
