// One JSON line per event. Redacting by construction: the fields that may be logged are named here,
// and none of them can hold a token, a URI, or text that an editor or orchestrator wrote.

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
  dispatch_id?: string;
  dispatch_state?: string;
  message_kind?: string;
  outcome?: string;
  attempts?: number;
  delay_ms?: number;
  /** Names of settings or body fields, never their values. */
  names?: readonly string[];
  /** Our own words. */
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

/** What may be said of an exception: its class and where it came from, since messages can quote input. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return [error.name, ...frames.slice(0, 8).map((line) => line.trim())].join(' | ');
}
