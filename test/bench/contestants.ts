// Who takes part: what each promises, and how it is started. Every one is a process group of its own, which is paused
// while another one is measured.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../support/child.ts';
import { bundle } from '../support/runtime/bundle.ts';
import { restateProtocol } from './contestants/restate/protocol.ts';
import { retakeProtocol } from './contestants/retake/protocol.ts';
import { type Protocol, plainProtocol } from './protocol.ts';

export const NAMES = [
  'hello',
  'naive',
  'durable',
  'retake',
  'restate',
  'workflows',
  'redis',
  'postgres',
] as const;
export type Name = (typeof NAMES)[number];

export interface Contestant {
  name: Name;
  title: string;
  /** What is durable when the caller is answered. */
  durability: string;
  /** What one gets and gives up against an actor per job. */
  tradeOff: string;
  start(orchestratorUrl: string, mode?: Mode): Promise<Running | Unavailable>;
}

/**
 * Whether objects on workerd stay awake for good, or are put to sleep after ten idle seconds; `stores` is awake, with an artifact
 * in the bucket. Others know neither.
 */
export type Mode = 'awake' | 'sleeps' | 'stores';

export interface Running {
  child: Child;
  url: string;
  protocol: Protocol;
}
export interface Unavailable {
  unavailable: string;
}

const READY = /^(https?:\/\/\S+|unavailable: .*)$/;

/** Starts a program that prints where it answers, or why it cannot run here. */
async function start(program: string[], protocol: Protocol, url: string): Promise<Running | Unavailable> {
  const child = new Child([...program, '--orchestrator', `${url}/dispatches`]);
  const line = await child.line(READY);
  if (line.startsWith('unavailable: ')) return { unavailable: line.slice('unavailable: '.length) };
  return { child, url: line, protocol };
}

const at = (...path: string[]) => join(import.meta.dirname, 'contestants', ...path);

const bundles = new Map<string, string>();

/** Where this configuration's bundle is: made once, since wrangler takes longer for it than the runtime to start. */
function bundleOf(configPath: string): string {
  const known = bundles.get(configPath);
  if (known !== undefined) return known;
  const path = join(mkdtempSync(join(tmpdir(), 'retake-bundle-')), 'index.js');
  writeFileSync(path, bundle(configPath));
  bundles.set(configPath, path);
  return path;
}

const FLAGS: Readonly<Record<Mode, string[]>> = { awake: [], sleeps: ['--evicts'], stores: ['--stores'] };

const onWorkerd =
  (
    configPath: string,
    protocol: () => Protocol | Promise<Protocol>,
    bundled: () => string = () => bundleOf(configPath),
  ) =>
  async (url: string, mode: Mode = 'awake') => {
    const program = [at('workerd.ts'), '--config', configPath, '--bundle', bundled()];
    return start([...program, ...FLAGS[mode]], await protocol(), url);
  };

const onItsOwn = (name: Name, protocol: Protocol) => (url: string) =>
  start([at(name, 'main.ts')], protocol, url);

const RETAKE = at('../../../wrangler.toml');

/** Starts Retake with other code than its own: the bundle at this path. */
export const startRetakeWith = (bundlePath: string): Contestant['start'] =>
  onWorkerd(RETAKE, retakeProtocol, () => bundlePath);

const CONTESTANTS: Record<Name, Omit<Contestant, 'name'>> = {
  hello: {
    title: 'Floor A: Hono hello-world',
    durability: 'nothing is stored',
    tradeOff: 'what a request costs on this runtime before anything is done for it',
    start: onWorkerd(at('hello/wrangler.toml'), () => plainProtocol),
  },
  naive: {
    title: 'Floor B: naive Durable Object',
    durability: 'committed before the answer leaves (output gate), and on the queue',
    tradeOff: 'no tokens, idempotency, fencing, order, audit, list, timers',
    start: onWorkerd(at('naive/wrangler.toml'), () => ({
      ...plainProtocol,
      repeatsAreNew: true,
      waits: false,
    })),
  },
  durable: {
    title: 'Floor C: the same, with most of the writes that promises need',
    durability: 'committed before the answer leaves (output gate)',
    tradeOff:
      'no tokens, signatures, rules, checks of input, repeats, order, history of dispatches; nothing acts on its alarms',
    start: onWorkerd(at('durable/wrangler.toml'), () => ({
      ...plainProtocol,
      repeatsAreNew: true,
      waits: false,
    })),
  },
  retake: {
    title: 'Retake',
    durability: 'committed before the answer leaves (output gate)',
    tradeOff: '',
    start: onWorkerd(RETAKE, retakeProtocol),
  },
  restate: {
    title: 'Restate 1.7.12',
    durability: 'its replicated log, one replica: the WAL is synced with every batch',
    tradeOff:
      'the closest model: one object per job, durable timers and calls; a server to run, every call passes its log; no tokens, list, watchdogs',
    start: onItsOwn('restate', restateProtocol),
  },
  workflows: {
    title: 'Cloudflare Workflows',
    durability: 'as Retake’s (Durable Object), and once per step',
    tradeOff:
      'a Durable Object per job, one Workflow instance per dispatch, waited for until it is stored (else the local runtime resets connections); 100 new instances a second at the most; no tokens, list, watchdogs',
    start: onWorkerd(at('workflows/wrangler.toml'), () => plainProtocol),
  },
  redis: {
    title: 'Redis 7 and BullMQ 6',
    durability: 'append-only file, synced before every answer (appendfsync always)',
    tradeOff: 'one store in the memory of one machine, no isolation per job; no tokens, list, watchdogs',
    start: onItsOwn('redis', plainProtocol),
  },
  postgres: {
    title: 'PostgreSQL 15 with an outbox',
    durability: 'WAL, synced before every answer (defaults)',
    tradeOff:
      'one database on one machine, a connection held per command; constraints and queries over all jobs; no tokens, watchdogs',
    start: onItsOwn('postgres', plainProtocol),
  },
};

export const contestant = (name: Name): Contestant => ({ name, ...CONTESTANTS[name] });
