// Puts together what arrives together: pushes of many jobs to one project share a commit, and each is answered after it.

export class Gathered<T> {
  readonly #store: (items: T[]) => void;
  readonly #arrived: T[] = [];
  #storing: Promise<void> | null = null;

  /** `store` keeps all or none of what it is given. */
  constructor(store: (items: T[]) => void) {
    this.#store = store;
  }

  /** Resolves when the item is stored. */
  put(item: T): Promise<void> {
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
