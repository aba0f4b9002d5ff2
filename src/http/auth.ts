// Who asks: editors by JWT (editor-token.ts), the orchestrator by the callback token of its dispatch.
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { errors } from 'jose';
import type { EditorAuth } from '../config.ts';
import { verifyCallbackToken } from '../contract/callback-token.ts';
import { describeError } from '../log.ts';
import { type AppEnv, isRead } from './app-env.ts';
import { type Editor, verifyEditorToken } from './editor-token.ts';
import { KeySetUnavailable } from './jwks.ts';
import { type Problem, problem } from './problem.ts';

/** Tokens longer than this are nobody's. */
const MAX_TOKEN_LENGTH = 8_192;

const READ_SCOPE = 'retake:read';
const WRITE_SCOPE = 'retake:write';

/** Lets an editor through and says whose workspace is asked for. */
export const authenticateEditor = createMiddleware<AppEnv>(async (c, next) => {
  const token = bearerToken(c);
  if (token === null) return unauthenticated(c, null);
  let editor: Editor;
  try {
    editor = await verifyEditorToken(token, c.get('config').auth);
  } catch (error) {
    if (error instanceof KeySetUnavailable) {
      return problem(c, 'AUTHENTICATION_UNAVAILABLE', {}, { headers: { 'retry-after': '5' } });
    }
    c.set('refusedFor', refusedFor(error, c.get('config').auth));
    return unauthenticated(
      c,
      error instanceof errors.JWTExpired ? 'The token has expired' : 'The token is not valid',
    );
  }
  const required = isRead(c) ? READ_SCOPE : WRITE_SCOPE;
  if (!allows(editor, required)) {
    const challenge = `Bearer error="insufficient_scope", scope="${required}"`;
    return problem(
      c,
      'FORBIDDEN',
      { required_scope: required },
      { headers: { 'www-authenticate': challenge } },
    );
  }
  c.set('owner', editor.owner);
  c.set('ownerIdentity', editor.identity);
  c.set('actorId', editor.actorId);
  c.set('accessEndsAt', editor.accessEndsAt);
  return next();
});

/**
 * Why a token is refused, for the log alone: the claim and what was expected of it, by our settings, or the class of what
 * the library threw. What the token holds is somebody's text. Whatever is thrown here is a refusal, since nothing but the
 * token and the provider's keys, both of them foreign, is looked at.
 */
function refusedFor(error: unknown, { issuer, audience, tokenType }: EditorAuth): string {
  if (!(error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)) {
    return error instanceof errors.JOSEError ? error.code : describeError(error);
  }
  const { claim, reason } = error;
  const expected: Record<string, string | null> = { iss: issuer, aud: audience, typ: tokenType };
  const wanted = expected[claim] ?? null;
  return `claim ${claim}: ${reason}${wanted === null ? '' : `, expected ${wanted}`}`;
}

/** Lets a pipeline through that proves its dispatch of the job in the path; the job itself is not looked at. */
export const authenticateCallback = createMiddleware<AppEnv>(async (c, next) => {
  const token = bearerToken(c);
  if (token === null) return unauthenticated(c, null);
  const jobId = c.req.param('jobId') ?? '';
  const dispatchId = await verifyCallbackToken(token, jobId, c.get('config').callbackTokenKeys);
  if (dispatchId === null) return unauthenticated(c, 'The token is not valid');
  c.set('dispatchId', dispatchId);
  return next();
});

/** A token that says nothing of scopes may do everything in its owner's workspace. */
const allows = ({ scopes }: Editor, required: string): boolean =>
  scopes === null || scopes.includes(required) || (required === READ_SCOPE && scopes.includes(WRITE_SCOPE));

/** RFC 6750 §2.1. */
function bearerToken(c: Context<AppEnv>): string | null {
  const [, token] = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(c.req.header('authorization') ?? '') ?? [];
  return token !== undefined && token.length <= MAX_TOKEN_LENGTH ? token : null;
}

/** RFC 6750 §3: without credentials the challenge names no error. */
function unauthenticated(c: Context<AppEnv>, why: string | null): Problem {
  const challenge = why === null ? '' : ` error="invalid_token", error_description="${why}"`;
  const detail = why ?? 'An Authorization header with a Bearer token is needed';
  return problem(c, 'UNAUTHENTICATED', {}, { detail, headers: { 'www-authenticate': `Bearer${challenge}` } });
}
