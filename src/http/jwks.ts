// The identity provider's key set: cached, kept through outages, and never fetched in a flood.
import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';

/** No key set could be had, so a token can be neither accepted nor refused. */
export class KeySetUnavailable extends Error {
  override name = 'KeySetUnavailable';
}

const FRESH_MS = 10 * 60_000;
/** An unknown key id asks again at most this often. */
const COOLDOWN_MS = 30_000;
/** After a failure nothing is fetched for this long. */
const PAUSE_AFTER_FAILURE_MS = 5_000;
/** How long old keys are trusted while the provider cannot be reached. */
const STALE_MS = 24 * 3_600_000;

/** A key lookup for `jwtVerify`. Throws `KeySetUnavailable` only when no usable keys are known. */
export function remoteKeySet(url: string): JWTVerifyGetKey {
  let failedAt = Number.NEGATIVE_INFINITY;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  const remote = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: FRESH_MS,
    cooldownDuration: COOLDOWN_MS,
    timeoutDuration: 3_000,
    [customFetch]: async (target: string, options: RequestInit) => {
      if (Date.now() - failedAt < PAUSE_AFTER_FAILURE_MS) throw new KeySetUnavailable();
      try {
        const response = await fetch(target, options);
        if (response.status !== 200) throw new KeySetUnavailable();
        fetchedAt = Date.now();
        return response;
      } catch (error) {
        failedAt = Date.now();
        throw error;
      }
    },
  });
  return async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
        throw error;
      }
      const known = remote.jwks();
      if (known && Date.now() - fetchedAt < STALE_MS) return createLocalJWKSet(known)(header, token);
      throw new KeySetUnavailable();
    }
  };
}
