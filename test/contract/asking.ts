// The service before an identity provider, as far as it goes without an object behind it.
import { createApp } from '../../src/http/app.ts';
import type { Provider } from '../support/provider.ts';

/** Settings of a service that trusts this provider. */
export const trusting = (
  { issuer, jwksUrl }: Pick<Provider, 'issuer' | 'jwksUrl'>,
  settings: Record<string, unknown> = {},
) => ({
  PUBLIC_BASE_URL: 'http://127.0.0.1:8787',
  ORCHESTRATOR_URL: 'http://127.0.0.1:8788/',
  AUTH_JWKS_URL: jwksUrl,
  AUTH_ISSUER: issuer,
  AUTH_AUDIENCE: 'retake',
  CALLBACK_TOKEN_KEYS: 'callback-key-of-the-tests-0123456789',
  ID_KEYS: 'id-key-of-the-tests-012345678901234567',
  DISPATCH_SIGNING_SECRET: `whsec_${'A'.repeat(32)}`,
  MODEL_POLICY: {
    version: '1',
    default_profile: 'balanced',
    profiles: [{ id: 'balanced', title: 'Balanced', enabled: true, resume_from: ['UPLOADED'] }],
  },
  ...settings,
});

export interface Answer {
  status: number;
  code: string;
  text: string;
}

/** A 404 comes after authentication, so it says that the token was let in: no object is needed for it. */
export const LET_IN = { status: 404, code: 'RESOURCE_NOT_FOUND' };

/** Asks the service, by default to read, for a path that does not exist. */
export async function ask(env: object, token: string, method = 'GET'): Promise<Answer> {
  const request = new Request('http://127.0.0.1:8787/projects/and/nothing/there', {
    method,
    headers: { authorization: `Bearer ${token}` },
  });
  const response = await createApp().fetch(request, env as Env);
  const text = await response.text();
  return { status: response.status, code: JSON.parse(text).error_code, text };
}
