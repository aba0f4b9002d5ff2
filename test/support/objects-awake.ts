// Which objects a local runtime holds in its memory, by the databases that it has open (proc(5)): an object's is open for as
// long as the object is awake, and bears its id as its name.
import { existsSync, readdirSync, readlinkSync } from 'node:fs';

/** Of the service: the local runtime has objects of its own beside them. */
const OBJECT = /Actor\/[0-9a-f]{64}\.sqlite$/;

/** Of a runtime with its state in this directory; null on a machine that does not tell. */
export function objectsAwake(directory: string): number | null {
  if (!existsSync('/proc/self/fd')) return null;
  const open = new Set<string>();
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    for (const target of openFilesOf(pid)) {
      if (target.startsWith(directory) && OBJECT.test(target)) open.add(target);
    }
  }
  return open.size;
}

/** Those of other users, and of who ends meanwhile, are not told. */
function openFilesOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    return [];
  }
}
