// Who may dispatch: whoever signs with the shared secret, and nobody else, not with an old message either.
import { randomBytes } from 'node:crypto';
import { Finding } from '../finding.ts';
import type { Message } from '../job-under-test.ts';
import { describe, isAccepted, isRefused, type Scene } from '../scene.ts';
import type { Forgery } from '../sender.ts';
import { finishedJob, hearOnly } from './fenced.ts';

/** Twice what Standard Webhooks tolerates. */
const STALE_MS = 10 * 60_000;

export function unsigned(scene: Scene): Promise<void> {
  return refuses(scene, () => ({ secrets: [] }), {
    what: 'a dispatch without a signature',
    fix: 'Answer 401 when webhook-id, webhook-timestamp or webhook-signature is missing.',
  });
}

export async function wrongSignature(scene: Scene): Promise<void> {
  const byAnother = refuses(scene, () => ({ secrets: [foreignSecret()] }), {
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

/** While a secret is replaced Retake signs with both, and the orchestrator knows one of them. */
export async function anySignature(scene: Scene): Promise<void> {
  const { secrets } = scene.options;
  const takes = async (signedWith: readonly string[], which: string): Promise<void> => {
    const taken = await scene.send(await scene.newJob().run(), { secrets: signedWith });
    if (isAccepted(taken)) return;
    throw new Finding(
      `a dispatch of whose two signatures the ${which} is right ${describe(taken)}`,
      'webhook-signature is a list with spaces between; a dispatch is signed when any part of it is right.',
    );
  };
  await Promise.all([
    takes([...secrets, foreignSecret()], 'first'),
    takes([foreignSecret(), ...secrets], 'second'),
  ]);
}

/** Nobody may take for something else what it does not know, nor what it says that it does not do. */
export async function unknownMessages(scene: Scene): Promise<void> {
  const fix = 'Answer 400 when type is none that you know, and begin nothing.';
  const unheardOf = refuses(scene, (message) => ({ sent: { ...message, type: 'job.unheard-of' } }), {
    what: 'a message of a type that there is not',
    fix,
  });
  const declared = scene.options.without.map(async (name) => {
    const job = await finishedJob(scene);
    const message = name === 'redo' ? await job.redo('TRANSCRIPT_READY') : await job.export(scene.options);
    const reports = hearOnly(job, message);
    const before = job.reports.length;
    const taken = await scene.send(message);
    if (!isRefused(taken)) throw new Finding(`a signed job.${name} ${describe(taken)} instead of 4xx`, fix);
    await scene.listen(job, before);
    if (reports().length > 0) throw new Finding(`a job.${name} was refused, yet its pipeline reports`, fix);
  });
  await Promise.all([unheardOf, ...declared]);
}

const foreignSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** Who refuses everything has refused nothing: the same dispatch has to be executed when it comes as Retake sends it. */
async function refuses(
  scene: Scene,
  forge: (message: Message) => Forgery & { sent?: Message },
  { what, fix }: { what: string; fix: string },
): Promise<void> {
  const job = scene.newJob();
  const message = await job.run();
  const { sent = message, ...forgery } = forge(message);
  const taken = await scene.send(sent, forgery);
  const refused = taken.status !== null && taken.status >= 400 && taken.status < 500;
  if (!refused) throw new Finding(`${what} ${describe(taken)} instead of 4xx`, fix);
  const reports = await scene.listen(job, 0);
  if (reports.length > 0) throw new Finding(`${what} was refused, yet its pipeline reports`, fix);

  const twin = await scene.send(message);
  if (!isAccepted(twin)) {
    throw new Finding(
      `${what} ${describe(taken)}, but the same one as Retake sends it ${describe(twin)} too`,
      'Refuse a dispatch for nothing else, and answer 2xx when its signature is right.',
    );
  }
  if ((await scene.listen(job, 0)).length > 0) return;
  throw new Finding(
    `${what} was refused; the same one as Retake sends it ${describe(twin)}, and was not executed`,
    'Remember nothing of a dispatch that is refused: verify its signature first.',
  );
}
