// The local identity provider as a process of its own, and the settings of a service that trusts it.
import { join } from 'node:path';
import { DEVELOPMENT_AUDIENCE } from '../../../src/config.ts';
import { Child } from '../child.ts';
import { CLIENT_ID } from './server.ts';

export interface IdentityProcess {
  issuer: string;
  /** For the service; the secrets are not among them. */
  vars: Record<string, string>;
  child: Child;
  stop(): Promise<void>;
}

export interface IdentityProcessOptions {
  /** Whose people sign in there. */
  serviceUrls: readonly string[];
  /** Default: any free one. */
  port?: number;
  /** Signs with this machine's development key. */
  isForDevelopment?: boolean;
  clientSecret?: string;
  /** Sample jobs are offered, whose pipelines this local orchestrator plays. */
  orchestratorUrl?: string;
  onLine?: (line: string) => void;
}

/** Resolves once the provider listens. */
export async function startIdentityProcess(options: IdentityProcessOptions): Promise<IdentityProcess> {
  const { serviceUrls, port = 0, isForDevelopment = false, clientSecret, orchestratorUrl, onLine } = options;
  const child = new Child(
    [
      join(import.meta.dirname, 'main.ts'),
      ...['--port', String(port)],
      ...serviceUrls.flatMap((url) => ['--service', url]),
      ...(isForDevelopment ? ['--development-key'] : []),
      ...(orchestratorUrl === undefined ? [] : ['--orchestrator', orchestratorUrl]),
    ],
    {
      onLine,
      // It warns of what is no more than local here.
      env: { NODE_NO_WARNINGS: '1', ...(clientSecret === undefined ? {} : { CLIENT_SECRET: clientSecret }) },
    },
  );
  const line = await child.line(/provider is at http:\/\/\S+/);
  const [issuer = ''] = /http:\/\/\S+/.exec(line) ?? [];
  return {
    issuer,
    vars: {
      AUTH_ISSUER: issuer,
      AUTH_JWKS_URL: `${issuer}/jwks`,
      AUTH_AUDIENCE: DEVELOPMENT_AUDIENCE,
      CONSOLE_CLIENT_ID: CLIENT_ID,
    },
    child,
    stop: () => child.stop(),
  };
}
