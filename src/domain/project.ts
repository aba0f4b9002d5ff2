// What a project is, and what it knows of its jobs: a summary each, pushed by the job, which is the truth.
import type { Job } from './job.ts';

export interface Project {
  id: string;
  owner: string;
  /** Of the request that created it, where that had a key by which it can be repeated. */
  requestDigest: string | null;
  name: string;
  createdAt: number;
}

export type JobSummary = Pick<Job, 'id' | 'projectId' | 'status' | 'revision' | 'createdAt' | 'updatedAt'>;

export const summaryOf = ({ id, projectId, status, revision, createdAt, updatedAt }: Job): JobSummary => ({
  id,
  projectId,
  status,
  revision,
  createdAt,
  updatedAt,
});

/** Where an item stands in a list that goes by time of creation: what a next page begins after. */
export interface Position {
  createdAt: number;
  id: string;
}
