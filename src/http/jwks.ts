// The identity provider's key set: cached, kept through outages, and never fetched in a flood. Of what a provider sends
// only what can verify something is kept, so that no key of its set makes a fault of this service.
import { createLocalJWKSet, type JWK, type JWTVerifyGetKey, errors as jose } from 'jose';
import { log } from '../log.ts';
import { within } from '../time-limit.ts';

/** No key set could be had, so a token can be neither accepted nor refused. Its message is of our own words. */
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
const TIMEOUT_MS = 3_000;
/** Shorter RSA keys are broken (RFC 7518 §3.3). */
const MIN_RSA_BITS = 2_048;

interface Known {
  find: JWTVerifyGetKey;
  fetchedAt: number;
}

interface Asking {
  done: Promise<void>;
  since: number;
}

/**
 * A key lookup for `jwtVerify`. Throws `KeySetUnavailable` when no usable keys are known, or when whether the provider
 * has the key that is asked for cannot be known; and `JWKSMultipleMatchingKeys` when several fit.
 */
export function remoteKeySet(
  url: string,
  algorithms: readonly string[],
  timeoutMs = TIMEOUT_MS,
): JWTVerifyGetKey {
  let known: Known | null = null;
  let failure: { at: number; reason: string } | null = null;
  let asking: Asking | null = null;

  async function ask(): Promise<void> {
    try {
      known = { find: await fetchKeys(url, algorithms, timeoutMs), fetchedAt: Date.now() };
      failure = null;
    } catch (error) {
      const reason = error instanceof KeySetUnavailable ? error.message : 'it could not be reached';
      failure = { at: Date.now(), reason };
      log('error', 'key_set_unavailable', { reason });
    }
    asking = null;
  }

  /** Requests that come meanwhile wait for the same answer, but not for ever: who asked for it may be gone. */
  async function refresh(): Promise<void> {
    if (failure !== null && age(failure.at) < PAUSE_AFTER_FAILURE_MS) return;
    if (asking === null || age(asking.since) > 2 * timeoutMs) asking = { done: ask(), since: Date.now() };
    await within(2 * timeoutMs, asking.done).catch(() => {});
  }

  const unavailable = () => new KeySetUnavailable(failure?.reason ?? 'nobody has an answer yet');

  function trusted(): Known {
    if (known === null || age(known.fetchedAt) >= STALE_MS) throw unavailable();
    return known;
  }

  return async (header, token) => {
    if (known === null || age(known.fetchedAt) >= FRESH_MS) await refresh();
    const { find, fetchedAt } = trusted();
    try {
      return await find(header, token);
    } catch (error) {
      if (!(error instanceof jose.JWKSNoMatchingKey) || age(fetchedAt) < COOLDOWN_MS) throw error;
      await refresh();
      if (failure !== null) throw unavailable();
      return trusted().find(header, token);
    }
  };
}

/** A clock that was set back makes nothing fresh for longer than it would have been. */
const age = (at: number): number => Math.abs(Date.now() - at);

async function fetchKeys(
  url: string,
  algorithms: readonly string[],
  timeoutMs: number,
): Promise<JWTVerifyGetKey> {
  const response = await fetch(url, {
    headers: { accept: 'application/json, application/jwk-set+json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200) throw new KeySetUnavailable(`it answered ${response.status}`);
  const text = await response.text();
  const usable: JWK[] = [];
  for (const key of keysIn(text)) if (await verifies(key, algorithms)) usable.push(key);
  if (usable.length === 0) throw new KeySetUnavailable('it answered without a key that can be used');
  return createLocalJWKSet({ keys: usable });
}

function keysIn(text: string): JWK[] {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    set = null;
  }
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : null;
  if (!Array.isArray(keys)) throw new KeySetUnavailable('it answered with something that is no key set');
  return keys.filter((key) => typeof key === 'object' && key !== null);
}

/** Whether any token could be verified with the key: it fits an algorithm that is allowed, and the runtime takes it. */
async function verifies(jwk: JWK, algorithms: readonly string[]): Promise<boolean> {
  for (const alg of algorithms) {
    try {
      const key = await createLocalJWKSet({ keys: [jwk] })({ alg }, { payload: '', signature: '' });
      const { modulusLength = MIN_RSA_BITS } = key.algorithm as { modulusLength?: number };
      if (modulusLength >= MIN_RSA_BITS) return true;
    } catch {
      // Neither how it is broken nor what the library thinks of it matters: it is as good as absent.
    }
  }
  return false;
}
