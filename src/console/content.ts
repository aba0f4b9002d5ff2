// The text of a version, as it lies in the store.
import { type Answer, ask } from './api.ts';

export type Text = 'transcript' | 'draft';

export interface Content {
  text: string;
  type: string;
}

/** What is larger is not for a page. */
export const MOST_BYTES = 2_000_000;

export async function askContent(
  jobId: string,
  stage: Text,
  version: number,
  signal: AbortSignal,
): Promise<Answer<Content | null>> {
  const answer = await ask(
    (client, signal) =>
      client.GET('/jobs/{jobId}/artifacts/{stage}/{version}/content', {
        params: { path: { jobId, stage, version } },
        parseAs: 'arrayBuffer',
        signal,
      }),
    signal,
  );
  if (!answer.ok) return answer;
  const type = answer.response.headers.get('content-type') ?? 'application/octet-stream';
  return { ...answer, data: decoded(answer.data as ArrayBuffer, type) };
}

/** Null for what is no text. */
function decoded(bytes: ArrayBuffer, type: string): Content | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? null : { text, type };
  } catch {
    return null;
  }
}

export const downloadAddress = (jobId: string, stage: Text, version: number): string =>
  `/jobs/${encodeURIComponent(jobId)}/artifacts/${stage}/${version}/content`;
