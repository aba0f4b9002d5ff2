// What an editor calls a job by, as it is sent and shown.
import * as z from 'zod';
import { type Labels, MAX_METADATA } from '../domain/labels.ts';
import { plainText, visibleText } from './fields.ts';

const MAX_TAGS = 10;
const MAX_NAME_LENGTH = 40;
const MAX_VALUE_LENGTH = 500;

const OF_TEXT = 'without control characters, line separators or characters that change the direction of text';

export const externalId = visibleText(128).meta({
  description: `Your own id for it, unique in its project and for good: something that can be seen, ${OF_TEXT}. Blanks around it are taken away.`,
  example: 'talk-2026-117',
});

export const tag = visibleText(64);

/** Each once, however often it is given. */
export const tags = z
  .array(tag)
  .max(MAX_TAGS)
  .transform((given) => [...new Set(given)])
  .meta({ example: ['conference', 'urgent'] });

/** `__proto__` means something to JavaScript, and a record would leave it out. */
const entries = <Value extends z.ZodType>(value: Value, most: number) =>
  z
    .custom<Readonly<Record<string, unknown>>>(
      (given) => typeof given === 'object' && given !== null && !Array.isArray(given),
      'must be an object',
    )
    .refine((given) => !Object.hasOwn(given, '__proto__'), 'must not have an entry named __proto__')
    .refine((given) => Object.keys(given).length <= most, `must not have more than ${most} entries`)
    .pipe(z.record(visibleText(MAX_NAME_LENGTH), value))
    .nullish();

const value = plainText(MAX_VALUE_LENGTH);
const shape = {
  type: ['object', 'null'] as ['object', 'null'],
  propertyNames: { minLength: 1, maxLength: MAX_NAME_LENGTH },
  additionalProperties: { type: 'string' as const, maxLength: MAX_VALUE_LENGTH },
};
const described = `At most ${MAX_METADATA} entries: a name of 1 to ${MAX_NAME_LENGTH} characters → text of at most ${MAX_VALUE_LENGTH}, both ${OF_TEXT}.`;

export const metadata = entries(value, MAX_METADATA).meta({
  ...shape,
  maxProperties: MAX_METADATA,
  description: described,
  example: { language: 'de' },
});

/** A patch may take as many away as it adds. */
export const metadataChanges = entries(value.nullable(), 2 * MAX_METADATA).meta({
  ...shape,
  additionalProperties: { type: ['string', 'null'], maxLength: MAX_VALUE_LENGTH },
  maxProperties: 2 * MAX_METADATA,
  description: `Merged into what is there; null takes an entry away. ${described}`,
  example: { language: 'de', speaker: null },
});

/** As they are shown. */
export const labels = {
  external_id: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
  tags: z.array(z.string()),
};

export const toLabelFields = (record: Labels) => ({
  external_id: record.externalId,
  metadata: { ...record.metadata },
  tags: [...record.tags],
});

interface Sent {
  external_id?: string | null | undefined;
  metadata?: Readonly<Record<string, string>> | null | undefined;
  tags?: readonly string[] | null | undefined;
}

/** Null says as much as nothing. */
export const toLabels = ({ external_id, metadata, tags }: Sent): Labels => ({
  externalId: external_id ?? null,
  metadata: metadata ?? {},
  tags: tags ?? [],
});
