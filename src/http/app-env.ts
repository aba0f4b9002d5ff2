// What travels with a request through the HTTP side.
import type { Context } from 'hono';
import type { Config } from '../config.ts';
import type { ErrorCode } from '../contract/errors.ts';
import type { OwnerIdentity } from '../contract/messages.ts';

export interface AppEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    config: Config;
    /** The text of a POST's body; null when it has none. */
    body: string | null;
    /** The JSON of that text, before any schema has looked at it. */
    sent: unknown;
    /** The editor, on the routes that need one: which workspace is theirs. */
    owner: string;
    /** And what owns it, in the words of the token. */
    ownerIdentity: OwnerIdentity;
    /** Who acts: the `sub` of the editor's token or session. */
    actorId: string;
    /** And what they are called, where the provider says so. */
    actorName: string | null;
    /** When the token or session ends that lets the editor in, in epoch milliseconds. */
    accessEndsAt: number;
    /** Whether that is a session: a browser must not keep what it is answered. */
    isBySession: boolean | undefined;
    /** The dispatch that the callback token proved, or that a run or retry was answered with. */
    dispatchId: string;
    /** Set when the job's own history says what was done, so that the log need not. */
    isInHistory: boolean | undefined;
    /** What the answer refuses with, for the log. */
    errorCode: ErrorCode | undefined;
    /** Why a token was refused, for the log alone. */
    refusedFor: string | undefined;
  };
}

/** How long a browser may keep what has an `ETag`: until it has asked whether it is still so, and with a session not at all. */
export const revalidated = (c: Context<AppEnv>): string =>
  c.get('isBySession') ? 'no-store' : 'private, no-cache';

/** RFC 6455 §4.1. */
export const asksForSocket = ({ req }: Context<AppEnv>): boolean =>
  req.method === 'GET' && req.header('upgrade')?.toLowerCase() === 'websocket';

/** By its method, which is safe (RFC 9110 §9.2.1). */
export const isRead = ({ req }: Context<AppEnv>): boolean => req.method === 'GET' || req.method === 'HEAD';
