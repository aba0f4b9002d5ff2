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

/** Who has an external id: the job that was admitted with it, whether or not it came to be. */
export interface Holder {
  jobId: string;
  /** When it was admitted, or created, which is the same for one that is listed. */
  at: number;
  isListed: boolean;
}

/** What the job of a holder says of itself: undefined where there is no such job. */
type HolderSays = { externalId: string | null | undefined };

/** For so long a job can be created after it was admitted. */
const ADMITTED_FOR_MS = 5 * 60_000;
/** After so long nobody creates it any more, by whatever clock. */
const RESERVED_FOR_MS = 10 * 60_000;

/** Whether it has been so long since this was admitted that its external id may have been given to another. */
export const isOverdue = (
  { externalId = null }: { externalId?: string | null },
  admittedAt: number,
  now: number,
): boolean => externalId !== null && now - admittedAt > ADMITTED_FOR_MS;

/** Why a job may not be admitted with this external id; null when it may. `says` is null where its holder was not asked. */
export function refuseExternalId(
  externalId: string,
  jobId: string,
  holder: Holder | null,
  says: HolderSays | null,
  now: number,
): Rejection | null {
  if (holder === null || holder.jobId === jobId) return null;
  const taken: Rejection = { code: 'EXTERNAL_ID_TAKEN', externalId, jobId: holder.jobId };
  if (holder.isListed || says === null) return taken;
  // It is on its way, or never will be.
  if (says.externalId === undefined) return now - holder.at > RESERVED_FOR_MS ? null : taken;
  // Under the same key another external id was faster.
  return says.externalId === externalId ? taken : null;
}
