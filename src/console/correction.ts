// A correction while it is written: what it corrects, what is typed, which stays in the browser until the server has it, and the
// text that somebody else has saved meanwhile.
import { batch, type Signal, signal } from '@preact/signals';
import type { Refusal, Schemas } from './api.ts';
import { askContent, type Text } from './content.ts';
import { keepUnsaved, unsaved } from './kept.ts';

export type Version = Schemas['ArtifactVersion'];
type Phase = 'loading' | 'text' | 'elsewhere' | 'not-text' | 'refused';

const DEFAULT_TYPE = 'text/plain; charset=utf-8';

/** The text that is being written: what it corrects, what it was, and what there is beside it. */
export class Correction {
  readonly phase: Signal<Phase> = signal('loading');
  readonly refusal: Signal<Refusal | null> = signal(null);
  readonly text = signal('');
  /** As the server has it. */
  readonly original = signal('');
  readonly corrects = signal(0);
  readonly isKept = signal(true);
  /** A newer version, that somebody else has saved meanwhile. */
  readonly newer: Signal<{ version: Version; text: string | null } | null> = signal(null);
  /** What was typed, once it has given way to the version that it corrects: to be brought back. */
  readonly aside: Signal<string | null> = signal(null);
  /** What has been saved from this page. */
  readonly saved: Signal<number | null> = signal(null);
  #type = DEFAULT_TYPE;
  /** Under which it is kept: whoever signs in next in this browser is somebody else. */
  readonly key: string;
  readonly #left = new AbortController();
  readonly #jobId: string;
  readonly #stage: Text;

  constructor(personId: string, jobId: string, stage: Text) {
    this.key = `${personId}:${jobId}:${stage}`;
    this.#jobId = jobId;
    this.#stage = stage;
  }

  get type(): string {
    return this.#type;
  }

  async load(counting: number): Promise<void> {
    const kept = unsaved(this.key);
    const corrects = kept?.corrects ?? counting;
    this.corrects.value = corrects;
    const answer = await askContent(this.#jobId, this.#stage, corrects, this.#left.signal);
    if (this.#left.signal.aborted) return;
    batch(() => {
      if (!answer.ok) {
        const { code } = answer.refusal;
        const isElsewhere = code === 'ARTIFACT_NOT_STORED_HERE' || code === 'NO_ARTIFACT_STORE';
        this.refusal.value = answer.refusal;
        this.phase.value = isElsewhere ? 'elsewhere' : 'refused';
        return;
      }
      if (answer.data === null) {
        this.phase.value = 'not-text';
        return;
      }
      this.#type = answer.data.type;
      this.original.value = answer.data.text;
      this.text.value = kept?.text ?? answer.data.text;
      const aside = unsaved(this.#asideKey);
      this.aside.value = aside?.corrects === corrects ? aside.text : null;
      this.phase.value = 'text';
    });
    if (corrects !== counting && this.newer.value === null) await this.showNewer(counting, null);
  }

  write(text: string): void {
    this.text.value = text;
    const isSame = text === this.original.value;
    this.isKept.value = keepUnsaved(this.key, isSame ? null : { text, corrects: this.corrects.value });
  }

  putAside(): void {
    this.#keepAside(this.text.value);
    this.write(this.original.value);
  }

  bringBack(): void {
    if (this.aside.value !== null) this.write(this.aside.value);
    this.#keepAside(null);
  }

  /** Of another version it would be no correction. */
  #keepAside(text: string | null): void {
    this.aside.value = text;
    keepUnsaved(this.#asideKey, text === null ? null : { text, corrects: this.corrects.value });
  }

  get #asideKey(): string {
    return `${this.key}:aside`;
  }

  /** Beside one's own text, which stays. */
  async showNewer(number: number, version: Version | null): Promise<void> {
    const answer = await askContent(this.#jobId, this.#stage, number, this.#left.signal);
    if (this.#left.signal.aborted) return;
    const text = answer.ok ? (answer.data?.text ?? null) : null;
    this.newer.value = { version: version ?? ({ stage: this.#stage, version: number } as Version), text };
  }

  /** From now on as a correction of the newer one. */
  takeOn(number: number): void {
    batch(() => {
      this.corrects.value = number;
      this.original.value = this.newer.value?.text ?? this.original.value;
      this.newer.value = null;
    });
    this.#keepAside(null);
    this.write(this.text.value);
  }

  /** The newer text in place of one's own. */
  giveWay(number: number): void {
    const text = this.newer.value?.text;
    if (text == null) return;
    this.takeOn(number);
    this.write(text);
  }

  /** What was typed since it was sent is not saved yet. */
  savedAs(version: number, sent: string): void {
    batch(() => {
      this.saved.value = version;
      this.corrects.value = version;
      this.original.value = sent;
    });
    this.#keepAside(null);
    this.write(this.text.value);
  }

  dispose(): void {
    this.#left.abort();
  }
}
