// From ids to actors. An id that is not of the right form has none.
import { isId } from '../contract/fields.ts';

export const jobStub = (env: Env, jobId: string) => (isId('job', jobId) ? env.JOB.getByName(jobId) : null);

export const projectStub = (env: Env, projectId: string) =>
  isId('prj', projectId) ? env.PROJECT.getByName(projectId) : null;

export const workspaceStub = (env: Env, owner: string) => env.WORKSPACE.getByName(owner);

/** The answer for an id that no resource can have: the same as for one that none has. */
export const NOT_FOUND = { ok: false, rejection: { code: 'RESOURCE_NOT_FOUND' } } as const;
