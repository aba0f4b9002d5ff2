// Vars and secrets, parsed once. A setting that is missing or wrong is named; its value never is.
import type { JWK } from 'jose';
import * as z from 'zod';
import { DEFAULT_MEDIA_SCHEMES, isMediaPrefix, MEDIA_SCHEMES, type MediaRules } from './contract/media.ts';
import { modelPolicy } from './contract/model-policy.ts';
import { autoRetry, limits } from './contract/retry-settings.ts';
import { isWebhookSecret } from './contract/webhook-signature.ts';
import type { Rules } from './domain/rules.ts';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);
const isLoopback = (url: string): boolean => LOOPBACK.has(new URL(url).hostname);

/** Text is taken for JSON; what is no text is taken as it is. */
const fromJson = z.unknown().transform((value, ctx): unknown => {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    ctx.addIssue('is not JSON');
    return z.NEVER;
  }
});

const seconds = (min: number, max: number) => z.coerce.number().min(min).max(max);
const list = z
  .string()
  .min(1)
  .transform((text) => text.split(',').map((item) => item.trim()))
  .refine((items) => items.every((item) => item !== ''), 'holds an empty item');

/** As wrangler.toml writes it, or as text. */
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);

const DAY_MS = 86_400_000;
const retention = z.strictObject({
  /** For how many days a job is kept that has ended; 0 for good. */
  terminal_days: z.coerce.number().int().min(0).max(36_500),
});

/** Newest first: the first signs, all verify. */
const keys = list.refine(
  (keys) => keys.every((key) => key.length >= 32),
  'holds a key of fewer than 32 characters',
);

/** What `fetch` leaves out without a word, or a URL parser mends, is refused: it was meant, and would not work. */
const httpUrl = z
  .string()
  .regex(/^\S*$/, { message: 'must not hold blanks', abort: true })
  .pipe(z.url({ protocol: /^https?$/, abort: true }))
  .refine((url) => !url.includes('#'), 'must not hold a fragment')
  .refine((url) => {
    const { username, password } = new URL(url);
    return username === '' && password === '';
  }, 'must not hold a user or password: they would not be sent');
/** Plain http is for a developer's machine alone. */
const secureUrl = httpUrl.refine(
  (url) => url.startsWith('https:') || isLoopback(url),
  'must be https unless it is on this machine',
);

/** As a browser names it: no path, no wildcard. */
const isOrigin = (text: string): boolean =>
  !text.includes('*') &&
  URL.parse(text)?.origin === text &&
  (text.startsWith('https:') || (text.startsWith('http:') && isLoopback(text)));

const settings = z
  .object({
    PUBLIC_BASE_URL: secureUrl
      .refine((url) => !url.includes('?'), 'must not hold a query: paths are appended to it')
      .transform((url) => url.replace(/\/+$/, '')),
    ORCHESTRATOR_URL: secureUrl,
    AUTH_JWKS_URL: secureUrl.optional(),
    AUTH_ISSUER: z.string().min(1).optional(),
    AUTH_AUDIENCE: z.string().min(1).optional(),
    AUTH_ALGORITHMS: list
      .default(['RS256', 'ES256', 'EdDSA', 'Ed25519'])
      .refine(
        (algorithms) =>
          algorithms.every((algorithm) => /^(RS|PS|ES)(256|384|512)$|^EdDSA$|^Ed25519$/.test(algorithm)),
        'may hold asymmetric signature algorithms only',
      ),
    AUTH_TOKEN_TYPE: z
      .string()
      .regex(/^[a-z0-9.+-]{1,100}$/i, 'must be a media type without its application/, such as at+jwt')
      .optional(),
    AUTH_REQUIRE_SCOPE: flag.default(false),
    AUTH_OWNER_CLAIM: z
      .string()
      .regex(/^[\w:./-]{1,200}$/, 'must be the name of a claim')
      .default('sub'),
    CONSOLE_CLIENT_ID: z.string().min(1).max(255).optional(),
    CONSOLE_CLIENT_SECRET: z.string().min(1).optional(),
    SESSION_KEYS: keys.optional(),
    /** The public half of the development key; written to .dev.vars, never deployed. */
    DEV_AUTH_PUBLIC_JWK: fromJson
      .pipe(z.looseObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string() }))
      .optional(),
    CORS_ORIGINS: list
      .refine((origins) => origins.every(isOrigin), 'holds something that is no https origin')
      .default([]),
    CALLBACK_TOKEN_KEYS: keys,
    /** None is ever taken away: see contract/ids.ts. */
    ID_KEYS: keys,
    JURISDICTION: z.enum(['eu', 'fedramp']).optional(),
    /** Standard Webhooks secrets, `whsec_` and base64; all sign, so that a receiver can rotate. */
    DISPATCH_SIGNING_SECRET: list.refine(
      (secrets) => secrets.every(isWebhookSecret),
      'holds something that is not whsec_ and at least 24 bytes of base64',
    ),
    // An attempt, and what is kept for the answer (http/prefer.ts), and some time on the queue.
    DISPATCH_WAIT_SECONDS: seconds(0, 30).default(15),
    // At most: what there is no place for comes back a hundred times in 1,050 s, before the queue gives up on it.
    DISPATCH_DEADLINE_SECONDS: seconds(1, 900).default(60),
    // At most: attempt and report have to fit into the 30 s that a consumer has after it took its messages off the queue.
    ORCHESTRATOR_TIMEOUT_SECONDS: seconds(0.1, 25).default(10),
    MAX_OPEN_DELIVERIES: z.coerce.number().int().min(1).max(1_000).default(60),
    ACK_TIMEOUT_SECONDS: seconds(1, 7 * 86_400).default(600),
    STAGE_TIMEOUT_SECONDS: seconds(1, 7 * 86_400).default(3600),
    LATE_REPORT_SECONDS: seconds(1, 366 * 86_400).default(7 * 86_400),
    /** A table of wrangler.toml, or JSON as text. */
    RETENTION: fromJson.pipe(retention).default({ terminal_days: 0 }),
    MEDIA_SCHEMES: list.pipe(z.array(z.enum(MEDIA_SCHEMES))).default([...DEFAULT_MEDIA_SCHEMES]),
    MEDIA_HOSTS: list
      .refine(
        (hosts) => hosts.every((host) => URL.parse(`https://${host}/`)?.hostname === host),
        'holds what is no host as a URL has it: in lower case, without a port',
      )
      .default([]),
    MEDIA_PREFIXES: list
      .refine(
        (prefixes) => prefixes.every(isMediaPrefix),
        'holds what is no media reference that ends in a slash, or a name in braces other than {owner} and {project}',
      )
      .default([]),
    /** The name of the bucket that is bound as `ARTIFACTS`, as references name it. */
    ARTIFACTS_BUCKET: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, 'must be the name of a bucket')
      .optional(),
    ARTIFACTS: z.unknown().optional(),
    /** A table of wrangler.toml, or JSON as text: a secret and .dev.vars know no tables. */
    MODEL_POLICY: fromJson.pipe(modelPolicy),
    /** Likewise, as is what follows. */
    AUTO_RETRY: fromJson.pipe(autoRetry).prefault({}),
    LIMITS: fromJson.pipe(limits).prefault({}),
  })
  .refine(({ ARTIFACTS, ARTIFACTS_BUCKET }) => ARTIFACTS === undefined || ARTIFACTS_BUCKET !== undefined, {
    path: ['ARTIFACTS_BUCKET'],
    message: 'is needed where a bucket is bound as ARTIFACTS',
  })
  .refine(({ ARTIFACTS, ARTIFACTS_BUCKET }) => ARTIFACTS !== undefined || ARTIFACTS_BUCKET === undefined, {
    path: ['ARTIFACTS_BUCKET'],
    message: 'names a bucket, but none is bound as ARTIFACTS',
  })
  .transform((vars, ctx) => {
    const refuse = (name: string, message: string) => {
      ctx.addIssue({ code: 'custom', path: [name], message });
      return z.NEVER;
    };
    const auth = editorAuth(vars);
    if (auth === null) return refuse('AUTH_JWKS_URL', 'no way to verify editors’ tokens');
    const { CONSOLE_CLIENT_ID: clientId, SESSION_KEYS: sessionKeys } = vars;
    if (clientId === undefined) return { vars, auth, signIn: null };
    if (!sessionKeys) return refuse('SESSION_KEYS', 'is needed where CONSOLE_CLIENT_ID is set');
    if (!secureUrl.safeParse(auth.issuer).success) {
      return refuse(
        'AUTH_ISSUER',
        'must be an https address where CONSOLE_CLIENT_ID is set: it is asked there',
      );
    }
    return {
      vars,
      auth,
      signIn: { clientId, clientSecret: vars.CONSOLE_CLIENT_SECRET ?? null, sessionKeys },
    };
  });

interface TokenRules {
  issuer: string;
  audience: string;
  algorithms: string[];
  /** The `typ` that a token's header has to bear (RFC 9068 §2.1); null for any. */
  tokenType: string | null;
  /** Whether a token that says nothing of scopes may do nothing, rather than everything. */
  requiresScope: boolean;
  /** The claim whose value owns; what does not bear it is owned by its `sub`. */
  ownerClaim: string;
}

/** How editors' tokens are verified. */
export type EditorAuth =
  | ({ kind: 'jwks'; jwksUrl: string } & TokenRules)
  | ({ kind: 'development'; publicJwk: JWK } & TokenRules);

/** Also where the local identity provider is (`npm run dev`), so that who signs in there owns what their development tokens do. */
export const DEVELOPMENT_ISSUER = 'http://localhost:8790';
export const DEVELOPMENT_AUDIENCE = 'retake';

/** Real settings win; the development key counts only on a machine that calls itself by a loopback name. */
function editorAuth(vars: {
  PUBLIC_BASE_URL: string;
  AUTH_JWKS_URL?: string | undefined;
  AUTH_ISSUER?: string | undefined;
  AUTH_AUDIENCE?: string | undefined;
  AUTH_ALGORITHMS: string[];
  AUTH_TOKEN_TYPE?: string | undefined;
  AUTH_REQUIRE_SCOPE: boolean;
  AUTH_OWNER_CLAIM: string;
  DEV_AUTH_PUBLIC_JWK?: JWK | undefined;
}): EditorAuth | null {
  const { AUTH_JWKS_URL: jwksUrl, AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience } = vars;
  const rules = {
    tokenType: vars.AUTH_TOKEN_TYPE ?? null,
    requiresScope: vars.AUTH_REQUIRE_SCOPE,
    ownerClaim: vars.AUTH_OWNER_CLAIM,
  };
  if (jwksUrl ?? issuer ?? audience) {
    if (!jwksUrl || !issuer || !audience) return null;
    return { kind: 'jwks', jwksUrl, issuer, audience, algorithms: vars.AUTH_ALGORITHMS, ...rules };
  }
  if (!vars.DEV_AUTH_PUBLIC_JWK || !isLoopback(vars.PUBLIC_BASE_URL)) return null;
  return {
    kind: 'development',
    publicJwk: vars.DEV_AUTH_PUBLIC_JWK,
    issuer: DEVELOPMENT_ISSUER,
    audience: DEVELOPMENT_AUDIENCE,
    algorithms: ['ES256'],
    ...rules,
  };
}

/** How people sign in to the console, at the issuer of editors' tokens. */
export interface SignIn {
  clientId: string;
  /** Null for a public client. */
  clientSecret: string | null;
  /** Newest first: the first seals, all open. */
  sessionKeys: string[];
}

export interface Config {
  publicBaseUrl: string;
  orchestratorUrl: string;
  orchestratorTimeoutMs: number;
  /** Of one isolate. */
  maxOpenDeliveries: number;
  dispatchWaitMs: number;
  auth: EditorAuth;
  /** Null where nobody can sign in. */
  signIn: SignIn | null;
  /** Whose pages may call the API. */
  corsOrigins: string[];
  /** Where objects may be kept; null for wherever Cloudflare likes. */
  jurisdiction: 'eu' | 'fedramp' | null;
  callbackTokenKeys: string[];
  idKeys: string[];
  dispatchSigningSecrets: string[];
  media: MediaRules;
  /** Where `r2://<name>/…` is looked for; null where no bucket is bound. */
  artifactsBucket: string | null;
  rules: Rules;
}

export type ConfigResult = { ok: true; config: Config } | { ok: false; problems: string[] };

const parsed = new WeakMap<object, ConfigResult>();

/** Parses the environment at its first use; later uses get the same answer. */
export function loadConfig(env: object): ConfigResult {
  const known = parsed.get(env);
  if (known) return known;
  const result = parse(env);
  parsed.set(env, result);
  return result;
}

/** For code that only runs where the configuration was found complete. */
export function requireConfig(env: object): Config {
  const result = loadConfig(env);
  if (!result.ok) throw new Error(`configuration: ${result.problems.join('; ')}`);
  return result.config;
}

function parse(env: object): ConfigResult {
  // wrangler.toml leaves what a deployment must fill in empty: empty is absent.
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const result = settings.safeParse(present);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    return { ok: false, problems };
  }
  const { vars, auth, signIn } = result.data;
  const ms = (value: number) => Math.round(value * 1000);
  return {
    ok: true,
    config: {
      publicBaseUrl: vars.PUBLIC_BASE_URL,
      orchestratorUrl: vars.ORCHESTRATOR_URL,
      orchestratorTimeoutMs: ms(vars.ORCHESTRATOR_TIMEOUT_SECONDS),
      maxOpenDeliveries: vars.MAX_OPEN_DELIVERIES,
      dispatchWaitMs: ms(vars.DISPATCH_WAIT_SECONDS),
      auth,
      signIn,
      corsOrigins: vars.CORS_ORIGINS,
      jurisdiction: vars.JURISDICTION ?? null,
      callbackTokenKeys: vars.CALLBACK_TOKEN_KEYS,
      idKeys: vars.ID_KEYS,
      dispatchSigningSecrets: vars.DISPATCH_SIGNING_SECRET,
      media: { schemes: vars.MEDIA_SCHEMES, hosts: vars.MEDIA_HOSTS, prefixes: vars.MEDIA_PREFIXES },
      artifactsBucket: vars.ARTIFACTS_BUCKET ?? null,
      rules: {
        policy: vars.MODEL_POLICY,
        dispatchDeadlineMs: ms(vars.DISPATCH_DEADLINE_SECONDS),
        ackTimeoutMs: ms(vars.ACK_TIMEOUT_SECONDS),
        stageTimeoutMs: ms(vars.STAGE_TIMEOUT_SECONDS),
        lateReportMs: ms(vars.LATE_REPORT_SECONDS),
        keepEndedMs: vars.RETENTION.terminal_days * DAY_MS || null,
        autoRetry: vars.AUTO_RETRY,
        retriesPerJob: vars.LIMITS.retries_per_job,
      },
    },
  };
}
