// Composition root: what Cloudflare calls. No logic.
import { createConsumer } from './dispatch/consumer.ts';
import { consumeDeadLetters } from './dispatch/dead-letter.ts';
import { createApp } from './http/app.ts';

export { JobActor } from './actor/job-actor.ts';
export { OperationActor } from './actor/operation-actor.ts';
export { ProjectActor } from './actor/project-actor.ts';
export { WorkspaceActor } from './actor/workspace-actor.ts';

const app = createApp();
const consumeDispatches = createConsumer();

export default {
  fetch: app.fetch,
  queue: (batch, env, ctx) =>
    batch.queue.endsWith('dead-letters')
      ? consumeDeadLetters(batch, env)
      : consumeDispatches(batch, env, ctx),
} satisfies ExportedHandler<Env>;
