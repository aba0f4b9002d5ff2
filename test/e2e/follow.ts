// A job followed until no pipeline is at work on it, its statuses told as they come.
import type { Editor, Reply } from '../support/editor.ts';
import type { Narrator } from './narrator.ts';

export async function follow(editor: Editor, jobId: string, narrator: Narrator): Promise<Reply['body']> {
  const progress = narrator.progress();
  const job = await editor.settledJob(jobId, ({ status }) => progress.see(status));
  progress.end();
  return job;
}
