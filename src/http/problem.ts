// Errors as answers: what the table in contract/errors.ts says of a code, as problem details (RFC 9457).
import type { Context, TypedResponse } from 'hono';
import { type DetailsOf, detailsOf, ERRORS, type ErrorCode, problemType } from '../contract/errors.ts';
import type { Rejection } from '../domain/rejection.ts';
import type { AppEnv } from './app-env.ts';

/** A response that the route's own types leave to the table. */
export type Problem = Response & TypedResponse<never, never, 'json'>;

interface Extras {
  detail?: string;
  headers?: Readonly<Record<string, string>>;
}

export function problem<Code extends ErrorCode>(
  c: Context<AppEnv>,
  code: Code,
  details: DetailsOf<Code>,
  extras: Extras = {},
): Problem {
  const { status, title, retryable } = ERRORS[code];
  c.set('errorCode', code);
  // A 404 is the same byte for byte, whatever was asked for, and however far it came.
  const isNotFound = status === 404;
  if (isNotFound) c.header('preference-applied', undefined);
  const body = {
    type: problemType(code),
    title,
    status,
    ...(extras.detail === undefined ? {} : { detail: extras.detail }),
    ...(isNotFound ? {} : { instance: `urn:retake:request:${c.get('requestId')}` }),
    error_code: code,
    retryable,
    details,
  };
  const headers = { ...extras.headers, 'content-type': 'application/problem+json' };
  const response: Response = c.body(JSON.stringify(body), status, headers);
  return response as Problem;
}

/** The one thing in a request that does not fit. */
export const invalid = (c: Context<AppEnv>, path: string, message: string): Problem =>
  problem(c, 'VALIDATION_ERROR', { issues: [{ path, message }] });

/** What the domain refused, as HTTP. */
export const refuse = (c: Context<AppEnv>, rejection: Rejection): Problem =>
  problem(c, rejection.code, detailsOf(rejection));
