// PostgreSQL with a transactional outbox: a server beside one Node process, which serves the plain protocol and is
// also the relay. Durability: PostgreSQL's defaults, `fsync` and `synchronous_commit` on; what is answered has been
// synced to disk (transactions that commit at once share an fsync).
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'pg';
import { freePort } from '../../../support/service.ts';
import { serve } from '../peers/front.ts';
import { post } from '../peers/orchestrator.ts';
import {
  findProgram,
  orchestratorUrl,
  PeerServer,
  scratchDirectory,
  stopOnSignal,
  unavailable,
  untilReady,
} from '../peers/process.ts';
import { PostgresJobs } from './jobs.ts';
import { Relay } from './relay.ts';

/** The pool's default, and the best of 10, 16 and 32 on a machine of two cores. */
const CONNECTIONS = 10;
const DEBIAN = '/usr/lib/postgresql';

const directories = existsSync(DEBIAN)
  ? readdirSync(DEBIAN)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(DEBIAN, version, 'bin'))
  : [];
const initdb = findProgram('initdb', directories);
const postgres = findProgram('postgres', directories);
if (initdb === null || postgres === null) unavailable('postgres (apt-get install postgresql)');
const orchestrator = orchestratorUrl();
const directory = scratchDirectory();
// PostgreSQL refuses to run as root.
const user = process.getuid?.() === 0 ? packageUser() : undefined;
if (user) chownSync(directory, user.uid, user.gid);

const data = join(directory, 'data');
const { status, stderr } = spawnSync(
  initdb,
  ['--pgdata', data, '--username', 'bench', '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C'],
  { encoding: 'utf8', ...user },
);
if (status !== 0) throw new Error(`initdb failed:\n${stderr}`);
const server = new PeerServer(
  postgres,
  [
    ...['-D', data, '-k', directory, '-c', 'listen_addresses='],
    // In the data directory rather than in /dev/shm, where a kill would leave it.
    ...['-c', 'dynamic_shared_memory_type=mmap'],
  ],
  // A fast shutdown: does not wait for clients.
  { user, stopSignal: 'SIGINT' },
);

const config = { host: directory, user: 'bench', database: 'postgres' };
const pool = new Pool({ ...config, max: CONNECTIONS, min: CONNECTIONS, pipeline: true });
// A connection that is lost while idle; if the server has ended, so does this process.
pool.on('error', () => {});
await untilReady(() => pool.query('SELECT'));
await pool.query(readFileSync(join(import.meta.dirname, 'schema.sql'), 'utf8'));

const relay = new Relay(config, (delivery) => post(orchestrator, delivery));
await relay.start();
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const front = await serve(new PostgresJobs(pool, url, (id) => relay.delivered(id)), port);
stopOnSignal(
  () => front.close().closeAllConnections(),
  () => relay.stop(),
  () => pool.end(),
  () => server.stop(),
);
console.log(url);

function packageUser(): { uid: number; gid: number } {
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  if (uid === undefined || gid === undefined) {
    unavailable('a user named postgres, as its package makes (apt-get install postgresql)');
  }
  return { uid: Number(uid), gid: Number(gid) };
}
