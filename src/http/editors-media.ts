// Whether the settings let an editor name this media for this job.
import type { Context } from 'hono';
import { refuseMedia } from '../contract/media.ts';
import { jobObject } from '../objects.ts';
import type { AppEnv } from './app-env.ts';
import { type Problem, problem, refuse } from './problem.ts';

/** Null when they do. The job is looked at only where a prefix asks for its project, which never changes. */
export async function refuseVideo(
  c: Context<AppEnv>,
  jobId: string,
  videoUri: string,
): Promise<Problem | null> {
  const { media } = c.get('config');
  let projectId = '';
  if (media.prefixes.some((prefix) => prefix.includes('{project}'))) {
    const shown = await jobObject(c.env, jobId).show(c.get('owner'));
    if (!shown.ok) return refuse(c, shown.rejection);
    projectId = JSON.parse(shown.body).project_id;
  }
  const message = refuseMedia(videoUri, media, { owner: c.get('actorId'), projectId });
  if (message === null) return null;
  return problem(c, 'VALIDATION_ERROR', { issues: [{ path: 'video_uri', message }] });
}
