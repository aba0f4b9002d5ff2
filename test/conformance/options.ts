// What a run of the kit depends on. main.ts reads it from the command line.
export interface ListenAddress {
  host: string;
  /** 0 takes a free one. */
  port: number;
}

/** Whoever does not take these can be worked with all the same. */
export const OPTIONAL = ['redo', 'export'] as const;
export type Optional = (typeof OPTIONAL)[number];

export interface KitOptions {
  /** Where dispatches are POSTed. */
  url: string;
  /** Standard Webhooks secrets; all sign, as Retake's do. */
  secrets: readonly string[];
  /** How long a pipeline may take as a whole. */
  timeoutMs: number;
  /** How long a pipeline at work may be silent; and so how long to listen until it is known to have stopped. */
  heartbeatMs: number;
  /** How long a dispatch may take to be answered. */
  answerWithinMs: number;
  videoUri: string;
  /** A video that can't be read. */
  failingVideoUri: string;
  modelProfile: string;
  /** Messages that the orchestrator says it does not take. */
  without: readonly Optional[];
  /** What it is asked to export, and with what. */
  formats: readonly string[];
  params: Readonly<Record<string, unknown>>;
  /** How many checks run side by side. */
  concurrency: number;
  /** The names of the checks to run; all when empty. */
  only: readonly string[];
  listen: ListenAddress;
  /** How the orchestrator reaches the receiver; null: where it listens. */
  callbackBaseUrl: string | null;
}
