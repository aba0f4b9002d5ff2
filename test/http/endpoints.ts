// The contract's endpoints for editors, for lists of endpoints that must not miss one.
import { contract } from '../../src/http/app.ts';

/** As `POST /jobs/{id}/run`, whatever the id is called; of artifacts, one of each. */
export const editorEndpoints = (): string[] =>
  Object.entries(contract().paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item as Record<string, { security: Record<string, unknown>[] }>)
      .filter(([, { security }]) => security.some((scheme) => 'editorToken' in scheme))
      .map(
        ([method]) =>
          `${method.toUpperCase()} ${path
            .replace('{stage}', 'transcript')
            .replace('{version}', '1')
            .replace(/\{\w+\}/g, '{id}')}`,
      ),
  );
