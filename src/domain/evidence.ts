// What the store of artifacts says of them, and what that proves of a version. Gathered before a decision, which is pure;
// a version that the store says nothing of is taken as it was reported.
import type { ArtifactVersion } from './job.ts';

/** The store's word on one reference. */
export type Finding =
  /** SHA-256 in lower-case hex; null where the store was never told. */
  | { kind: 'found'; sizeBytes: number; sha256: string | null }
  | { kind: 'missing' }
  /** The store hung or failed. */
  | { kind: 'unavailable' }
  /** It is the store's, which was not asked: there was enough to ask. */
  | { kind: 'unchecked' };

/** By reference. Of what is not in the store there is no finding. */
export type Evidence = ReadonlyMap<string, Finding>;
export const NO_EVIDENCE: Evidence = new Map();

export const UNVERIFIED_REASONS = ['not_in_store', 'store_unavailable', 'not_checked'] as const;

/** Whether what a version says of itself holds. */
export type Proof =
  | { state: 'verified' }
  | { state: 'unverified'; reason: (typeof UNVERIFIED_REASONS)[number] }
  | { state: 'missing' }
  /** Another size, or another SHA-256 where both are known. */
  | { state: 'changed' };

/** What of a version the store can speak to. */
type Said = Pick<ArtifactVersion, 'ref' | 'sizeBytes' | 'digest'>;

export function proofOf({ ref, sizeBytes, digest }: Said, evidence: Evidence): Proof {
  const finding = evidence.get(ref);
  switch (finding?.kind) {
    case undefined:
      return { state: 'unverified', reason: 'not_in_store' };
    case 'unavailable':
      return { state: 'unverified', reason: 'store_unavailable' };
    case 'unchecked':
      return { state: 'unverified', reason: 'not_checked' };
    case 'missing':
      return { state: 'missing' };
    case 'found': {
      const said = digest === null ? null : sha256Of(digest);
      const differs =
        (sizeBytes !== null && finding.sizeBytes !== sizeBytes) ||
        (said !== null && finding.sha256 !== null && finding.sha256 !== said);
      return { state: differs ? 'changed' : 'verified' };
    }
    default:
      return finding satisfies never;
  }
}

/** Why the store has not got what a version says of itself; null where nothing speaks against it. */
export function disproof(said: Said, evidence: Evidence): 'missing' | 'changed' | null {
  const { state } = proofOf(said, evidence);
  return state === 'missing' || state === 'changed' ? state : null;
}

/**
 * The SHA-256 that a reported digest names, in lower-case hex: `sha-256:…` or `sha256:…` in hex or base64, `sha-256=:…:`
 * (RFC 9530 §2), or bare hex. Null for any other: it is kept, and compared with nothing.
 */
export function sha256Of(digest: string): string | null {
  const [, hex] = /^(?:sha-?256[:=])?([0-9a-f]{64})$/i.exec(digest) ?? [];
  if (hex !== undefined) return hex.toLowerCase();
  const [, base64] = /^sha-?256(?::|=:?)([A-Za-z0-9+/]{43}=):?$/i.exec(digest) ?? [];
  if (base64 === undefined) return null;
  return Array.from(atob(base64), (char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

/** Whether two reported digests say that they are of different contents: those of different algorithms say nothing of each other. */
export function isOtherContent(one: string, other: string): boolean {
  const [sha, otherSha] = [sha256Of(one), sha256Of(other)];
  if (sha !== null || otherSha !== null) return sha !== null && otherSha !== null && sha !== otherSha;
  return one !== other && algorithmOf(one) === algorithmOf(other);
}

/** Whether two reported digests are of one content for sure. */
export const isSameContent = (one: string | null, other: string | null): boolean => {
  const sha = one && sha256Of(one);
  return Boolean(sha) && sha === (other && sha256Of(other));
};

const algorithmOf = (digest: string): string => /^[^:=]*/.exec(digest)?.[0].toLowerCase() ?? '';
