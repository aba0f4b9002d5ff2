// Every choice of a simulation, drawn from finite lists that the test generated: once they are used up nothing
// fails any more and everything takes a millisecond. Shorter lists and smaller numbers are simpler runs.

/** What can go wrong at each kind of place, with its weight in percent. */
const FAULTS = {
  /** Before an object's output leaves: what was written since the last one is lost, or kept, with the object's memory gone. */
  gate: { 'lost-and-crashed': 2, 'stored-and-crashed': 3, 'sent-and-crashed': 3 },
  /** The last two are calls that neither answer nor fail: nobody took them, or nobody answers. */
  call: { 'never-arrives': 2, 'answer-lost': 2, hangs: 1, 'answer-hangs': 1 },
  /** Of the queue, as of a call. */
  queue: { hangs: 1, 'taken-and-hangs': 1 },
  send: { refused: 3, 'stored-but-failed': 2 },
  message: { twice: 8, late: 6, 'very-late': 3, 'dead-letter': 1 },
  consumer: { dies: 3 },
  delivery: {
    refused: 3,
    unavailable: 7,
    'retry-after': 3,
    hangs: 5,
    'taken-but-silent': 6,
    'arrives-late': 9,
    'answers-late': 6,
  },
  /** Of an object that is to store nothing any more. */
  clear: { fails: 10 },
  /** The bucket of artifacts. */
  store: { hangs: 4, fails: 4 },
  /** One that never comes is still there to be seen, overdue; one that vanishes is not. */
  alarm: { late: 8, 'never-comes': 2, vanishes: 1 },
} as const;
/** Every kind, as it is counted. */
export const ALL_FAULTS = Object.entries(FAULTS)
  .flatMap(([place, kinds]) => Object.keys(kinds).map((kind) => `${place}: ${kind}`))
  .sort();
export type FaultPlace = keyof typeof FAULTS;
export type Fault<P extends FaultPlace> = keyof (typeof FAULTS)[P] & string;

/** Nothing that does not fail takes longer on its way than this. */
export const LONGEST_DELAY_MS = 6;

export interface Chances {
  /** 0–99 each: the lowest mean that nothing fails. */
  faults: readonly number[];
  /** Milliseconds, at most the longest. */
  delays: readonly number[];
}

export class Chance {
  readonly injected = new Map<string, number>();
  /** How many there were. */
  count = 0;
  readonly #faults: number[];
  readonly #delays: number[];

  constructor({ faults, delays }: Chances) {
    this.#faults = faults.toReversed();
    this.#delays = delays.toReversed();
  }

  /** What goes wrong here, if anything. */
  fault<P extends FaultPlace>(place: P): Fault<P> | null {
    let left = 99 - (this.#faults.pop() ?? 0);
    for (const [name, weight] of Object.entries(FAULTS[place])) {
      if (left < weight) {
        const fault = `${place}: ${name}`;
        this.injected.set(fault, (this.injected.get(fault) ?? 0) + 1);
        this.count += 1;
        return name as Fault<P>;
      }
      left -= weight;
    }
    return null;
  }

  /** Whether nothing fails any more. */
  get isSpent(): boolean {
    return this.#faults.length === 0;
  }

  delayMs(): number {
    return this.#delays.pop() ?? 1;
  }
}
