// What an editor's token proves (a JWT: RFC 7519, RFC 9068): whose it is, and what it may be used for. A token that was
// verified a moment ago is remembered, since its signature and its owner's name cost more than the rest of a request.
import {
  createLocalJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import type { EditorAuth } from '../config.ts';
import { actorNameOf, type Editor, isSubject, ownerIdentity, ownerKey } from './editor.ts';
import { remoteKeySet } from './jwks.ts';
import { RecentlyUsed } from './recently-used.ts';

const CLOCK_TOLERANCE_SECONDS = 30;
/** A key that is taken out of the key set goes on being trusted for at most this much longer. */
const REMEMBERED_MS = 60_000;
const MOST_REMEMBERED = 1_000;

/**
 * What only other tokens hold (RFC 8725 §3.12): `nonce`, `at_hash` and `c_hash` are of an ID token, which says who signed
 * in and opens nothing; `events` is of a security event, such as a sign-out.
 */
const CLAIMS_OF_OTHER_TOKENS = ['nonce', 'at_hash', 'c_hash', 'events'];

interface Verified {
  /** It ends when the token has expired, tolerance included. */
  editor: Editor;
  verifiedAt: number;
}

/**
 * By the settings that a token was verified under, then by its whole text. Nothing can be learnt of the texts from how
 * long a look-up takes: hashes are compared first, under a seed that only this process knows, and a text is compared
 * with another only where they are equal. What would have to be guessed is a whole token, which is as good as having it.
 */
const remembered = new WeakMap<EditorAuth, RecentlyUsed<Verified>>();

/** Throws for a token that proves nothing, one of jose's errors where its library says why; and `KeySetUnavailable` when that cannot be told. */
export async function verifyEditorToken(token: string, auth: EditorAuth): Promise<Editor> {
  let tokens = remembered.get(auth);
  if (!tokens) {
    tokens = new RecentlyUsed(MOST_REMEMBERED);
    remembered.set(auth, tokens);
  }
  const known = tokens.get(token);
  if (known && holds(known, Date.now())) return known.editor;
  const verified = await verify(token, auth);
  tokens.set(token, verified);
  return verified.editor;
}

/** A clock that was set back may stand before the token's `nbf`, so nothing is remembered from the future. */
const holds = ({ verifiedAt, editor }: Verified, now: number): boolean =>
  now >= verifiedAt && now < verifiedAt + REMEMBERED_MS && now < editor.endsAt;

async function verify(token: string, auth: EditorAuth): Promise<Verified> {
  const verifiedAt = Date.now();
  const payload = await provenBy(token, auth);
  const { sub, exp } = payload;
  if (!isSubject(sub)) throw ownsNothing(payload, 'sub');
  for (const claim of CLAIMS_OF_OTHER_TOKENS) {
    if (claim in payload)
      throw new errors.JWTClaimValidationFailed('not an access token', payload, claim, 'foreign');
  }
  const identity = ownerIdentity(payload, sub, auth);
  if (identity === null) throw ownsNothing(payload, auth.ownerClaim);
  return {
    editor: {
      identity,
      owner: await ownerKey(identity),
      actorId: sub,
      actorName: actorNameOf(payload),
      scopes: scopesOf(payload) ?? (auth.requiresScope ? [] : null),
      endsAt: (exp + CLOCK_TOLERANCE_SECONDS) * 1000,
    },
    verifiedAt,
  };
}

const ownsNothing = (payload: JWTPayload, claim: string) =>
  new errors.JWTClaimValidationFailed('nothing that could own anything', payload, claim, 'invalid');

type Payload = JWTPayload & { exp: number };

/** Where several keys fit, since they bear no id or the same one, each of them is tried. */
async function provenBy(token: string, auth: EditorAuth): Promise<Payload> {
  const options: JWTVerifyOptions = {
    issuer: auth.issuer,
    audience: auth.audience,
    algorithms: auth.algorithms,
    requiredClaims: ['exp', 'sub', 'iss', 'aud'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    ...(auth.tokenType === null ? {} : { typ: auth.tokenType }),
  };
  let fitting: errors.JWKSMultipleMatchingKeys;
  try {
    return (await jwtVerify<{ exp: number }>(token, keysOf(auth), options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    fitting = error;
  }
  for await (const key of fitting) {
    try {
      return (await jwtVerify<{ exp: number }>(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

/**
 * `scope` as the standard has it (RFC 9068 §2.2.3), or where it is absent `scp`, text or list, as Entra and Okta put it.
 * What is of another form grants nothing. Null for a token that says nothing of scopes.
 */
function scopesOf({ scope, scp }: JWTPayload): readonly string[] | null {
  if (scope !== undefined) return typeof scope === 'string' ? scope.split(' ') : [];
  if (scp === undefined) return null;
  if (typeof scp === 'string') return scp.split(' ');
  return Array.isArray(scp) && scp.every((each) => typeof each === 'string') ? scp : [];
}

const keySets = new Map<string, JWTVerifyGetKey>();

function keysOf(auth: EditorAuth): JWTVerifyGetKey {
  const id = JSON.stringify(auth.kind === 'jwks' ? [auth.jwksUrl, auth.algorithms] : auth.publicJwk);
  const known = keySets.get(id);
  if (known) return known;
  const keys =
    auth.kind === 'jwks'
      ? remoteKeySet(auth.jwksUrl, auth.algorithms)
      : createLocalJWKSet({ keys: [{ ...auth.publicJwk, alg: 'ES256' }] });
  keySets.set(id, keys);
  return keys;
}
