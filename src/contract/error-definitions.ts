// The table of errors as a resource.
import * as z from 'zod';
import { ERRORS, type ErrorCode, problemType } from './errors.ts';

const errorDefinition = z
  .object({
    error_code: z.string(),
    type: z.string(),
    status: z.int(),
    title: z.string(),
    retryable: z.boolean(),
    what_to_do: z.string(),
  })
  .meta({ id: 'ErrorDefinition' });
export const errorDefinitions = z
  .object({ items: z.array(errorDefinition) })
  .meta({ id: 'ErrorDefinitions' });

export const toErrorDefinitions = (): z.infer<typeof errorDefinitions> => ({
  items: (Object.keys(ERRORS) as ErrorCode[]).map((code) => {
    const { status, title, retryable, whatToDo } = ERRORS[code];
    return { error_code: code, type: problemType(code), status, title, retryable, what_to_do: whatToDo };
  }),
});
