// Editors' tokens for this machine, signed with the development key of .dev.vars.
import { importJWK, type JWTPayload, SignJWT } from 'jose';
import { DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER } from '../../src/config.ts';
import { devSetting } from './dev-settings.ts';

export interface TokenOptions {
  sub: string;
  /** Space-separated; without it the token may do everything in its owner's workspace. */
  scope?: string | undefined;
  ttlSeconds?: number;
}

export async function editorToken({ sub, scope, ttlSeconds = 12 * 3600 }: TokenOptions): Promise<string> {
  const key = await importJWK(JSON.parse(devSetting('DEV_AUTH_PRIVATE_JWK')), 'ES256');
  const claims: JWTPayload = scope === undefined ? {} : { scope };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
    .setSubject(sub)
    .setIssuer(DEVELOPMENT_ISSUER)
    .setAudience(DEVELOPMENT_AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(`${ttlSeconds}s`)
    .sign(key);
}
