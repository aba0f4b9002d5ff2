// Editors' tokens for this machine, signed with its development key.
import { importJWK, type JWTPayload, SignJWT } from 'jose';
import { DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER } from '../../src/config.ts';
import { devSigningKey } from './dev-settings.ts';

export interface TokenOptions {
  sub: string;
  /** Space-separated; without it the token may do everything in its owner's workspace. */
  scope?: string | undefined;
  ttlSeconds?: number;
  /** Default: the local provider's, where it is by default. */
  issuer?: string;
  claims?: JWTPayload;
}

export async function editorToken({
  sub,
  scope,
  ttlSeconds = 12 * 3600,
  issuer = DEVELOPMENT_ISSUER,
  claims: others = {},
}: TokenOptions): Promise<string> {
  const key = await importJWK(devSigningKey(), 'ES256');
  const claims: JWTPayload = scope === undefined ? others : { ...others, scope };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
    .setSubject(sub)
    .setIssuer(issuer)
    .setAudience(DEVELOPMENT_AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(`${ttlSeconds}s`)
    .sign(key);
}
