// The model policy as an operator writes it: profiles, the models behind them, and what kinds of failures codes stand for.
import * as z from 'zod';
import { FAILURE_CLASSES } from '../domain/failures.ts';
import { RESUME_STATUSES } from '../domain/lifecycle.ts';
import type { ModelPolicy } from '../domain/policy.ts';

const engineName = z.string().regex(/^[!-~]{1,100}$/, 'must be 1 to 100 visible ASCII characters');

/** A stage that no engine is named for takes any. */
export const modelPolicy = z
  .strictObject({
    version: z.string().min(1).max(64),
    default_profile: z.string(),
    profiles: z
      .array(
        z.strictObject({
          id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
          title: z.string().min(1).max(200),
          enabled: z.boolean(),
          resume_from: z.array(z.enum(RESUME_STATUSES)).min(1),
          engines: z
            .strictObject({ transcript: engineName.optional(), draft: engineName.optional() })
            .default({}),
        }),
      )
      .min(1),
    failure_classes: z.record(z.string().min(1).max(64), z.enum(FAILURE_CLASSES)).default({}),
  })
  .refine(({ profiles }) => new Set(profiles.map(({ id }) => id)).size === profiles.length, {
    path: ['profiles'],
    message: 'holds an id twice',
  })
  .refine(
    ({ profiles, default_profile }) =>
      profiles.some(
        ({ id, enabled, resume_from }) =>
          id === default_profile && enabled && resume_from.includes('UPLOADED'),
      ),
    { path: ['default_profile'], message: 'is not an enabled profile that may start from UPLOADED' },
  )
  .transform(
    (policy): ModelPolicy => ({
      version: policy.version,
      defaultProfile: policy.default_profile,
      profiles: policy.profiles.map(({ resume_from, engines, ...profile }) => ({
        ...profile,
        resumeFrom: resume_from,
        engines: { ...engines },
      })),
      failureClasses: policy.failure_classes,
    }),
  );
