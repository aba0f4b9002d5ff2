// Whether an editor may name this media for this job, by the settings and by whose it is.
import type { Context } from 'hono';
import { boundStore, EDITS, editsOf, keyIn } from '../artifact-store.ts';
import { refuseMedia } from '../contract/media.ts';
import { jobObject } from '../objects.ts';
import type { AppEnv } from './app-env.ts';
import { invalid, type Problem, refuse } from './problem.ts';

/** Null when they may. */
export async function refuseVideo(
  c: Context<AppEnv>,
  jobId: string,
  videoUri: string,
): Promise<Problem | null> {
  const refused = await refusalOf(c, jobId, videoUri);
  if (refused === null || typeof refused !== 'string') return refused;
  return invalid(c, 'video_uri', refused);
}

/** As for a video; what the job has as an artifact already may be named again wherever it is. */
export async function refuseArtifact(
  c: Context<AppEnv>,
  jobId: string,
  uri: string,
): Promise<Problem | null> {
  const refused = await refusalOf(c, jobId, uri);
  if (refused === null || typeof refused !== 'string') return refused;
  const known = await jobObject(c.env, jobId).knows(c.get('owner'), uri);
  if (!known.ok) return refuse(c, known.rejection);
  if (known.isArtifact) return null;
  return invalid(c, 'uri', refused);
}

const NOT_OF_THIS_JOB = 'must be an artifact of this job, or below a prefix that is allowed here';

/**
 * What the settings say, and of the bound store, whose content this service hands out, nothing that is not the job's own or below
 * a prefix that is set. Of a video too: what is made of it may be the very same file.
 */
const refusalOf = async (c: Context<AppEnv>, jobId: string, uri: string): Promise<Problem | string | null> =>
  (await mediaRefusal(c, jobId, uri)) ?? (isOfOthers(c, jobId, uri) ? NOT_OF_THIS_JOB : null);

/** Whether it is another job's correction in the bound store, or may be another's as far as the settings say. */
function isOfOthers(c: Context<AppEnv>, jobId: string, uri: string): boolean {
  const store = boundStore(c.env);
  const key = store && keyIn(store, uri);
  if (key === null || key.startsWith(editsOf(jobId))) return false;
  return key.startsWith(EDITS) || c.get('config').media.prefixes.length === 0;
}

/** Why not, in words, or that there is no such job. The job is looked at only where a prefix asks for its project, which never changes. */
async function mediaRefusal(
  c: Context<AppEnv>,
  jobId: string,
  uri: string,
): Promise<Problem | string | null> {
  const { media } = c.get('config');
  let projectId = '';
  if (media.prefixes.some((prefix) => prefix.includes('{project}'))) {
    const shown = await jobObject(c.env, jobId).show(c.get('owner'));
    if (!shown.ok) return refuse(c, shown.rejection);
    projectId = JSON.parse(shown.body).project_id;
  }
  return refuseMedia(uri, media, { owner: c.get('actorId'), projectId });
}
