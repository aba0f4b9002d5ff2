// One JSON line per event. Redacting by construction: the fields that may be logged are named here,
// and none of them can hold a token, media's URI, or text that an editor or orchestrator wrote,
// but for the id by which an editor wants an act to be known.

export interface LogFields {
  request_id?: string;
  method?: string;
  /** The route's pattern, never the path that was asked for. */
  route?: string;
  http_status?: number;
  duration_ms?: number;
  error_code?: string;
  job_id?: string;
  project_id?: string;
  operation_id?: string;
  operation_state?: string;
  dispatch_id?: string;
  /** An editor: the `sub` of their token. */
  actor_id?: string;
  /** By which the act of an editor is known: theirs to choose, of 128 visible characters at the most. */
  correlation_id?: string;
  dispatch_state?: string;
  message_kind?: string;
  outcome?: string;
  attempts?: number;
  delay_ms?: number;
  /** How many refusals of this kind there were since the last line. */
  count?: number;
  /** Names of settings or body fields, never their values. */
  names?: readonly string[];
  /** Our own words, a setting that was expected, or a code of a library. */
  reason?: string;
  /** An exception's class and stack frames, without its message. */
  error?: string;
}

type Level = 'info' | 'warn' | 'error';

export function log(level: Level, event: string, fields: LogFields = {}): void {
  const line = JSON.stringify({ level, event, at: new Date().toISOString(), ...fields });
  if (level === 'error') console.error(line);
  else if (level === 'warn') console.warn(line);
  else console.log(line);
}

/**
 * What may be said of an exception: its class, what names a fault and cannot quote input, and where it came from. A
 * message can quote input, so of it only SQLite's own codes pass, and the name of the one class of ours that crosses from
 * an object to its caller.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const codes = error.message.match(/\bSQLITE_[A-Z_]+|\bNewerSchema\b/g) ?? [];
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return [
    error.name,
    ...new Set(codes.filter((code) => code !== error.name)),
    ...PLATFORM_MARKS.filter((mark) => (error as Marked)[mark] === true),
    ...frames.slice(0, 8).map((line) => line.trim()),
  ].join(' | ');
}

/** How the platform marks an error: that it comes from another object, and whether a repeat may do better. */
const PLATFORM_MARKS = ['remote', 'retryable', 'overloaded', 'durableObjectReset'] as const;
type Marked = Error & { [Mark in (typeof PLATFORM_MARKS)[number]]?: unknown };
