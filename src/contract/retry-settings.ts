// When a failed job is retried by itself, and how often it may be retried at all, as an operator writes it.
import * as z from 'zod';
import { FAILURE_CLASSES } from '../domain/failures.ts';
import type { AutoRetry } from '../domain/rules.ts';

const pauseSeconds = z
  .number()
  .min(1)
  .max(7 * 86_400);
const ms = (seconds: number): number => Math.round(seconds * 1000);

/** What is not said is as by default; without a class nothing is retried by itself. */
export const autoRetry = z
  .strictObject({
    failure_classes: z.array(z.enum(FAILURE_CLASSES)).default([]),
    max_retries: z.int().min(1).max(100).default(3),
    first_pause_seconds: pauseSeconds.default(60),
    factor: z.number().min(1).max(100).default(2),
    longest_pause_seconds: pauseSeconds.default(3600),
  })
  .refine((settings) => settings.first_pause_seconds <= settings.longest_pause_seconds, {
    path: ['longest_pause_seconds'],
    message: 'is shorter than the first pause',
  })
  .transform(
    (settings): AutoRetry => ({
      failureClasses: settings.failure_classes,
      maxRetries: settings.max_retries,
      firstPauseMs: ms(settings.first_pause_seconds),
      factor: settings.factor,
      longestPauseMs: ms(settings.longest_pause_seconds),
    }),
  );

export const limits = z.strictObject({ retries_per_job: z.int().min(0).max(1_000_000).default(0) });
