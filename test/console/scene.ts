// What the console's tests look at: the service with its store of artifacts and an orchestrator, an editor who acts beside the page,
// and jobs in the states that pages are made for.
import type { Browser, BrowserContext, BrowserContextOptions, Cookie } from 'playwright-core';
import { Stack } from '../e2e/stack.ts';
import type { Editor } from '../support/editor.ts';
import type { PipelinePlan } from '../support/orchestrator/plan.ts';

export class Scene {
  readonly stack: Stack;
  readonly alice: Editor;
  /** Of whoever has signed in. */
  readonly #cookies = new Map<string, Promise<Cookie[]>>();

  private constructor(stack: Stack, alice: Editor) {
    this.stack = stack;
    this.alice = alice;
  }

  static async start(stepMs = 60): Promise<Scene> {
    const stack = await Stack.start({ stepMs, withArtifactStore: true, withSignIn: true });
    return new Scene(stack, await stack.editor('alice'));
  }

  get url(): string {
    return `${this.stack.serviceUrl}/console`;
  }

  stop(): Promise<void> {
    return this.stack.stop();
  }

  /** A browser of one's own. */
  browser(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
    return browser.newContext({
      locale: 'en-GB',
      timezoneId: 'Europe/Berlin',
      viewport: { width: 1280, height: 800 },
      ...options,
    });
  }

  /** One in which somebody has signed in; all of one person share that session. */
  async signedIn(
    browser: Browser,
    sub = 'alice',
    options: BrowserContextOptions = {},
  ): Promise<BrowserContext> {
    const known = this.#cookies.get(sub) ?? this.#cookiesOf(browser, sub);
    this.#cookies.set(sub, known);
    return this.browser(browser, { ...options, storageState: { cookies: await known, origins: [] } });
  }

  /** One in which somebody has signed in at the provider's page, into a session of its own. */
  async signsIn(
    browser: Browser,
    sub = 'alice',
    options: BrowserContextOptions = {},
  ): Promise<BrowserContext> {
    const context = await this.browser(browser, options);
    const page = await context.newPage();
    await page.goto(`${this.stack.serviceUrl}/session/start`);
    await page.locator(`button[value="${sub}"]`).click();
    await page.waitForURL(`${this.url}/`);
    await page.close();
    return context;
  }

  async #cookiesOf(browser: Browser, sub: string): Promise<Cookie[]> {
    const context = await this.signsIn(browser, sub);
    const cookies = await context.cookies();
    await context.close();
    return cookies;
  }

  async project(name: string): Promise<string> {
    return (await this.alice.post('/projects', { name })).id;
  }

  async job(
    projectId: string,
    file: string | null = 'interview.mp4',
    labels: { external_id?: string; tags?: string[] } = {},
  ): Promise<string> {
    const { id } = await this.alice.post(`/projects/${projectId}/jobs`, labels);
    if (file !== null)
      await this.alice.post(`/jobs/${id}/confirm-upload`, { video_uri: `s3://videos/${file}` });
    return id;
  }

  /** Runs it, and comes back once nothing more happens, or where it pauses. */
  async run(jobId: string, pipeline: PipelinePlan = {}): Promise<void> {
    await this.stack.orchestrator.client.plan(jobId, { pipeline });
    await this.alice.run(jobId);
    if (pipeline.pause_before) await this.stack.orchestrator.client.waitFor(jobId, 'held');
    else await this.alice.settledJob(jobId);
  }

  async failed(
    projectId: string,
    pipeline: PipelinePlan = { fail_at: 'GENERATING' },
    file?: string,
    labels?: { external_id?: string; tags?: string[] },
  ): Promise<string> {
    const id = await this.job(projectId, file, labels);
    await this.run(id, pipeline);
    return id;
  }

  /** The newest version of a text, corrected. */
  async correct(jobId: string, stage: 'transcript' | 'draft', version: number, text: string): Promise<void> {
    const reply = await this.alice.send('PUT', `/jobs/${jobId}/artifacts/${stage}/content`, text, {
      'if-match': `"${version}"`,
      'idempotency-key': crypto.randomUUID(),
    });
    if (reply.status !== 200) throw new Error(`not corrected: ${reply.status} ${JSON.stringify(reply.body)}`);
  }
}
