// Puts together what arrives together: pushes of many jobs to one project share a commit, and each is answered after it.

export class Gathered<T, Stored> {
  readonly #store: (items: T[]) => Stored;
  readonly #arrived: T[] = [];
  #storing: Promise<Stored> | null = null;

  /** `store` keeps all or none of what it is given, and answers for all of it. */
  constructor(store: (items: T[]) => Stored) {
    this.#store = store;
  }

  /** Resolves when the item is stored, with what was answered for all that were stored with it. */
  put(item: T): Promise<Stored> {
    this.#arrived.push(item);
    this.#storing ??= new Promise((resolve, reject) => {
      setTimeout(() => {
        this.#storing = null;
        try {
          resolve(this.#store(this.#arrived.splice(0)));
        } catch (error) {
          reject(error);
        }
      }, 0);
    });
    return this.#storing;
  }
}
