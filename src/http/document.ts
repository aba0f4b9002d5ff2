// The OpenAPI document, generated from the routes themselves. spec/openapi.yaml is its committed copy.
import { OpenAPIRegistry, OpenApiGeneratorV31 } from '@asteasolutions/zod-to-openapi';
import type { RouteDefinition } from './route.ts';

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

export function openapiDocument(definitions: readonly RouteDefinition[]): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  for (const definition of definitions) registry.registerPath(definition);
  registry.registerComponent('securitySchemes', 'editorToken', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description:
      'An editor’s token. Its `sub` (with `iss`), or the claim that is set in its place, owns what it creates.',
  });
  registry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-retake',
    description:
      'The session of who has signed in, for pages of this service. What is no read has to say `Sec-Fetch-Site: same-origin`, as browsers do.',
  });
  registry.registerComponent('securitySchemes', 'callbackToken', {
    type: 'http',
    scheme: 'bearer',
    description: 'The callback token that came with the dispatch.',
  });
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Retake',
      version: '1.0.0',
      description:
        'Control plane for media jobs: run, retry from a checkpoint, cancel, and the pipeline’s reports.',
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'Projects', description: 'An editor’s projects and the jobs in them' },
      { name: 'Jobs', description: 'The life of one job' },
      { name: 'Operations', description: 'Many jobs at once' },
      { name: 'Session', description: 'Signing in, for pages of this service' },
      { name: 'Events', description: 'What happens, as it happens' },
      { name: 'Callbacks', description: 'For the orchestrator' },
      { name: 'Service', description: 'About the service itself' },
    ],
  });
}
