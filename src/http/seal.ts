// What a browser keeps for this service and can neither read nor change: encrypted JWTs (RFC 7519, RFC 7516) under keys that
// only this deployment has. Keys rotate: the newest seals, all listed open.
import { EncryptJWT, errors, type JWTPayload, jwtDecrypt } from 'jose';
import type { Config } from '../config.ts';
import { mac, newestOf } from '../contract/hashes.ts';

const ENCRYPTION = { alg: 'dir', enc: 'A256GCM' };
/** Browsers keep no cookie that is longer (RFC 6265 §6.1). */
const MAX_LENGTH = 4_096;

/**
 * What a seal is made for, and by whom. It is part of the key: what was sealed for something else, by another deployment, or under
 * settings that said something else about who is who, cannot be opened.
 */
export interface Maker {
  keys: readonly string[];
  madeFor: string;
}

/** Null where nobody can sign in. */
export function makerOf(purpose: 'session' | 'login', config: Config): Maker | null {
  const { publicBaseUrl, auth, signIn } = config;
  if (signIn === null) return null;
  const { issuer, ownerClaim, requiresScope } = auth;
  const parts = [purpose, publicBaseUrl, issuer, signIn.clientId, ownerClaim, requiresScope];
  return { keys: signIn.sessionKeys, madeFor: JSON.stringify(parts) };
}

/** `endsAt` is in epoch milliseconds, and kept in whole seconds. */
export async function seal(content: JWTPayload, endsAt: number, { keys, madeFor }: Maker): Promise<string> {
  return new EncryptJWT(content)
    .setProtectedHeader(ENCRYPTION)
    .setIssuedAt()
    .setExpirationTime(Math.floor(endsAt / 1000))
    .encrypt(await keyOf(newestOf(keys), madeFor));
}

/** What was sealed: as it was, since nobody else can seal. Null for what cannot be opened, or has ended. */
export async function open<T extends object>(
  sealed: string,
  { keys, madeFor }: Maker,
): Promise<(T & { iat: number; exp: number }) | null> {
  if (sealed.length > MAX_LENGTH) return null;
  for (const key of keys) {
    try {
      const { payload } = await jwtDecrypt<T & { iat: number; exp: number }>(
        sealed,
        await keyOf(key, madeFor),
        {
          keyManagementAlgorithms: [ENCRYPTION.alg],
          contentEncryptionAlgorithms: [ENCRYPTION.enc],
          requiredClaims: ['iat', 'exp'],
        },
      );
      return payload;
    } catch (error) {
      if (error instanceof errors.JWEDecryptionFailed) continue;
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  }
  return null;
}

/** 256 bits. HMAC stands for the derivation that a key of 32 characters or more needs (RFC 5869 §2.3, with one block). */
const keyOf = (key: string, madeFor: string): Promise<Uint8Array> => mac(key, `retake seal v1\n${madeFor}`);
