// Creating again under the same id, which follows from the creator's own key: the same thing, or a refusal.
import type { Rejection } from './rejection.ts';

export interface Created {
  id: string;
  owner: string;
  /** Of the request that created it; null for one without a key, which nothing is a repeat of. */
  requestDigest: string | null;
}

/** Why `asked` is no repeat of what created `known`; null when it is one. */
export function refuseRepeat(known: Created, asked: Omit<Created, 'id'>): Rejection | null {
  if (known.owner !== asked.owner) return { code: 'RESOURCE_NOT_FOUND' };
  if (known.requestDigest === asked.requestDigest) return null;
  return { code: 'IDEMPOTENCY_KEY_MISMATCH', id: known.id };
}
