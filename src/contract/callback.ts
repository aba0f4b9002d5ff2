// What the orchestrator reports, and the command that it is to the domain.
import * as z from 'zod';
import { CLOCK_SKEW_MS } from '../domain/callback.ts';
import type { ArtifactUpdates, Callback } from '../domain/commands.ts';
import { FAILURE_CLASSES } from '../domain/failures.ts';
import { REPORTABLE_STATUSES } from '../domain/lifecycle.ts';
import { isEntryName, timestamp, token } from './fields.ts';
import { isMediaUri, type MediaScheme } from './media.ts';
import { payloadDigest } from './payload-digest.ts';
import { clamped, count, exactly, LeftOut, line, lines, moment, type Read, record } from './readings.ts';
import { jobStatus } from './statuses.ts';

const MAX_EXPORTS = 32;
const MAX_METRICS = 64;
const MAX_RETRY_AFTER_SECONDS = 7 * 86_400;

/** Of any form: what cannot be used is left out. */
const lenient = (description: string, example?: unknown) =>
  z
    .unknown()
    .optional()
    .meta({ description, ...(example === undefined ? {} : { example }) });

const reference = (what: string) =>
  lenient(
    `A media reference, as of a \`video_uri\`: ${what}. Anything else is left out.`,
    's3://media/talk.wav',
  );

const artifactUpdates = z.looseObject({
  audio_uri: reference('the audio'),
  transcript_uri: reference('the transcript'),
  draft_uri: reference('the draft'),
  exports: lenient(
    `An object: format → media reference. The first ${MAX_EXPORTS} are taken whose name is of 1 to 64 visible ASCII characters without quotes, backticks and angle brackets.`,
  ),
  metrics: lenient(
    `An object: name, as of an export, → number, boolean, or text, which is cut at 200 characters. The first ${MAX_METRICS} are taken.`,
  ),
  digest: lenient(
    'Of the artifact of the checkpoint that this report reaches, e.g. sha-256:…: 1 to 200 visible ASCII characters.',
  ),
  size_bytes: lenient('Of the same artifact: a whole number from 0.'),
});

/** What decides is as it has to be; what informs is of any form, and toCallbackCommand makes of it what it can. */
export const statusCallback = z
  .object({
    event_id: token(128).meta({
      description: 'Unique per report of a dispatch; a repeat bears the same id and payload.',
    }),
    status: z.enum(REPORTABLE_STATUSES),
    occurred_at: lenient(
      'RFC 3339, in any zone. Without one, or in place of what is no time, it is the time of receipt.',
      '2026-11-24T09:30:00.000Z',
    ),
    correlation_id: lenient(
      'Text of one line, cut at 128 characters, or a number; without one it is that of the request for the dispatch.',
      'exe-1',
    ),
    // Every other type is named: linters take an empty schema in a union for a mistake.
    artifact_updates: z
      .union([artifactUpdates, z.unknown().meta({ type: ['array', 'string', 'number', 'boolean', 'null'] })])
      .optional()
      .meta({ description: 'An object; anything else is left out, and so is every name that is not known.' }),
    failure_code: lenient(
      'Any text of one line, cut at 64 characters; without one a report of FAILED is `UNSPECIFIED`.',
      'ENGINE_CRASHED',
    ),
    failure_message: lenient(
      'Any text, cut at 2,000 characters, without terminal colours and control characters; each line break is a line feed.',
    ),
    failed_stage: lenient('Any text of one line, cut at 64 characters.', 'TRANSCRIBING'),
    failure_class: lenient(
      `What kind of failure it is: ${FAILURE_CLASSES.join(', ')}; without one the policy's table says it by the code, else it is \`unknown\`.`,
      'transient',
    ),
    retry_after_seconds: lenient(
      `How long a retry is better waited with: a number, below 0 it is 0, above ${MAX_RETRY_AFTER_SECONDS} (a week) it is that.`,
      120,
    ),
    progress_pct: lenient('A number; below 0 it is 0, above 100 it is 100.', 40),
    actor_type: lenient('Ignored: who reports is known by the token, so the actor is `orchestrator`.'),
  })
  .meta({
    id: 'StatusCallback',
    description:
      'A report is refused for what makes it unusable, and never for what it could be applied without: a field without a type here may hold anything, and what of it cannot be used is left out and named in `X-Retake-Ignored`.',
  });
export type StatusCallback = z.infer<typeof statusCallback>;

export const callbackReplayResponse = z
  .object({
    job_id: z.string(),
    event_id: z.string(),
    replayed: z.literal(true),
    current_status: jobStatus,
    latest_applied_occurred_at: timestamp.nullable(),
  })
  .meta({ id: 'CallbackReplayResponse' });

/** What a report comes with. */
export interface Received {
  dispatchId: string;
  /** What the body was parsed from. */
  sent: unknown;
  at: number;
  /** Of the media that a report may name. */
  mediaSchemes: readonly MediaScheme[];
}

/** The report as the domain's command, and the names of what was left out of it. */
export async function toCallbackCommand(
  body: StatusCallback,
  { dispatchId, sent, at, mediaSchemes }: Received,
): Promise<{ command: Callback; ignored: string[] }> {
  const left = new LeftOut();
  const updates = left.unless('artifact_updates', body.artifact_updates, record) ?? {};
  const { artifacts, kept } = artifactsOf(updates, mediaSchemes, left);
  const command: Callback = {
    type: 'callback',
    dispatchId,
    eventId: body.event_id,
    payloadDigest: await payloadDigest(sent),
    status: body.status,
    occurredAt: occurredAtOf(body.occurred_at, at, left),
    correlationId: left.unless('correlation_id', body.correlation_id, line(128)),
    actor: 'orchestrator',
    artifacts,
    artifactsJson: Object.keys(kept).length === 0 ? null : JSON.stringify(kept),
    progressPct: left.unless('progress_pct', body.progress_pct, clamped(0, 100)),
    failure:
      body.status === 'FAILED'
        ? {
            failureCode: left.unless('failure_code', body.failure_code, line(64)) ?? 'UNSPECIFIED',
            failureMessage: left.unless('failure_message', body.failure_message, lines(2000)),
            failedStage: left.unless('failed_stage', body.failed_stage, line(64)),
            failureClass: left.unless('failure_class', body.failure_class, exactly(z.enum(FAILURE_CLASSES))),
            retryAfterMs: left.unless('retry_after_seconds', body.retry_after_seconds, pause),
          }
        : null,
  };
  return { command, ignored: left.names };
}

/** Seconds, as milliseconds. */
const pause: Read<number> = (value) => {
  const seconds = clamped(0, MAX_RETRY_AFTER_SECONDS)(value);
  return seconds === null ? null : Math.round(seconds * 1000);
};

/** A report is never refused for its clock; one that cannot be believed is named. */
function occurredAtOf(sent: unknown, receivedAt: number, left: LeftOut): number {
  const said = moment(sent);
  if (said === null || said > receivedAt + CLOCK_SKEW_MS) left.add('occurred_at');
  return said ?? receivedAt;
}

/** What the updates bring, for the domain and, under the names that were sent, for the record. */
function artifactsOf(
  updates: Readonly<Record<string, unknown>>,
  schemes: readonly MediaScheme[],
  left: LeftOut,
): { artifacts: ArtifactUpdates; kept: Record<string, unknown> } {
  const take = <T>(name: keyof typeof artifactUpdates.shape, read: Read<T>): T | null =>
    left.unless(`artifact_updates.${name}`, updates[name], read);
  const uri: Read<string> = (value) =>
    typeof value === 'string' && isMediaUri(value, schemes) ? value : null;
  const entries = <T>(name: 'exports' | 'metrics', max: number, read: Read<T>): Record<string, T> => {
    const taken: [string, T][] = [];
    for (const [key, value] of Object.entries(take(name, record) ?? {})) {
      const item = taken.length < max && isEntryName(key) ? read(value) : null;
      if (item === null) left.add(`artifact_updates.${name}`, key);
      else taken.push([key, item]);
    }
    return Object.fromEntries(taken);
  };

  const artifacts = {
    audioUri: take('audio_uri', uri),
    transcriptUri: take('transcript_uri', uri),
    draftUri: take('draft_uri', uri),
    exports: entries('exports', MAX_EXPORTS, uri),
    digest: take('digest', digest),
    sizeBytes: take('size_bytes', count),
  };
  const metrics = entries('metrics', MAX_METRICS, metric);
  for (const name of Object.keys(updates)) {
    if (!Object.hasOwn(artifactUpdates.shape, name)) left.add('artifact_updates', name);
  }
  const brought = Object.entries({
    audio_uri: artifacts.audioUri,
    transcript_uri: artifacts.transcriptUri,
    draft_uri: artifacts.draftUri,
    exports: someOf(artifacts.exports),
    metrics: someOf(metrics),
    digest: artifacts.digest,
    size_bytes: artifacts.sizeBytes,
  }).filter(([, value]) => value !== null);
  return {
    artifacts: { ...artifacts, hasMetrics: someOf(metrics) !== null },
    kept: Object.fromEntries(brought),
  };
}

// Made once: a schema costs as much to make as the rest of a report to read.
const digest = exactly(token(200));
const metric: Read<number | boolean | string> = (value) =>
  typeof value === 'boolean' || Number.isFinite(value) ? (value as number | boolean) : text(value);
const text: Read<string> = (value) => (typeof value === 'string' ? line(200)(value) : null);

const someOf = <T extends object>(entries: T): T | null => (Object.keys(entries).length > 0 ? entries : null);
