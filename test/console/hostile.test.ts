// What an editor or a pipeline can write is text wherever it is shown: no markup, no script, no address that does something.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeContexts, sharedBrowser } from './browser.ts';
import { Scene } from './scene.ts';
import { watchedPage } from './watched.ts';

const SCRIPT = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`;
const SCHEMES = [
  'javascript:document.title="taken"',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:x',
  'file:///etc/passwd',
];

let scene: Scene;
let browser: Browser;
beforeAll(async () => {
  [scene, browser] = await Promise.all([Scene.start(), sharedBrowser()]);
});
afterAll(() => Promise.all([closeContexts(browser), scene.stop()]));

test('names, messages, references and texts that hold HTML and scripts are shown as they are, in every view', async () => {
  const { alice, stack } = scene;
  const project = await scene.project(`Interviews ${SCRIPT}`.slice(0, 200));
  const job = await scene.job(project, `talk ${SCRIPT.replaceAll('/', '')}.mp4`);
  await scene.run(job, {
    fail_at: 'GENERATING',
    fail_times: 9,
    failure_code: SCRIPT.slice(0, 60),
    failure_message: SCRIPT,
  });
  await scene.correct(job, 'transcript', 1, `${SCRIPT}\nAlice, not Alis.`);
  const context = await scene.signedIn(browser);
  const { page, complaints } = await watchedPage(context, stack.serviceUrl, { isRefused: true });

  const paths = [
    ...['/', `/projects/${project}`, `/jobs/${job}`, `/jobs/${job}/retry`, `/jobs/${job}/renew-video`],
    ...[
      `/jobs/${job}/edit/transcript`,
      `/jobs/${job}/read/transcript/2`,
      `/jobs/${job}/read/transcript/%3Cscript%3E`,
    ],
    ...[`/projects/${encodeURIComponent(SCRIPT)}`, `/jobs/${encodeURIComponent(SCRIPT)}`],
    ...[
      `/jobs/${job}/retry?profile=${encodeURIComponent(SCRIPT)}`,
      `/projects/${project}?status=${encodeURIComponent(SCRIPT)}`,
    ],
    `/?sign_in=${encodeURIComponent(SCRIPT)}`,
  ];
  for (const path of paths) {
    await page.goto(`${scene.url}${path}`);
    await page.locator('main :is(.list, .now, .empty, textarea, .text)').first().waitFor();
    expect(await page.title()).not.toBe('taken');
    expect(await page.locator('main :is(img, script, iframe)').count()).toBe(0);
  }

  await page.goto(`${scene.url}/jobs/${job}`);
  await page.locator('.versions').first().waitFor();
  expect(await page.locator('.now').innerText()).toContain(SCRIPT);
  expect(await page.locator('h1').innerText()).toContain('talk <img');
  await page.goto(`${scene.url}/jobs/${job}/read/transcript/2`);
  expect(await page.locator('.text').innerText()).toContain(SCRIPT);
  expect((await alice.get(`/jobs/${job}`)).status).toBe('FAILED');
  expect(complaints).toEqual([]);
  await context.close();
});

test('so are external ids, tags and metadata, in the dialogues that change and erase them too', async () => {
  const { alice, stack } = scene;
  const name = SCRIPT.slice(0, 120);
  const project = await scene.project(name);
  const job = await scene.job(project, 'talk.mp4', { external_id: name, tags: [SCRIPT.slice(0, 60)] });
  const patch = async (changes: object) =>
    expect((await alice.call('PATCH', `/jobs/${job}`, changes)).status).toBe(200);
  await patch({ metadata: { [SCRIPT.slice(0, 40)]: SCRIPT } });
  const context = await scene.signedIn(browser);
  const { page, complaints } = await watchedPage(context, stack.serviceUrl);
  const isText = async (words: string, of: string) => {
    await page.locator(of).filter({ hasText: words }).first().waitFor();
    expect(await page.title()).not.toBe('taken');
    expect(await page.locator(':is(main, dialog) :is(img, script, iframe)').count()).toBe(0);
  };
  await page.goto(`${scene.url}/projects/${project}`);
  await isText(SCRIPT.slice(0, 60), '.jobs .tag');
  await page.goto(`${scene.url}/projects/${project}/erase`);
  await isText(name, 'dialog[open] label b');
  await page.goto(`${scene.url}/jobs/${job}/erase`);
  await isText(name, 'dialog[open] label b');
  await page.goto(`${scene.url}/jobs/${job}/details`);
  await isText(name, 'dialog[open] b');
  expect(await page.locator('.entry input').last().inputValue()).toBe(SCRIPT);
  await page.getByLabel('Tags', { exact: true }).fill('mine');
  await patch({ tags: [SCRIPT.slice(4, 60)] });
  await isText(SCRIPT.slice(4, 60), 'dialog .changed');
  await isText(SCRIPT, 'dialog .changed');
  expect(complaints).toEqual([]);
  await context.close();
});

test('what an editor is called is a text as it is, with their id by hover, wherever it says who did a thing', async () => {
  const { stack } = scene;
  const called = await stack.editor('alice', { name: SCRIPT });
  const project = await scene.project('Panel talks');
  const job = await scene.failed(project);
  await called.send('PUT', `/jobs/${job}/artifacts/transcript/content`, 'Alice, not Alis.', {
    'if-match': '"1"',
    'idempotency-key': crypto.randomUUID(),
  });
  await stack.orchestrator.client.plan(job, { answers: [{ kind: 'hold' }] });
  const filter = { status: ['FAILED'] };
  const asked = { model_profile: 'balanced', client_request_id: crypto.randomUUID(), filter };
  const { id: operation } = await called.post(`/projects/${project}/retries`, asked);
  const context = await scene.signedIn(browser);
  const { page, complaints } = await watchedPage(context, stack.serviceUrl);
  // As somebody else of the same workspace sees it.
  await page.route('**/session', async (route) => {
    const response = await route.fetch();
    return route.fulfill({ response, json: { ...(await response.json()), actor_id: 'bob' } });
  });
  for (const [path, where] of [
    [`/jobs/${job}`, '.history bdi.who'],
    [`/jobs/${job}`, '.now bdi.who'],
    [`/jobs/${job}`, '.versions bdi.who'],
    [`/projects/${project}`, '.operations bdi.who'],
    [`/operations/${operation}`, '.operation bdi.who'],
  ] as const) {
    await page.goto(`${scene.url}${path}`);
    const who = page.locator(where).filter({ hasText: SCRIPT }).first();
    await who.waitFor({ state: 'attached' });
    expect(await who.textContent()).toBe(SCRIPT);
    expect(await who.getAttribute('title')).toBe('alice');
    expect(await page.title()).not.toBe('taken');
    expect(await page.locator('main :is(img, script, iframe)').count()).toBe(0);
  }
  // Where nobody has said a name it is the id.
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.locator('.history .who').getByText('alice', { exact: true }).first().waitFor();
  await stack.orchestrator.client.release(job);
  await page.unrouteAll({ behavior: 'wait' });
  expect(complaints).toEqual([]);
  await context.close();
});

test('an address that a pipeline names is a link only where it is https, and tells nobody where it was found', async () => {
  const job = await scene.job(await scene.project('Interviews'));
  const context = await scene.signedIn(browser);
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl);
  // The service takes few schemes from an editor, and whatever a pipeline says of its exports.
  const exports = Object.fromEntries(
    [...SCHEMES, 'https://media.example/talk.srt', 'HTTPS://user@media.example/x'].map((uri, at) => [
      `f${at}`,
      uri,
    ]),
  );
  await page.route(`**/jobs/${job}`, async (route) => {
    if (route.request().resourceType() === 'document') return route.continue();
    const response = await route.fetch();
    const body = await response.json();
    return route.fulfill({ response, json: { ...body, manifest: { ...body.manifest, exports } } });
  });
  // Without its stream the page has what it was answered.
  await page.routeWebSocket(/events/, (socket) => socket.close());
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.getByText('Export, f0').waitFor();

  const links = await page.locator('.details .reference a').all();
  const hrefs = await Promise.all(links.map((link) => link.getAttribute('href')));
  expect(hrefs).toEqual(['https://media.example/talk.srt', 'HTTPS://user@media.example/x']);
  for (const link of links) expect(await link.getAttribute('rel')).toBe('noopener noreferrer');
  for (const uri of SCHEMES)
    expect(await page.locator('.details').getByText(uri, { exact: true }).count()).toBe(1);
  expect(
    await page
      .locator('a[href^="javascript:"], a[href^="data:"], a[href^="vbscript:"], a[href^="file:"]')
      .count(),
  ).toBe(0);
  expect(complaints).toEqual([]);
  await context.close();
});
