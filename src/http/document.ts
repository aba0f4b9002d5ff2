// The OpenAPI document, generated from the routes themselves. spec/openapi.yaml is its committed copy.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { AppEnv } from './app-env.ts';

export type OpenApiDocument = ReturnType<OpenAPIHono<AppEnv>['getOpenAPI31Document']>;

let generated: OpenApiDocument | null = null;

export function openapiDocument(app: OpenAPIHono<AppEnv>): OpenApiDocument {
  if (generated) return generated;
  app.openAPIRegistry.registerComponent('securitySchemes', 'editorToken', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An editor’s token. `sub` (with `iss`) owns what it creates.',
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'callbackToken', {
    type: 'http',
    scheme: 'bearer',
    description: 'The callback token that came with the dispatch.',
  });
  generated = app.getOpenAPI31Document({
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
      { name: 'Callbacks', description: 'For the orchestrator' },
      { name: 'Service', description: 'About the service itself' },
    ],
  });
  return generated;
}
