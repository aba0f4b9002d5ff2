// Who asks: editors by JWT (editor-token.ts) or by the session of who has signed in (session.ts), the orchestrator by the callback
// token of its dispatch.
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { errors } from 'jose';
import type { EditorAuth } from '../config.ts';
import { verifyCallbackToken } from '../contract/callback-token.ts';
import { describeError } from '../log.ts';
import { type AppEnv, asksForSocket, isRead } from './app-env.ts';
import type { Editor } from './editor.ts';
import { verifyEditorToken } from './editor-token.ts';
import { KeySetUnavailable } from './jwks.ts';
import { isFromOwnPage } from './own-page.ts';
import { type Problem, problem } from './problem.ts';
import { renew, sessionOf } from './session.ts';

/** Tokens longer than this are nobody's. */
const MAX_TOKEN_LENGTH = 8_192;

export const READ_SCOPE = 'retake:read';
export const WRITE_SCOPE = 'retake:write';

/** Lets an editor through and says whose workspace is asked for. Whoever sends a token is judged by that alone. */
export const authenticateEditor = createMiddleware<AppEnv>(async (c, next) => {
  const isByToken = /^bearer\b/i.test(c.req.header('authorization') ?? '');
  const editor = isByToken ? await editorOfToken(c) : await editorOfSession(c);
  if (editor instanceof Response) return editor;
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
  c.set('actorName', editor.actorName);
  c.set('accessEndsAt', editor.endsAt);
  return next();
});

async function editorOfToken(c: Context<AppEnv>): Promise<Editor | Problem> {
  const token = bearerToken(c);
  if (token === null) return unauthenticated(c, null);
  try {
    return await verifyEditorToken(token, c.get('config').auth);
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
}

async function editorOfSession(c: Context<AppEnv>): Promise<Editor | Problem> {
  const session = await sessionOf(c);
  if (session === null) return unauthenticated(c, null);
  if (!isFromOwnPage(c)) return problem(c, 'CROSS_SITE_REQUEST', {});
  c.set('isBySession', true);
  // A socket outlives its request, and ends with the session that it was opened with.
  if (isRead(c) && !asksForSocket(c)) await renew(c, session);
  return session;
}

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

/** Who is not narrowed to scopes may do everything in the owner's workspace. */
export const allows = ({ scopes }: Pick<Editor, 'scopes'>, required: string): boolean =>
  scopes === null || scopes.includes(required) || (required === READ_SCOPE && scopes.includes(WRITE_SCOPE));

/** RFC 6750 §2.1. */
function bearerToken(c: Context<AppEnv>): string | null {
  const [, token] = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(c.req.header('authorization') ?? '') ?? [];
  return token !== undefined && token.length <= MAX_TOKEN_LENGTH ? token : null;
}

/** RFC 6750 §3: without credentials the challenge names no error. */
export function unauthenticated(c: Context<AppEnv>, why: string | null): Problem {
  const challenge = why === null ? '' : ` error="invalid_token", error_description="${why}"`;
  const detail =
    why ?? 'An Authorization header with a Bearer token is needed, or a session that has not ended';
  return problem(c, 'UNAUTHENTICATED', {}, { detail, headers: { 'www-authenticate': `Bearer${challenge}` } });
}
