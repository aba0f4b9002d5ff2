// What the route definitions share: the refusals that any of them may answer, parameters, and bodies.
import * as z from 'zod';
import { cursorOf } from '../contract/fields.ts';
import type { IdPrefix } from '../contract/ids.ts';
import * as problems from '../contract/problems.ts';

/** A refusal as a response of a route. */
export const refusal = (schema: z.ZodType, description: string) => ({
  description,
  content: { 'application/problem+json': { schema } },
});

export const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

export const jsonBody = <T extends z.ZodType>(schema: T) => ({
  required: true as const,
  content: { 'application/json': { schema } },
});

export const optionalJsonBody = <T extends z.ZodType>(schema: T) => ({
  required: false as const,
  content: { 'application/json': { schema } },
});

/** By the media type of RFC 7396, or as any JSON. Without a body nothing is named, and nothing changes. */
export const mergePatchBody = <T extends z.ZodType>(schema: T) => ({
  required: false as const,
  content: { 'application/json': { schema }, 'application/merge-patch+json': { schema } },
});

export const etagHeader = {
  headers: { ETag: { schema: { type: 'string' as const }, description: 'RFC 9110 §8.8.3' } },
};

export const commonRefusals = {
  400: refusal(problems.validationError, 'Body, query, path or header does not fit'),
  401: refusal(problems.unauthenticatedError, 'No token or session, or a bad one'),
  405: {
    ...refusal(problems.methodNotAllowedError, 'This path has other methods'),
    headers: { Allow: { schema: { type: 'string' as const }, description: 'The methods that it has' } },
  },
  500: refusal(problems.internalError, 'A fault of this service'),
  503: refusal(problems.unavailableError, 'Try again after Retry-After seconds'),
};
export const editorRefusals = {
  ...commonRefusals,
  403: refusal(
    problems.editorForbiddenError,
    'The scope does not allow this, or a session’s request comes from elsewhere',
  ),
  429: refusal(
    problems.rateLimitedError,
    'More than an owner may ask for; try again after Retry-After seconds',
  ),
};
export const bodyRefusals = {
  413: refusal(problems.payloadTooLargeError, 'Bodies are capped at 64 KiB'),
  415: refusal(problems.unsupportedMediaTypeError, 'Bodies have to be application/json'),
};
export const notFound = { 404: refusal(problems.noLeakNotFoundError, 'Missing, or not yours') };

/** What a request about one job or project names. Any text is taken: an id that was not given out is simply not found. */
export const ofJob = { params: z.object({ jobId: idParam('job') }), ids: { jobId: 'job' } as const };
/** And of which of these stages, or it is not found either. */
export const ofStage = (stages: z.ZodEnum) => ({
  ...ofJob,
  params: ofJob.params.extend({ stage: z.string().meta({ enum: stages.options }) }),
});
export const ofOperation = {
  params: z.object({ operationId: idParam('opr') }),
  ids: { operationId: 'opr' } as const,
};
export const ofProject = {
  params: z.object({ projectId: idParam('prj') }),
  ids: { projectId: 'prj' } as const,
};

function idParam(prefix: IdPrefix) {
  return z.string().meta({ example: `${prefix}_${'0'.repeat(36)}` });
}

export const DEFAULT_LIMIT = 50;

/** `cursor` is decoded by `decode`; a cursor that this service did not give out is refused. */
export const pageQuery = <T>(decode: (cursor: string) => T | null, most = 100) =>
  z.strictObject({
    cursor: cursorOf(decode).optional(),
    limit: z
      .string()
      .regex(/^[1-9][0-9]{0,2}$/, `must be a whole number from 1 to ${most}`)
      .transform(Number)
      .refine((limit) => limit <= most, `must be a whole number from 1 to ${most}`)
      .optional()
      .meta({ type: 'integer', minimum: 1, maximum: most, default: Math.min(DEFAULT_LIMIT, most) }),
  });

export const editorSecurity = [{ editorToken: [] }, { session: [] }];
