// The name of the project that a job belongs to, asked for once.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ask } from './api.ts';

const names = signal<ReadonlyMap<string, string>>(new Map());

export function useProjectName(id: string | null): string | null {
  useEffect(() => {
    if (id === null || names.peek().has(id)) return;
    void ask((client, signal) =>
      client.GET('/projects/{projectId}', { params: { path: { projectId: id } }, signal }),
    ).then((answer) => {
      if (answer.ok) names.value = new Map(names.value).set(id, answer.data.name);
    });
  }, [id]);
  return id === null ? null : (names.value.get(id) ?? null);
}
