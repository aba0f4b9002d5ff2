// What a project of the bench is asked, and answers.
import type { JobFilter } from '../../../src/domain/job-filter.ts';

/** What a project of the bench is asked. */
export interface Asked {
  what: 'nothing' | 'page' | 'matching' | 'counts' | 'counts, first';
  filter: JobFilter;
  limit: number;
}
/** What it found, and what it read for that. */
export interface Told {
  found: number;
  rowsRead: number;
}
