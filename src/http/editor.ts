// Who an editor is, by what their provider says of them: the same for a token and for somebody who signs in.
import type { EditorAuth } from '../config.ts';
import { canBeSeen } from '../contract/fields.ts';
import { sha256 } from '../contract/hashes.ts';
import type { OwnerIdentity } from '../contract/messages.ts';

export interface Editor {
  /** What owns: the value of a claim of an issuer. */
  identity: OwnerIdentity;
  /** The name of the workspace that is the editor's. */
  owner: string;
  /** Who acts, in the words of the issuer: its `sub`. */
  actorId: string;
  /** And what they are called; null where the issuer does not say. */
  actorName: string | null;
  /** What they are narrowed to; null for who may do everything of the owner's. */
  scopes: readonly string[] | null;
  /** When what let them in ends, in epoch milliseconds. */
  endsAt: number;
}

export type Claims = Readonly<Record<string, unknown>>;

const MAX_NAME_LENGTH = 100;
const MAX_VALUE_LENGTH = 255;
const NAMING_CLAIMS = ['name', 'preferred_username', 'email'];

/** Text that could own something, or act. */
export const isSubject = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= MAX_VALUE_LENGTH;

/**
 * The value of the claim that is set, or where it is absent the `sub`, which is looked at before. Null for a claim that is there
 * and could own nothing: whoever it stands for is somebody else than the `sub`.
 */
export function ownerIdentity(claims: Claims, sub: string, auth: EditorAuth): OwnerIdentity | null {
  const { issuer, ownerClaim } = auth;
  const value = claims[ownerClaim] ?? null;
  if (value === null) return { issuer, claim: 'sub', value: sub };
  return isSubject(value) ? { issuer, claim: ownerClaim, value } : null;
}

/**
 * The name of an owner's workspace: says nothing about the person, and cannot be chosen to collide, not even by somebody
 * whose value of one claim reads like another owner's value of another.
 */
export async function ownerKey({ issuer, claim, value }: OwnerIdentity): Promise<string> {
  return `own_${await sha256(JSON.stringify([issuer, claim, value]))}`;
}

/**
 * For people to read: one line, without what would turn what stands beside it around, cut where it is long. Of what cannot be used
 * nothing is said.
 */
export function actorNameOf(claims: Claims): string | null {
  for (const claim of NAMING_CLAIMS) {
    const value = claims[claim];
    if (typeof value !== 'string') continue;
    const line = value
      .toWellFormed()
      .replaceAll(/\p{Bidi_Control}/gu, '')
      .replaceAll(/[\p{Cc}\s]+/gu, ' ')
      .trim();
    const shown = cut(line);
    if (canBeSeen(shown)) return shown;
  }
  return null;
}

function cut(line: string): string {
  if (line.length <= MAX_NAME_LENGTH) return line;
  let kept = '';
  for (const character of line) {
    // Half a character is none.
    if (kept.length + character.length > MAX_NAME_LENGTH) break;
    kept += character;
  }
  return kept.trim();
}
