// Reads the settings of this machine, for the programs that have to agree with the service on it.
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { JWK } from 'jose';
import { DEV_SIGNING_KEY, DEV_VARS } from './dev-vars.ts';

/** A setting of .dev.vars. Throws with the remedy when it is missing. */
export function devSetting(name: string): string {
  const value = existsSync(DEV_VARS) ? parseEnv(readFileSync(DEV_VARS, 'utf8'))[name] : undefined;
  if (value === undefined || value === '') {
    throw new Error(`.dev.vars has no ${name}: delete the file and run "npm ci" to have it made anew`);
  }
  return value;
}

/** What signs editors' tokens here. */
export const devSigningKey = (): JWK => JSON.parse(readFileSync(DEV_SIGNING_KEY, 'utf8'));
