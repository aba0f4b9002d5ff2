// The example workflow for n8n can't be run here; this holds it to what can be known without n8n.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { CHECKPOINT_STATUSES, RESUME_STATUSES } from '../../src/domain/lifecycle.ts';

const text = readFileSync(new URL('../../spec/n8n/retake-workflow.json', import.meta.url), 'utf8');

const workflowSchema = z.object({
  name: z.string().min(1),
  active: z.literal(false),
  nodes: z.array(
    z.object({
      id: z.string().min(1),
      name: z.string().min(1),
      type: z.string().startsWith('n8n-nodes-base.'),
      parameters: z.record(z.string(), z.unknown()),
      credentials: z.undefined().optional(),
    }),
  ),
  connections: z.record(
    z.string(),
    z.object({ main: z.array(z.array(z.object({ node: z.string(), type: z.literal('main') }))) }),
  ),
  pinData: z.strictObject({}),
});
const workflow = workflowSchema.parse(JSON.parse(text));
const names = workflow.nodes.map(({ name }) => name);
const targets = Object.values(workflow.connections).flatMap(({ main }) =>
  main.flat().map(({ node }) => node),
);

test('every node has a name of its own, and every connection leads from one to another', () => {
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(expect.arrayContaining(Object.keys(workflow.connections)));
  expect(names).toEqual(expect.arrayContaining(targets));
});

test('every node but the webhook is reached', () => {
  expect(names.filter((name) => !targets.includes(name))).toEqual(['Dispatch from Retake']);
});

test('a dispatch that could not be judged is answered 500, never the 200 that n8n gives by itself', () => {
  const [, broken] = workflow.connections['Verify and claim']?.main ?? [];
  const [answer] = workflow.nodes.filter(({ name }) => name === broken?.[0]?.node);
  expect(answer?.parameters).toMatchObject({ options: { responseCode: 500 } });
});

test('its code parses, and refers to nodes that there are', () => {
  for (const { name, parameters } of workflow.nodes) {
    if (typeof parameters.jsCode !== 'string') continue;
    const { jsCode } = parameters;
    // As n8n does: the code is the body of an asynchronous function.
    expect(() => new Function(`return async function () { ${jsCode}\n}`), name).not.toThrow();
    for (const [, referred] of jsCode.matchAll(/\$\('([^']+)'\)/g)) expect(names).toContain(referred);
  }
});

test('it knows every place to resume from and reports every checkpoint', () => {
  for (const status of [...RESUME_STATUSES, ...CHECKPOINT_STATUSES]) expect(text).toContain(status);
});

test('it holds no secret and no address', () => {
  expect(text).not.toMatch(/whsec_[A-Za-z0-9+/]{8,}|rtk1\.|eyJ|https?:\/\/|127\.0\.0\.1|localhost/);
});
