// What an operation tells its project, which lists it: where it stands, and its counts once it is over.
import type { ShownOperation } from '../domain/operation.ts';
import { projectObject } from '../objects.ts';
import type { OperationStore } from './operation-store.ts';
import { Telling } from './telling.ts';

export interface OperationListed extends ShownOperation {
  id: string;
  projectId: string;
  createdAt: number;
}

export const tellingProject = (store: OperationStore, env: Env): Telling<OperationListed> =>
  new Telling<OperationListed>({
    current: () => listed(store),
    isAlike: (one, other) => JSON.stringify(one) === JSON.stringify(other),
    tell: ({ projectId, ...told }) => projectObject(env, projectId).putOperation(told),
    fields: ({ id }) => ({ operation_id: id }),
  });

function listed(store: OperationStore): OperationListed | null {
  const operation = store.operation();
  if (operation === null) return null;
  const { id, projectId, createdAt, state, resumeAt, startedAt, endedAt } = operation;
  const counts = endedAt === null ? null : store.counts();
  return { id, projectId, createdAt, state, resumeAt, startedAt, endedAt, counts };
}
