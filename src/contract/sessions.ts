// Who is signed in, as a page of this service is shown it.
import * as z from 'zod';
import { timestamp } from './fields.ts';

export const session = z
  .object({
    actor_id: z.string().meta({ description: 'Who acts: the `sub` that the provider knows them by.' }),
    actor_name: z
      .string()
      .nullable()
      .meta({ description: 'What they are called, in at most 100 characters; null where it is not known.' }),
    can_write: z.boolean().meta({ description: 'False for who may only read.' }),
    signed_in_at: timestamp,
    expires_at: timestamp.meta({
      description: 'When it ends, unless it is used before: eight hours after it was last renewed.',
    }),
    ends_at: timestamp.meta({ description: 'When it ends in any case: 24 hours after signing in.' }),
  })
  .meta({ id: 'Session' });

export const endedSession = z
  .object({
    end_session_url: z.url().nullable().meta({
      description:
        'Where a page goes next to sign out at the provider too, which leads back to the console; null where the provider does not support that, or did not answer.',
    }),
  })
  .meta({ id: 'EndedSession' });
