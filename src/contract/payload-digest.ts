// The digest by which the repeat of a report is recognised. It is of what was sent and not of what this version of the
// service knows of it: a field that a later version learns must not make a repeat another report. When it was sent is no
// part of it: who repeats a report may well look at the clock again.
import { sha256 } from './hashes.ts';

/** Says how the digest was made, so that a version that makes it otherwise can still make it like one that is stored. */
const VERSION = '1';

/** `sent` is what JSON.parse made of the body: the last of the values that one name was given counts. */
export async function payloadDigest(sent: unknown): Promise<string> {
  return `${VERSION}:${await sha256(canonical(isComposite(sent) ? withoutItsTime(sent) : sent))}`;
}

/** Of an edit, by the id of its request: what it says, however it is written, and of which stage. Null says nothing. */
export async function editDigest(
  stage: string,
  { client_request_id: _, ...body }: Readonly<Record<string, unknown>>,
): Promise<string> {
  const said = Object.entries(body).filter(([, value]) => value != null);
  return `${VERSION}:${await sha256(canonical({ stage, ...Object.fromEntries(said) }))}`;
}

/** Of a bulk retry, by the id of its request: what it says is to be done, and not how many jobs the caller has seen. */
export async function bulkDigest(sent: unknown): Promise<string> {
  const { client_request_id: _, dry_run: _dry, expected: _seen, ...body } = sent as Record<string, unknown>;
  const said = Object.entries(body).filter(([, value]) => value != null);
  return `${VERSION}:${await sha256(canonical(Object.fromEntries(said)))}`;
}

/** Of an edit that was sent as its content: of what, and the content; where it was put differs with each sending. */
export const contentEditDigest = async (
  stage: string,
  edits: number,
  contentDigest: string,
): Promise<string> => `${VERSION}:${await sha256(canonical({ stage, edits, content: contentDigest }))}`;

function withoutItsTime(sent: Record<string, unknown>): unknown {
  if (Array.isArray(sent)) return sent;
  const { occurred_at: _, ...rest } = sent;
  return rest;
}

/**
 * The same text for the same JSON however it was written, and another for any other: names sorted at every level, no
 * blanks, a comma after each item, numbers and strings as JavaScript writes them. A body may be nested as deep as it is
 * long, so what is left to write stands in a list in place of the stack.
 */
function canonical(sent: unknown): string {
  const written: string[] = [];
  // The end of the list is next: text as it is, or a value.
  const left: (string | { value: unknown })[] = [{ value: sent }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (typeof next === 'string') written.push(next);
    else if (isComposite(next.value)) {
      const { value } = next;
      const isList = Array.isArray(value);
      const names = isList ? Object.keys(value) : Object.keys(value).sort();
      written.push(isList ? '[' : '{');
      left.push(isList ? ']' : '}');
      for (const name of names.reverse()) {
        left.push(',', { value: value[name] }, isList ? '' : `${JSON.stringify(name)}:`);
      }
    } else written.push(typeof next.value === 'string' ? JSON.stringify(next.value) : String(next.value));
  }
  return written.join('');
}

const isComposite = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
