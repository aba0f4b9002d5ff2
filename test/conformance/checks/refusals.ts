// Who may dispatch: nobody without the shared secret, and not with an old message either.
import { randomBytes } from 'node:crypto';
import { Finding } from '../finding.ts';
import type { Message } from '../job-under-test.ts';
import { describe, type Scene } from '../scene.ts';
import type { Forgery } from '../sender.ts';

/** Twice what Standard Webhooks tolerates. */
const STALE_MS = 10 * 60_000;

export function unsigned(scene: Scene): Promise<void> {
  return refuses(scene, () => ({ secrets: [] }), {
    what: 'a dispatch without a signature',
    fix: 'Answer 401 when webhook-id, webhook-timestamp or webhook-signature is missing.',
  });
}

export async function wrongSignature(scene: Scene): Promise<void> {
  const foreign = `whsec_${randomBytes(32).toString('base64')}`;
  const byAnother = refuses(scene, () => ({ secrets: [foreign] }), {
    what: 'a dispatch signed with another secret',
    fix: 'Compare webhook-signature with your own HMAC-SHA256, and answer 401 when none of its parts is equal.',
  });
  const altered = refuses(
    scene,
    (message) => ({ body: { ...message, video_uri: `${message.video_uri}.other` } }),
    {
      what: 'a dispatch that was altered after it was signed',
      fix: 'Compute the signature over the raw bytes of the body as they came, not over parsed JSON.',
    },
  );
  await Promise.all([byAnother, altered]);
}

export function stale(scene: Scene): Promise<void> {
  return refuses(scene, () => ({ signedAt: new Date(Date.now() - STALE_MS) }), {
    what: 'a well signed dispatch of ten minutes ago',
    fix: 'Answer 401 when webhook-timestamp is more than five minutes off, or anyone can replay old messages.',
  });
}

async function refuses(
  scene: Scene,
  forge: (message: Message) => Forgery,
  { what, fix }: { what: string; fix: string },
): Promise<void> {
  const job = scene.newJob();
  const message = await job.run();
  const taken = await scene.send(message, forge(message));
  const refused = taken.status !== null && taken.status >= 400 && taken.status < 500;
  if (!refused) throw new Finding(`${what} ${describe(taken)} instead of 4xx`, fix);
  const reports = await scene.listen(job, 0);
  if (reports.length > 0) throw new Finding(`${what} was refused, yet its pipeline reports`, fix);
}
