// Where objects are: the one module that turns ids and owners into Durable Objects, within the jurisdiction that is set.
// Whether an id was given out is for its caller to know: an object is there for any name.
import { requireConfig } from './config.ts';

export const jobObject = (env: Env, jobId: string) => objectOf(env.JOB, jobId, env);

export const projectObject = (env: Env, projectId: string) => objectOf(env.PROJECT, projectId, env);

export const operationObject = (env: Env, operationId: string) => objectOf(env.OPERATION, operationId, env);

export const workspaceObject = (env: Env, owner: string) => objectOf(env.WORKSPACE, owner, env);

function objectOf<Actor extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<Actor>,
  name: string,
  env: Env,
): DurableObjectStub<Actor> {
  const { jurisdiction } = requireConfig(env);
  return (jurisdiction ? namespace.jurisdiction(jurisdiction) : namespace).getByName(name);
}
