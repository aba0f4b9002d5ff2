// The vars and secrets, one by one: which there are, what each may be, and what stands for one that is not set.
import * as z from 'zod';
import { DEFAULT_MEDIA_SCHEMES, isMediaPrefix, MEDIA_SCHEMES } from './contract/media.ts';
import { modelPolicy } from './contract/model-policy.ts';
import { autoRetry, limits } from './contract/retry-settings.ts';
import { isWebhookSecret } from './contract/webhook-signature.ts';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);
export const isLoopback = (url: string): boolean => LOOPBACK.has(new URL(url).hostname);

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
export const secureUrl = httpUrl.refine(
  (url) => url.startsWith('https:') || isLoopback(url),
  'must be https unless it is on this machine',
);

/** As a browser names it: no path, no wildcard. */
const isOrigin = (text: string): boolean =>
  !text.includes('*') &&
  URL.parse(text)?.origin === text &&
  (text.startsWith('https:') || (text.startsWith('http:') && isLoopback(text)));

export const settings = z
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
  });
