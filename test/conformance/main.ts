// npm run conformance: the command line of the conformance kit, and how its results are printed.
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { devSetting } from '../support/dev-settings.ts';
import { CHECKS } from './checks.ts';
import type { Finding } from './finding.ts';
import { type Result, runKit } from './kit.ts';
import { type KitOptions, type ListenAddress, OPTIONAL, type Optional } from './options.ts';

const HELP = `Plays Retake's side against an orchestrator and says what of the contract (spec/dispatch.md) it keeps.

Usage: npm run conformance -- --url http://host:port/path [options]

  --url URL                where the orchestrator takes dispatches: what ORCHESTRATOR_URL would be
  --secret whsec_…         the shared secret; others on this machine can read a command line, so better set
                           DISPATCH_SIGNING_SECRET. Without either, the development secret of this machine
  --video URI              a video that the orchestrator can read (default s3://media/talk.mp4)
  --failing-video URI      one that it can't (default https://media.invalid/missing.mp4)
  --model-profile ID       (default balanced)
  --without NAME,NAME      what the orchestrator does not do: redo, export. It has to refuse the message, then
  --formats NAME,NAME      what it can export a draft to (default srt,vtt)
  --params JSON            what it needs for that (default {})
  --timeout SECONDS        how long a pipeline may take from dispatch to rest (default 60)
  --heartbeat SECONDS      the longest silence of a pipeline at work; also how long the kit listens until it takes a
                           pipeline for stopped (default 10)
  --answer-within SECONDS  how long a dispatch may take to be answered (default 10, as Retake waits)
  --listen HOST:PORT       where the kit takes reports (default 127.0.0.1:0, any free port)
  --callback-base-url URL  how the orchestrator reaches that, if otherwise: http://host.docker.internal:9000
  --concurrency N          how many checks run side by side (default 4); each starts one to six pipelines
  --only NAME,NAME         these checks alone
  --help                   this text

Checks:
${CHECKS.map(({ name, guarantee }) => `  ${name.padEnd(27)} ${guarantee}`).join('\n')}

Exit status: 0 when every check passed, 1 when one failed or nothing at the URL takes dispatches, 2 when the kit could not run.`;

/** Runs the command and resolves to its exit status. */
export async function conformance(args: readonly string[], print: (line: string) => void): Promise<number> {
  try {
    const options = parse(args);
    if (options !== null) return await check(options, print);
    print(HELP);
    return 0;
  } catch (error) {
    print(`conformance: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
}

async function check(options: KitOptions, print: (line: string) => void): Promise<number> {
  const judgement = await runKit(options, (result) => print(toText(result)));
  if (judgement.kind === 'nothing-there') {
    print(
      `Nothing at ${options.url} takes dispatches, so that no check was run.\n${toRemedy(judgement.finding)}`,
    );
    return 1;
  }
  const { results, strays } = judgement;
  if (strays.length > 0) {
    print(`\nThe callback receiver was also asked for ${strays.join(', ')}: use callback_url as it comes.`);
  }
  const failed = results.filter(({ finding }) => finding !== null).length;
  print(`\n${results.length - failed} of ${results.length} checks passed.`);
  return failed === 0 ? 0 : 1;
}

function toText({ name, guarantee, finding, warnings }: Result): string {
  const verdict =
    finding === null ? `pass  ${name}: ${guarantee}` : `FAIL  ${name}: ${guarantee}\n${toRemedy(finding)}`;
  return [verdict, ...warnings.map((warning) => `warn  ${name}\n${toRemedy(warning)}`)].join('\n');
}

const toRemedy = ({ message, fix }: Finding): string => `        seen: ${message}\n        fix:  ${fix}`;

/** Null when help is asked for. Throws with what is wrong. */
function parse(args: readonly string[]): KitOptions | null {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      url: text,
      secret: text,
      video: { ...text, default: 's3://media/talk.mp4' },
      'failing-video': { ...text, default: 'https://media.invalid/missing.mp4' },
      'model-profile': { ...text, default: 'balanced' },
      without: text,
      formats: { ...text, default: 'srt,vtt' },
      params: { ...text, default: '{}' },
      timeout: { ...text, default: '60' },
      heartbeat: { ...text, default: '10' },
      'answer-within': { ...text, default: '10' },
      listen: { ...text, default: '127.0.0.1:0' },
      'callback-base-url': text,
      concurrency: { ...text, default: '4' },
      only: text,
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return null;
  if (values.url === undefined) throw new Error('--url is missing (see --help)');
  return {
    url: httpUrl('--url', values.url),
    secrets: secretsIn(
      values.secret ?? process.env.DISPATCH_SIGNING_SECRET ?? devSetting('DISPATCH_SIGNING_SECRET'),
    ),
    timeoutMs: milliseconds('--timeout', values.timeout),
    heartbeatMs: milliseconds('--heartbeat', values.heartbeat),
    answerWithinMs: milliseconds('--answer-within', values['answer-within']),
    videoUri: values.video,
    failingVideoUri: values['failing-video'],
    modelProfile: values['model-profile'],
    without: values.without?.split(',').map(optional) ?? [],
    formats: values.formats.split(','),
    params: object('--params', values.params),
    concurrency: wholeNumber('--concurrency', values.concurrency),
    only: values.only?.split(',').map(knownCheck) ?? [],
    listen: listenAddress(values.listen),
    callbackBaseUrl:
      values['callback-base-url'] === undefined
        ? null
        : httpUrl('--callback-base-url', values['callback-base-url']).replace(/\/+$/, ''),
  };
}

/** The message of a bad secret does not hold it. */
function secretsIn(list: string): string[] {
  const secrets = list.split(',').map((secret) => secret.trim());
  for (const secret of secrets) {
    try {
      new Webhook(secret);
    } catch {
      throw new Error('the secret is not whsec_ and base64');
    }
  }
  return secrets;
}

function httpUrl(option: string, text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text;
  throw new Error(`${option} must be an http or https URL, not "${text}"`);
}

function milliseconds(option: string, text: string): number {
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text) && Number(text) > 0) return Math.round(Number(text) * 1000);
  throw new Error(`${option} must be a number of seconds, not "${text}"`);
}

function wholeNumber(option: string, text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new Error(`${option} must be a whole number of at least 1, not "${text}"`);
}

function listenAddress(text: string): ListenAddress {
  const [, host, port] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined) throw new Error(`--listen must be HOST:PORT or PORT, not "${text}"`);
  return { host: host?.replace(/^\[|\]$/g, '') ?? '127.0.0.1', port: Number(port) };
}

function optional(name: string): Optional {
  const known = OPTIONAL.find((candidate) => candidate === name);
  if (known) return known;
  throw new Error(`--without takes ${OPTIONAL.join(' and ')}, not "${name}"`);
}

function object(option: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {}
  throw new Error(`${option} must be a JSON object, not "${text}"`);
}

function knownCheck(name: string): string {
  if (CHECKS.some((check) => check.name === name)) return name;
  throw new Error(`there is no check "${name}" (see --help)`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await conformance(process.argv.slice(2), (line) => console.log(line));
}
