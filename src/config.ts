// Vars and secrets, parsed once. A setting that is missing or wrong is named; its value never is.
import type { JWK } from 'jose';
import * as z from 'zod';
import type { MediaRules } from './contract/media.ts';
import type { Rules } from './domain/rules.ts';
import { isLoopback, secureUrl, settings } from './settings.ts';

const DAY_MS = 86_400_000;

/** The settings, with what several of them say together. */
const complete = settings.transform((vars, ctx) => {
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
  const result = complete.safeParse(present);
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
