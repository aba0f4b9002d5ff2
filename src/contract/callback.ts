// What the orchestrator reports, and the command that it is to the domain.
import * as z from 'zod';
import type { ArtifactUpdates, Callback } from '../domain/commands.ts';
import { REPORTABLE_STATUSES } from '../domain/lifecycle.ts';
import { mediaUri, text, timestamp, token } from './fields.ts';
import { payloadDigest } from './payload-digest.ts';
import { jobStatus } from './resources.ts';

/** A report older or newer than this comes from a broken clock, not from a pipeline of ours. */
const OLDEST_MS = 31 * 86_400_000;
const CLOCK_SKEW_MS = 5 * 60_000;

const occurredAt = z.iso
  .datetime({ offset: true })
  .refine((value) => {
    const age = Date.now() - Date.parse(value);
    return age <= OLDEST_MS && age >= -CLOCK_SKEW_MS;
  }, 'must lie within the last 31 days and at most 5 minutes ahead')
  .meta({ description: 'RFC 3339; UTC or with an offset.', example: '2026-11-24T09:30:00.000Z' });

const artifactUpdates = z.looseObject({
  audio_uri: mediaUri.nullish(),
  transcript_uri: mediaUri.nullish(),
  draft_uri: mediaUri.nullish(),
  exports: z
    .record(token(64), mediaUri)
    .refine((exports) => Object.keys(exports).length <= 32, 'holds more than 32 exports')
    .nullish(),
  metrics: z
    .record(token(64), z.union([z.number(), z.boolean(), text(200)]))
    .refine((metrics) => Object.keys(metrics).length <= 64, 'holds more than 64 metrics')
    .nullish(),
  digest: token(200)
    .nullish()
    .meta({ description: 'Of the artifact of the checkpoint that this callback reaches, e.g. sha-256:….' }),
  size_bytes: z.int().min(0).nullish(),
});

export const statusCallback = z
  .object({
    event_id: token(128).meta({ description: 'Unique per report; a repeat bears the same id and payload.' }),
    status: z.enum(REPORTABLE_STATUSES),
    occurred_at: occurredAt,
    correlation_id: token(128),
    artifact_updates: artifactUpdates.nullish(),
    failure_code: token(64).nullish().meta({ description: 'Required when status is FAILED.' }),
    failure_message: z.string().max(2000).refine(isPrintable, 'must not hold control characters').nullish(),
    failed_stage: token(64).nullish(),
    progress_pct: z.number().min(0).max(100).nullish(),
    actor_type: z.enum(['orchestrator', 'system']).default('orchestrator'),
  })
  .refine(({ status, failure_code }) => status !== 'FAILED' || typeof failure_code === 'string', {
    path: ['failure_code'],
    message: 'is required when status is FAILED',
  })
  .meta({ id: 'StatusCallback' });
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

const KNOWN_ARTIFACTS = new Set(Object.keys(artifactUpdates.shape));

/** The artifact keys that are ignored; to be named in the log, unless they are no names at all. */
export const unknownArtifacts = (body: StatusCallback): string[] =>
  Object.keys(body.artifact_updates ?? {})
    .filter((key) => !KNOWN_ARTIFACTS.has(key))
    .map((key) => (/^[a-z][a-z0-9_]{0,39}$/i.test(key) ? key : '(not a name)'));

/** The callback as the domain's command. `sent` is what the body was parsed from. */
export async function toCallbackCommand(
  body: StatusCallback,
  sent: unknown,
  dispatchId: string,
): Promise<Callback> {
  const { artifact_updates: updates } = body;
  const artifacts: ArtifactUpdates = {
    audioUri: updates?.audio_uri ?? null,
    transcriptUri: updates?.transcript_uri ?? null,
    draftUri: updates?.draft_uri ?? null,
    exports: updates?.exports ?? {},
    digest: updates?.digest ?? null,
    sizeBytes: updates?.size_bytes ?? null,
    hasMetrics: Object.keys(updates?.metrics ?? {}).length > 0,
  };
  const known = Object.entries(updates ?? {}).filter(
    ([key, value]) => KNOWN_ARTIFACTS.has(key) && value !== null && value !== undefined,
  );
  return {
    type: 'callback',
    dispatchId,
    eventId: body.event_id,
    payloadDigest: await payloadDigest(sent),
    status: body.status,
    occurredAt: Date.parse(body.occurred_at),
    correlationId: body.correlation_id,
    actor: body.actor_type,
    artifacts,
    artifactsJson: known.length === 0 ? null : JSON.stringify(Object.fromEntries(known)),
    progressPct: body.progress_pct ?? null,
    failure:
      body.status === 'FAILED'
        ? {
            failureCode: body.failure_code ?? '',
            failureMessage: body.failure_message ?? null,
            failedStage: body.failed_stage ?? null,
          }
        : null,
  };
}

/** Line breaks belong to a message; other control characters do not. */
function isPrintable(value: string): boolean {
  return value.isWellFormed() && !/[^\P{Cc}\n\t]/u.test(value);
}
